"""The local stack: the emulator, what is deployed on it, and the credentials to call it with.

    synth (CDK CLI) ----------+
    start, IAM off            |
    bootstrap                 |
    deploy <------------------+
    stop (state is written)
    start, IAM enforced

Deploying with IAM enforced does not work: the emulator refuses the CLI's own assets.
"""

from __future__ import annotations

import fcntl
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from botocore.session import Session

from tools.credentials import Credentials, keep_credentials, keep_secret, mint_credentials, publish, set_sender
from tools.local.cdk import ACCOUNT, REGION, CdkRun, credentials_of_emulator, start_cdk
from tools.local.demo import GITHUB_ROUTE
from tools.local.emulator import ROOT, Emulator, LocalStackError, remove_behind
from tools.local.http import Answer, send
from tools.local.sources import fingerprint_of_deployment
from tools.sign import signed_headers
from tools.tokens import Place, keep_token
from workerflow.adapters.dynamodb.database import Database
from workerflow.adapters.dynamodb.schedules import DynamoSchedules
from workerflow.domain.schedule_cursor import ScheduleCursor
from workerflow.tables import CURSOR_STATE, TABLES, table_name

if TYPE_CHECKING:
    from botocore.client import BaseClient

PREFIX = "workerflow-local"
TENANT = "default"
GITHUB_SECRET = "github-secret"  # noqa: S105 - the name of its file
TOKEN = "dashboard-token"  # noqa: S105 - the name of its file
OPERATOR = "make up"
_WITHOUT_ASKING = ("--require-approval", "never", "--outputs-file")


def _say_nothing(_: str) -> None:
    return


class LocalStack:
    """WorkerFlow on one emulator.

    Attributes:
        port: On loopback.
        state: Folder that holds everything it keeps; remove it (when stopped) and the stack is gone.
        handlers: Folders of handlers that are deployed beside `functions/workflow/handlers`.
        settings: What an operator may decide at deployment: FORWARD_URL, ALLOWED_PRIVATE_HOSTS, ALARM_EMAIL.
    """

    def __init__(
        self,
        port: int,
        state: Path,
        *,
        handlers: tuple[Path, ...] = (),
        settings: Mapping[str, str] | None = None,
        tell: Callable[[str], None] = _say_nothing,
    ) -> None:
        """Describe a local stack; nothing is started.

        Args:
            port: a free port on loopback.
            state: a folder of its own.
            handlers: extra folders of handlers.
            settings: environment variables of the CDK app.
            tell: hears of each step as it begins.
        """
        self.port = port
        self.state = state.resolve()
        self.handlers = tuple(folder.resolve() for folder in handlers)
        self.settings = dict(settings or {})
        self.emulator = Emulator(port, self.state)
        self._tell = tell

    # --- life ---

    def up(self) -> bool:
        """Bring it up, deployed from the present sources, with IAM enforced.

        Returns:
            Whether something had to be deployed.

        Raises:
            LocalStackError: a step failed; the message says which and why.
        """
        with self._alone():
            self._refuse_another_port()
            deployed = not self.is_current()
            if deployed:
                self.deploy()
            self.start()
            return deployed

    def _refuse_another_port(self) -> None:
        """The emulator's queues are named with the port that they were made on, and no deployment changes that.

        On another port calls would be accepted, and their tasks sent where nobody listens.
        """
        made_on = urlsplit(self.outputs["QueueUrl"]).port if self._outputs_file.is_file() else self.port
        if made_on != self.port:
            raise LocalStackError(
                f"This stack was made on port {made_on} and stays there: run `WORKERFLOW_PORT={made_on} make up`, "
                f"or forget it first with `make clean`."
            )

    def start(self) -> None:
        """Start it with IAM enforced, unless it runs like that already."""
        if self.emulator.enforces_iam():
            return
        self.stop()
        self._tell(f"starting the emulator on {self.emulator.endpoint}, IAM enforced")
        self.emulator.start(enforce_iam=True)

    def stop(self) -> None:
        """Stop it; what it holds is written down and is there again after `start`."""
        self.emulator.stop()

    def restart(self) -> None:
        """Stop and start it, as after a reboot."""
        self.stop()
        self.start()

    def deploy(self) -> None:
        """Deploy the present sources with the CDK CLI. Leaves it stopped, with everything written down.

        Raises:
            LocalStackError: a step failed. If it was the synthesis, what was running runs on.
        """
        fingerprint = self._fingerprint()
        self.state.mkdir(parents=True, exist_ok=True)
        if self.emulator.pid() is None:
            self.emulator.refuse_taken_port()
        self._tell("packaging the functions and synthesizing the stack")
        with self._synthesize() as synthesis:
            if self.emulator.pid() is not None:
                synthesis.finish()  # a handler with a fault must not take down what works
                self.stop()
            try:
                self._deploy(synthesis)
            finally:
                self.stop()  # a failure, too, must not leave it running with IAM off
        self._deployed_file.write_text(fingerprint)

    def _deploy(self, synthesis: CdkRun) -> None:
        self._deployed_file.unlink(missing_ok=True)
        self.emulator.start(enforce_iam=False)
        self._bootstrap()
        synthesis.finish()
        self._tell("deploying the stack with the CDK CLI")
        self._cdk("deploy", "--app", str(self._assembly), *_WITHOUT_ASKING, str(self._outputs_file)).finish()
        self._set_what_the_emulator_drops()
        self._publish_credentials()

    def is_current(self) -> bool:
        """Whether exactly the present sources are deployed."""
        return self._deployed_file.is_file() and self._deployed_file.read_text() == self._fingerprint()

    def remove(self) -> None:
        """Stop it and forget everything."""
        self.stop()
        remove_behind(self.state)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep two commands off one stack: the later one waits, and says so."""
        self.state.mkdir(parents=True, exist_ok=True)
        with (self.state / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                self._tell("waiting for another `make up` on this stack")
                fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    # --- what is deployed ---

    @property
    def outputs(self) -> Mapping[str, str]:
        """The stack's outputs, e.g. `QueueUrl`."""
        if not self._outputs_file.is_file():
            raise LocalStackError("Nothing is deployed yet: run `make up`.")
        outputs: dict[str, str] = json.loads(self._outputs_file.read_text())[PREFIX]
        return outputs

    @property
    def api_host(self) -> str:
        """The host name under which the emulator knows the API; calls go to 127.0.0.1 with it as `Host`."""
        return f"{self.outputs['ApiId']}.execute-api.localhost:{self.port}"

    @property
    def dashboard_host(self) -> str:
        """The host name under which the emulator knows the dashboard.

        Browsers look for names below `localhost` on this machine, and nowhere else. Source: RFC 6761, section 6.3.
        """
        address = urlsplit(self.outputs["DashboardUrl"])
        return f"{str(address.hostname).removesuffix('.on.aws')}.localhost:{self.port}"

    @cached_property
    def dashboard_token(self) -> str:
        """A token for the dashboard that may write, kept in the state folder. The emulator must run."""
        place = Place("local", self.client("secretsmanager"), self.client("dynamodb"), OPERATOR)
        return keep_token(place, self.state / TOKEN)

    @cached_property
    def credentials(self) -> Credentials:
        """The credentials of the tenant `default`, as long as the state folder lives."""
        return keep_credentials(self.state / "credentials.json", mint_credentials)

    @cached_property
    def github_secret(self) -> str:
        """What GitHub would sign its calls with, as long as the state folder lives."""
        return keep_secret(self.state / GITHUB_SECRET)

    def client(self, service: str) -> Any:  # noqa: ANN401 - boto's clients have no common type
        """A client of the emulator for one AWS service, with the rights of its root user."""
        return _client(service, self.emulator.endpoint)

    # --- calls ---

    def send(
        self, method: str, path: str, *, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send a request to the API, exactly as given."""
        return send(self.port, self.api_host, method, path, body=body, headers=headers)

    def post_signed(self, path: str, body: bytes, key: str, headers: Mapping[str, str] | None = None) -> Answer:
        """Send a POST with WorkerFlow signature v1."""
        signed = signed_headers(self.credentials.signing, method="POST", path=path, key=key, body=body)
        return self.send(
            "POST", path, body=body, headers={"content-type": "application/json", **signed, **(headers or {})}
        )

    def run(self, trace_id: str) -> Answer:
        """Ask for a run."""
        return self.send("GET", f"/api/runs/{trace_id}", headers={"authorization": f"Bearer {self.credentials.token}"})

    def ask_dashboard(
        self, method: str, path: str, *, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send a request to the dashboard, with the token unless `headers` hold another or none."""
        authorized = {"authorization": f"Bearer {self.dashboard_token}"} if headers is None else headers
        return send(self.port, self.dashboard_host, method, path, body=body, headers=authorized)

    # --- schedules ---

    def tick(self) -> None:
        """Have the scheduler tick now, beside its own minute.

        Raises:
            LocalStackError: a part of the tick failed.
        """
        answer = self.client("lambda").invoke(FunctionName=f"{PREFIX}-scheduler", Payload=b'{"kind":"tick"}')
        told = json.loads(answer["Payload"].read())
        if told.get("failedParts") != []:
            raise LocalStackError(f"The minute tick failed, see `make logs`: {json.dumps(told)}")

    def cursor(self, schedule: str) -> ScheduleCursor | None:
        """Where a schedule of the tenant `default` stands; None before the first tick."""
        schedules = DynamoSchedules(Database(self.client("dynamodb")), state=table_name(PREFIX, CURSOR_STATE))
        return schedules.get_cursors([(TENANT, schedule)]).get((TENANT, schedule))

    # --- steps ---

    @property
    def _assembly(self) -> Path:
        return self.state / "cdk.out"

    @property
    def _outputs_file(self) -> Path:
        return self.state / "outputs.json"

    @property
    def _deployed_file(self) -> Path:
        return self.state / "deployed"

    def _fingerprint(self) -> str:
        # The port stands in the URLs that functions are told.
        return fingerprint_of_deployment(self.handlers, self.settings | {"port": str(self.port)})

    def _synthesize(self) -> CdkRun:
        arguments = ("--context", "env=local", "--output", str(self._assembly), "--quiet")
        return self._cdk("synth", *arguments, folder=ROOT)

    def _cdk(self, command: str, *arguments: str, folder: Path | None = None) -> CdkRun:
        environment = {
            **credentials_of_emulator(self.emulator.endpoint),
            **self.settings,
            "WORKERFLOW_HANDLERS": ":".join(map(str, self.handlers)),
            "WORKERFLOW_BUILD": str(self.state / "build"),
        }
        log = self.state / f"cdk-{command}.log"
        return start_cdk([command, *arguments], folder=folder or self.state, log=log, environment=environment)

    def _bootstrap(self) -> None:
        stacks = self.client("cloudformation").list_stacks(StackStatusFilter=["CREATE_COMPLETE", "UPDATE_COMPLETE"])
        if not any(stack["StackName"] == "CDKToolkit" for stack in stacks["StackSummaries"]):
            self._tell("bootstrapping the emulated account")
            self._cdk("bootstrap", f"aws://{ACCOUNT}/{REGION}").finish()

    def _set_what_the_emulator_drops(self) -> None:
        """Its CloudFormation ignores a table's TTL: old rows would stay for ever on this machine."""
        dynamodb = self.client("dynamodb")
        for table in TABLES:
            if table.ttl_attribute:
                dynamodb.update_time_to_live(
                    TableName=table_name(PREFIX, table),
                    TimeToLiveSpecification={"Enabled": True, "AttributeName": table.ttl_attribute},
                )

    def _publish_credentials(self) -> None:
        client = self.client("secretsmanager")
        publish(client, "local", TENANT, self.credentials)
        set_sender(client, "local", TENANT, GITHUB_ROUTE, self.github_secret, alone=True)


def _client(service: str, endpoint: str) -> BaseClient:
    return Session().create_client(
        service,
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id="test",
        aws_secret_access_key="test",  # noqa: S106 - the emulator's root user
    )
