"""The first calls: a payload as GitHub sends it, signed by us and by GitHub, and followed until its run has an end.

The payload is GitHub's own example of a `push` event, from the npm package `@octokit/webhooks-examples` (MIT), which
GitHub's octokit team publishes: https://github.com/octokit/webhooks.
"""

from __future__ import annotations

import hmac
import json
import time
from collections.abc import Mapping
from typing import Any, Protocol

from tools.local.emulator import ROOT, LocalStackError
from tools.local.http import Answer

EXAMPLES = ROOT / "node_modules/@octokit/webhooks-examples/api.github.com/index.json"
ROUTE = "/api/webhook_echo"
GITHUB_ROUTE = "github_events"
SECONDS_TO_SUCCEED = 60
_ENDED = frozenset({"succeeded", "failed", "cancelled", "skipped", "abandoned"})


def github_push() -> bytes:
    """The body of GitHub's published example of a `push` webhook."""
    events = json.loads(EXAMPLES.read_text())
    example = next(event["examples"][0] for event in events if event["name"] == "push")
    return json.dumps(example, separators=(",", ":")).encode()


class RunReader(Protocol):
    """A deployed API that is asked for runs."""

    def run(self, trace_id: str) -> Answer:
        """Ask for a run."""


class Api(RunReader, Protocol):
    """A deployed API, wherever it is."""

    def post_signed(self, path: str, body: bytes, key: str) -> Answer:
        """Send a POST with WorkerFlow signature v1."""


class GithubApi(RunReader, Protocol):
    """A deployed API with a secret for GitHub's calls."""

    @property
    def github_secret(self) -> str:
        """What GitHub signs calls of `github_events` with."""

    def send(self, method: str, path: str, *, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Send a request, exactly as given."""


class Dashboard(Protocol):
    """A deployed dashboard, asked with a token."""

    def ask_dashboard(self, method: str, path: str) -> Answer:
        """Send a request to its API."""


def shown_by(dashboard: Dashboard, run: Mapping[str, Any]) -> Mapping[str, Any]:
    """A run as the dashboard's API tells it.

    Raises:
        LocalStackError: it does not tell it, or tells another state.
    """
    answer = dashboard.ask_dashboard("GET", f"/api/runs/{run['traceId']}")
    if answer.status != 200:  # noqa: PLR2004 - OK
        raise LocalStackError(f"The dashboard answered {answer.status}: {answer.body.decode(errors='replace')}")
    shown: Mapping[str, Any] = answer.json()
    if shown["state"] != run["state"]:
        raise LocalStackError(f"The dashboard shows a run that {run['state']} as {shown['state']}.")
    return shown


def call_and_wait(api: Api, key: str) -> Mapping[str, Any]:
    """Send the payload to `webhook_echo` and wait for its run.

    Returns:
        The run, as the API tells it.

    Raises:
        LocalStackError: the call is not accepted, or its run does not succeed.
    """
    return succeeded(api, accepted(api.post_signed(ROUTE, github_push(), key))["traceId"])


def send_as_github(api: GithubApi, body: bytes) -> Mapping[str, Any]:
    """Send a body to `github_events` as GitHub sends a webhook.

    Returns:
        What the call was answered: the same task and `duplicate`, when that event came before.

    Raises:
        LocalStackError: the call is not accepted.
    """
    headers = {
        "content-type": "application/json",
        "user-agent": "GitHub-Hookshot/make-up",
        "x-github-event": "push",
        "x-hub-signature-256": github_signature(api.github_secret, body),
    }
    return accepted(api.send("POST", f"/api/{GITHUB_ROUTE}", body=body, headers=headers))


def github_signature(secret: str, body: bytes) -> str:
    """The header `X-Hub-Signature-256`.

    Source: GitHub documentation, "Validating webhook deliveries".
    """
    return f"sha256={hmac.digest(secret.encode(), body, 'sha256').hex()}"


def accepted(answer: Answer) -> Mapping[str, Any]:
    """The document of a 202. Raises LocalStackError for any other answer."""
    if answer.status != 202:  # noqa: PLR2004 - Accepted
        raise LocalStackError(f"The call was answered {answer.status}: {answer.body.decode(errors='replace')}")
    document: Mapping[str, Any] = answer.json()
    return document


def succeeded(api: RunReader, trace_id: str) -> Mapping[str, Any]:
    """The run, once it has succeeded.

    Raises:
        LocalStackError: it has no end in time, or another one.
    """
    run = wait_for_end(api, trace_id)
    if run["state"] != "succeeded":
        raise LocalStackError(f"The run did not succeed: {json.dumps(run)}")
    return run


def wait_for_end(api: RunReader, trace_id: str, seconds: float = SECONDS_TO_SUCCEED) -> Mapping[str, Any]:
    """Ask for the run until it is terminal.

    Raises:
        LocalStackError: it is not, in that time.
    """
    deadline = time.monotonic() + seconds
    while True:
        answer = api.run(trace_id)
        run: Mapping[str, Any] = answer.json()
        if answer.status == 200 and run["state"] in _ENDED:  # noqa: PLR2004 - OK
            return run
        if time.monotonic() > deadline:
            raise LocalStackError(f"The run has no end after {seconds:.0f} s: {answer.status} {answer.body.decode()}")
        time.sleep(0.2)
