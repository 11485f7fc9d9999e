"""Disabled refuses, paused parks; resumed goes on where it stood. A switch holds within 10 s."""

from __future__ import annotations

import time

from tests.e2e.backstage import Backstage
from tests.e2e.calls import Api
from workerflow.domain.enablement import Enablement
from workerflow.services.enablement import CACHE_SECONDS


def test_a_route_that_is_not_enabled_refuses_with_its_reason(api: Api, backstage: Backstage) -> None:
    call = api.call("e2e_disabled")

    assert (call.answer.status, call.answer.json()["code"]) == (409, "route_disabled")
    assert call.answer.json()["detail"] == "moved to another system"
    assert backstage.acceptance("e2e_disabled", call.key) is None


def test_a_paused_sync_route_asks_to_come_back(api: Api, backstage: Backstage) -> None:
    call = api.call("e2e_paused_sync")

    assert (call.answer.status, call.answer.json()["code"]) == (503, "route_paused")
    assert int(call.answer.headers["retry-after"]) > 0
    assert backstage.acceptance("e2e_paused_sync", call.key) is None


def test_paused_tasks_wait_and_are_released_or_closed_by_the_operator(api: Api, backstage: Backstage) -> None:
    paused = [api.start("e2e_paused") for _ in range(3)]
    closing = api.start("e2e_closing")
    for call in (*paused, closing):
        run = api.run_when(call.trace_id, lambda run: run["state"] == "parked")
        assert (run["attempt"], call.attempts) == (0, [])
    backstage.tick()
    assert api.run(paused[0].trace_id)["state"] == "parked"

    backstage.switch("e2e_paused", Enablement.ENABLED, "the warehouse is open")
    backstage.switch("e2e_paused_sync", Enablement.ENABLED, "the warehouse is open")
    backstage.switch("e2e_closing", Enablement.DISABLED, "closed for good")
    time.sleep(CACHE_SECONDS)
    backstage.tick()

    for call in paused:
        assert api.ended(call.trace_id)["state"] == "succeeded"
        assert call.attempts == [1]
    run = api.ended(closing.trace_id)
    assert (run["state"], run["failure"]["class"], closing.attempts) == ("failed", "disabled", [])
    letter = backstage.letter(closing.trace_id)
    assert letter is not None
    assert letter.letter_class == "disabled"
    assert api.call("e2e_closing").answer.json()["code"] == "route_disabled"
    assert api.call("e2e_paused_sync").answer.status == 200


def test_every_switch_is_in_the_audit_trail(backstage: Backstage) -> None:
    told = [(row["target"], row["reason"], row["actor"]) for row in backstage.audit("switch.set")]

    assert ("route:e2e_paused", "the warehouse is closed", "operator (e2e)") in told
    assert ("route:e2e_paused", "the warehouse is open", "operator (e2e)") in told
    assert ("route:e2e_closing", "closed for good", "operator (e2e)") in told
