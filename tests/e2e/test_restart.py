"""The machine is switched off and on again in the middle: nothing that was accepted is lost."""

from __future__ import annotations

from tests.e2e.backstage import Backstage
from tests.e2e.calls import Api
from tools.local import LocalStack


def test_what_was_accepted_before_a_restart_ends_after_it(api: Api, backstage: Backstage, stack: LocalStack) -> None:
    done = api.start("e2e_async")
    api.ended(done.trace_id)
    waiting = api.start("e2e_retry", retryAfter=3, succeedAt=2)
    api.run_when(waiting.trace_id, lambda run: run["state"] == "waiting")
    backstage.stop_deliveries()
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
