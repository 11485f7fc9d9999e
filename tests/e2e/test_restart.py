"""The machine is switched off and on again in the middle: nothing that was accepted is lost."""

from __future__ import annotations

import time

from tests.e2e.backstage import HIDDEN, Backstage
from tests.e2e.calls import Api, eventually
from tools.local import LocalStack

MINUTE, FIRST_QUIET, LAST_QUIET = 60, 9, 55
"""The emulator's tick comes 2 to 7 s after the minute."""


def test_what_was_accepted_before_a_restart_ends_after_it(api: Api, backstage: Backstage, stack: LocalStack) -> None:
    done = api.start("e2e_async")
    api.ended(done.trace_id)
    waiting = api.start("e2e_retry", retryAfter=3, succeedAt=2)
    api.run_when(waiting.trace_id, lambda run: run["state"] == "waiting")
    backstage.stop_deliveries()
    wait_for_a_quiet_moment(backstage)
    queued = [api.start("e2e_async") for _ in range(3)]

    stack.restart()
    assert [call.attempts for call in queued] == [[], [], []]
    again = api.repeat(queued[0])
    backstage.resume_deliveries()

    assert (again.answer.json()["duplicate"], again.trace_id) == (True, queued[0].trace_id)
    assert api.run(done.trace_id)["state"] == "succeeded"
    for call in queued:
        assert (api.ended(call.trace_id)["state"], call.attempts) == ("succeeded", [1])
    assert (api.ended(waiting.trace_id)["state"], waiting.attempts) == ("succeeded", [1, 2])


def wait_for_a_quiet_moment(backstage: Backstage) -> None:
    """Nothing is at work but the task that waits: what a killed process had begun is found again, but minutes later."""
    eventually(lambda: backstage.messages_in("QueueUrl", HIDDEN), lambda count: count <= 1)
    second = time.time() % MINUTE
    time.sleep(0 if FIRST_QUIET < second < LAST_QUIET else (FIRST_QUIET - second) % MINUTE)
