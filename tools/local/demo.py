"""The first call: a payload as GitHub sends it, signed, and followed until its run has an end.

The payload is GitHub's own example of a `push` event, from the npm package `@octokit/webhooks-examples` (MIT), which
GitHub's octokit team publishes: https://github.com/octokit/webhooks.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any, Protocol

from tools.local.emulator import ROOT, LocalStackError
from tools.local.http import Answer

EXAMPLES = ROOT / "node_modules/@octokit/webhooks-examples/api.github.com/index.json"
ROUTE = "/api/webhook_echo"
SECONDS_TO_SUCCEED = 60
_ENDED = frozenset({"succeeded", "failed", "cancelled", "skipped", "abandoned"})


def github_push() -> bytes:
    """The body of GitHub's published example of a `push` webhook."""
    events = json.loads(EXAMPLES.read_text())
    example = next(event["examples"][0] for event in events if event["name"] == "push")
    return json.dumps(example, separators=(",", ":")).encode()


class Api(Protocol):
    """A deployed API, wherever it is."""

    def post_signed(self, path: str, body: bytes, key: str) -> Answer:
        """Send a POST with WorkerFlow signature v1."""

    def run(self, trace_id: str) -> Answer:
        """Ask for a run."""


def call_and_wait(api: Api, key: str) -> Mapping[str, Any]:
    """Send the payload to `webhook_echo` and wait for its run.

    Returns:
        The run, as the API tells it.

    Raises:
        LocalStackError: the call is not accepted, or its run does not succeed.
    """
    answer = api.post_signed(ROUTE, github_push(), key)
    if answer.status != 202:  # noqa: PLR2004 - Accepted
        raise LocalStackError(f"The call was answered {answer.status}: {answer.body.decode(errors='replace')}")
    run = wait_for_end(api, answer.json()["traceId"])
    if run["state"] != "succeeded":
        raise LocalStackError(f"The run did not succeed: {json.dumps(run)}")
    return run


def wait_for_end(api: Api, trace_id: str, seconds: float = SECONDS_TO_SUCCEED) -> Mapping[str, Any]:
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
