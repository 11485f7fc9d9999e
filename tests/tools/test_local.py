"""What `make up` says and prints, as far as it can be known without an emulator."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import override

import pytest

from tests.support.senders import signed_by
from tools.build_manifest import build, handler_folders
from tools.credentials import keep_secret
from tools.local import Answer, Emulator, LocalStack, LocalStackError
from tools.local.__main__ import EXAMPLES, curl, what_next
from tools.local.cdk import CdkRun
from tools.local.demo import github_push, github_signature, send_as_github, shown_by
from tools.local.emulator import ROOT
from tools.local.schedule import NAME, TICKS, Fire, clock_time, make_known, show_fire
from workerflow.domain.schedule_cursor import ScheduleCursor
from workerflow.domain.signature import SignatureVerdict, SignedCall, verify

OUTPUTS = {"ApiId": "abcdef12", "DashboardUrl": "https://ghijkl34.lambda-url.us-east-1.on.aws/"}


@pytest.fixture
def stack(tmp_path: Path) -> LocalStack:
    """A stack that somebody else deployed."""
    (tmp_path / "outputs.json").write_text(json.dumps({"workerflow-local": OUTPUTS}))
    return LocalStack(4599, tmp_path)


def test_a_taken_port_is_one_clear_sentence(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(LocalStackError) as caught:
            Emulator(port, tmp_path).start(enforce_iam=True)
    assert str(caught.value) == (
        f"Port {port} is taken by another program: stop that, or choose another port with "
        f"`WORKERFLOW_PORT={port + 1} make up`."
    )


def test_a_process_that_took_over_the_id_is_not_ours(tmp_path: Path) -> None:
    (tmp_path / "emulator.json").write_text(json.dumps({"pid": os.getpid(), "port": 4599, "enforces_iam": True}))
    emulator = Emulator(4599, tmp_path)
    assert emulator.pid() is None
    assert not emulator.enforces_iam()
    emulator.stop()  # and is not stopped


def test_nothing_deployed_is_one_clear_sentence(tmp_path: Path) -> None:
    with pytest.raises(LocalStackError, match="Nothing is deployed yet: run `make up`"):
        _ = LocalStack(4599, tmp_path).api_host


def test_a_changed_setting_or_port_is_deployed_again(tmp_path: Path) -> None:
    stack = LocalStack(4599, tmp_path)
    (tmp_path / "deployed").write_text(stack._fingerprint())
    assert LocalStack(4599, tmp_path).is_current()
    assert not LocalStack(4600, tmp_path).is_current()
    assert not LocalStack(4599, tmp_path, settings={"FORWARD_URL": "http://127.0.0.1:1/"}).is_current()


def test_a_stack_stays_on_its_port(tmp_path: Path) -> None:
    queue = "http://localhost:4599/000000000000/workerflow-local-tasks"
    (tmp_path / "outputs.json").write_text(json.dumps({"workerflow-local": {"QueueUrl": queue}}))
    with pytest.raises(LocalStackError, match="made on port 4599 and stays there: run `WORKERFLOW_PORT=4599 make up`"):
        LocalStack(4600, tmp_path).up()


def test_the_demo_sends_githubs_own_example() -> None:
    payload = json.loads(github_push())
    assert payload["repository"]["full_name"] == "Codertocat/Hello-World"
    assert payload["ref"].startswith("refs/")


def test_the_demo_signs_as_github_documents_it() -> None:
    """Source: GitHub documentation, "Validating webhook deliveries", "Testing the webhook payload validation"."""
    assert github_signature("It's a Secret to Everybody", b"Hello, World!") == (
        "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    )
    body = github_push()
    expected = signed_by("github", at=0, body=body, secret="another secret")["x-hub-signature-256"]
    assert github_signature("another secret", body) == expected


class OneAnswer:
    """Answers every call in the same way, and remembers what was sent."""

    github_secret = "a secret of this stack"

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.sent: list[tuple[str, bytes, Mapping[str, str]]] = []

    def send(self, _method: str, path: str, *, body: bytes, headers: Mapping[str, str]) -> Answer:
        self.sent.append((path, body, headers))
        return self.answer

    def run(self, _trace_id: str) -> Answer:
        return self.answer


def test_the_demo_sends_the_event_as_github_does() -> None:
    api = OneAnswer(Answer(202, {}, b'{"traceId": "t", "duplicate": false}'))
    assert send_as_github(api, b"{}") == {"traceId": "t", "duplicate": False}
    [(path, body, headers)] = api.sent
    assert (path, body) == ("/api/github_events", b"{}")
    assert headers["x-hub-signature-256"] == github_signature(api.github_secret, b"{}")


def test_a_webhook_that_is_refused_is_told_with_the_answer() -> None:
    api = OneAnswer(Answer(401, {}, b'{"code": "signature_mismatch"}'))
    with pytest.raises(LocalStackError, match=r"answered 401: .*signature_mismatch"):
        send_as_github(api, b"{}")


class OneAnswerOfTheDashboard:
    """Answers in one way whatever is asked."""

    def __init__(self, status: int, **document: object) -> None:
        self.answer = Answer(status, {}, json.dumps(document).encode())
        self.asked: list[tuple[str, str]] = []

    def ask_dashboard(self, method: str, path: str) -> Answer:
        self.asked.append((method, path))
        return self.answer


RUN = {"traceId": "t", "state": "succeeded"}


def test_the_demo_asks_the_dashboard_for_its_run() -> None:
    dashboard = OneAnswerOfTheDashboard(200, **RUN, attempts=[])
    assert shown_by(dashboard, RUN)["state"] == "succeeded"
    assert dashboard.asked == [("GET", "/api/runs/t")]


@pytest.mark.parametrize(
    ("dashboard", "told"),
    [
        (OneAnswerOfTheDashboard(401, code="token_invalid"), r"answered 401: .*token_invalid"),
        (OneAnswerOfTheDashboard(200, traceId="t", state="queued"), "shows a run that succeeded as queued"),
    ],
)
def test_a_dashboard_that_does_not_show_the_run_is_one_clear_sentence(
    dashboard: OneAnswerOfTheDashboard, told: str
) -> None:
    with pytest.raises(LocalStackError, match=told):
        shown_by(dashboard, RUN)


def test_the_secret_for_github_stays_and_is_its_owners_only(tmp_path: Path) -> None:
    file = tmp_path / "state/secret"
    secret = keep_secret(file)
    assert len(secret) == 64
    assert keep_secret(file) == secret
    assert file.stat().st_mode & 0o777 == 0o600
    assert LocalStack(4599, tmp_path).github_secret != secret


MINUTE_MS = 60_000
NOON_MS = 1_800_000_000_000


class Schedules:
    """A stack whose schedule fires at the next minute, if a tick comes then; its clock goes on while one sleeps."""

    def __init__(self, *, fires: bool = True, clock_behind_ms: int = 0) -> None:
        self.now_ms = NOON_MS + 20_000
        self.ticks: list[int] = []
        self.told: list[str] = []
        self._fires = fires
        self._clock_behind_ms = clock_behind_ms
        self._cursor: ScheduleCursor | None = None

    def cursor(self, schedule: str) -> ScheduleCursor | None:
        assert schedule == NAME
        return self._cursor

    def tick(self) -> None:
        self.ticks.append(self.now_ms)
        now_ms = self.now_ms - self._clock_behind_ms
        if self._cursor is None:
            due_ms = (now_ms // MINUTE_MS + 1) * MINUTE_MS
            self._cursor = ScheduleCursor("default", NAME, "", now_ms, due_ms, 1, "n")
        elif self._fires and now_ms >= (self._cursor.next_due_ms or 0):
            due_ms = self._cursor.next_due_ms or 0
            self._cursor = self._cursor.change(
                nonce="n", last_due_ms=due_ms, last_trace_id="t", next_due_ms=due_ms + MINUTE_MS
            )

    def run(self, trace_id: str) -> Answer:
        return Answer(200, {}, json.dumps({"traceId": trace_id, "state": "succeeded"}).encode())

    def show(self) -> Fire:
        return show_fire(self, self.told.append, now_ms=lambda: self.now_ms, sleep=self._sleep)

    def _sleep(self, seconds: float) -> None:
        self.now_ms += round(seconds * 1000)


def test_the_first_fire_is_waited_for_until_its_minute_and_no_longer() -> None:
    stack = Schedules()
    make_known(stack)
    fire = stack.show()
    assert (fire.due_ms, fire.run["traceId"], fire.is_new) == (NOON_MS + MINUTE_MS, "t", True)
    assert stack.now_ms == NOON_MS + MINUTE_MS
    due = clock_time(NOON_MS + MINUTE_MS)
    assert stack.told == [f"waiting 40 s for the schedule {NAME}, which is due at {due}"]


def test_a_tick_that_came_a_moment_early_is_repeated() -> None:
    stack = Schedules(clock_behind_ms=300)
    make_known(stack)
    assert stack.show().is_new
    assert len(stack.ticks) == 3


def test_the_last_fire_is_shown_at_once() -> None:
    stack = Schedules()
    make_known(stack)
    stack.show()
    stack.told.clear()
    ticks, then_ms = len(stack.ticks), stack.now_ms
    make_known(stack)
    fire = stack.show()
    assert (fire.due_ms, fire.is_new) == (NOON_MS + MINUTE_MS, False)
    assert (stack.told, len(stack.ticks), stack.now_ms) == ([], ticks, then_ms)


def test_a_schedule_that_does_not_fire_is_one_clear_sentence() -> None:
    stack = Schedules(fires=False)
    make_known(stack)
    with pytest.raises(LocalStackError, match=f"The schedule {NAME} does not fire"):
        stack.show()
    assert len(stack.ticks) == 1 + TICKS


def test_the_schedule_that_is_shown_is_deployed_on_this_machine_only() -> None:
    here = build(handler_folders(ROOT, [EXAMPLES], {}), ROOT)
    elsewhere = build(handler_folders(ROOT, [Path("functions/workflow/handlers")], {}), ROOT)
    assert here.schedules[NAME].cron == "* * * * *"
    assert NAME not in elsewhere.schedules


def test_the_text_at_the_end_names_what_is_there(stack: LocalStack) -> None:
    text = what_next(stack, "wfd_the-token")
    assert (EXAMPLES / f"{NAME}.py").is_file()
    assert f"Schedule tools/local/handlers/{NAME}.py" in text
    assert "github-secret" in text
    assert "http://ghijkl34.lambda-url.us-east-1.localhost:4599/" in text
    assert "\n  wfd_the-token\n" in text
    assert stack.github_secret not in text


def test_the_printed_call_is_signed_as_ingress_wants_it(stack: LocalStack, tmp_path: Path) -> None:
    (tmp_path / "curl").write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    (tmp_path / "curl").chmod(0o755)
    script = f"date() {{ echo 1800000000; }}\n{curl(stack)}"
    secret = stack.credentials.signing
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-eu", "-c", script], env={"PATH": path}, cwd=Path.cwd(), capture_output=True, text=True, check=True
    )
    sent = done.stdout.splitlines()
    headers = dict(sent[at + 1].split(": ", 1) for at, argument in enumerate(sent) if argument == "-H")
    call = SignedCall(
        timestamp=headers["X-Signature-Timestamp"],
        method="POST",
        path="/api/webhook_echo",
        query="",
        tenant="default",
        key=headers["Idempotency-Key"],
        body=sent[sent.index("-d") + 1].encode(),
    )
    assert headers["Host"] == "abcdef12.execute-api.localhost:4599"
    assert verify([secret], call, headers["X-Signature"], now_seconds=1_800_000_000) is SignatureVerdict.VALID


class NoEmulator(Emulator):
    """Runs while its folder holds a file that says so."""

    @override
    def pid(self) -> int | None:
        return 1 if (self.state / "runs").exists() else None

    @override
    def start(self, *, enforce_iam: bool) -> None:
        (self.state / "runs").touch()

    @override
    def stop(self) -> None:
        (self.state / "runs").unlink(missing_ok=True)


class FaultyHandlers(LocalStack):
    """A stack whose synthesis fails."""

    @override
    def _synthesize(self) -> CdkRun:
        log = self.state / "cdk-synth.log"
        log.write_text("the handlers have faults")
        return CdkRun(subprocess.Popen(["false"]), log, "synth")

    @override
    def _bootstrap(self) -> None:
        return


@pytest.mark.parametrize("running", [True, False])
def test_a_synthesis_that_fails_leaves_running_what_ran_and_nothing_else(tmp_path: Path, *, running: bool) -> None:
    stack = FaultyHandlers(4599, tmp_path)
    stack.emulator = NoEmulator(4599, tmp_path)
    if running:
        stack.emulator.start(enforce_iam=True)
    (tmp_path / "deployed").write_text("earlier sources")
    with pytest.raises(LocalStackError, match="the handlers have faults"):
        stack.deploy()
    assert (stack.emulator.pid() is not None) is running
    assert (tmp_path / "deployed").is_file() is running
