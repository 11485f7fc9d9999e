"""A switch is set with its audit row, once, whoever sets it at the same time."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.tasks import a_manifest, a_schedule
from tests.unit.services.wired import TENANT, Wired
from workerflow.domain.enablement import Enablement
from workerflow.domain.errors import StoreUnavailableError
from workerflow.domain.tenants import UNLIMITED, Tenants
from workerflow.ports.tenants import TenantsDocument
from workerflow.services.ledger import MAX_TRIES
from workerflow.services.set_switch import SwitchOrder

PAUSE = SwitchOrder(TENANT, "route:echo", Enablement.PAUSED, "ops (token 7)", "the provider is down")
RESUME = replace(PAUSE, state=Enablement.ENABLED, reason="it is back")


def test_it_tells_who_set_it_when_and_why(wired: Wired) -> None:
    switch = wired.set_switch(PAUSE)
    assert switch is not None
    assert wired.memory.switches[TENANT, "route:echo"] == switch
    assert (switch.state, switch.actor, switch.reason) == (Enablement.PAUSED, "ops (token 7)", "the provider is down")
    assert (switch.changed_at_ms, switch.version) == (wired.clock.ms, 1)


def test_the_audit_row_of_the_same_write_tells_before_and_after(wired: Wired) -> None:
    wired.set_switch(PAUSE)
    wired.clock.advance(60)
    wired.set_switch(RESUME)
    first, second = wired.memory.audit.values()
    assert (first.action, first.target, first.actor) == ("switch.set", "route:echo", "ops (token 7)")
    assert first.details == {"before": "enabled", "after": "paused"}
    assert (second.details, second.reason) == ({"before": "paused", "after": "enabled"}, "it is back")


def test_a_switch_stays_when_it_is_set_back_so_that_the_tick_knows_where_to_look(wired: Wired) -> None:
    wired.set_switch(PAUSE)
    switch = wired.set_switch(RESUME)
    assert switch is not None
    assert (switch.state, switch.version) == (Enablement.ENABLED, 2)
    assert list(wired.memory.switches.values()) == [switch]


def test_setting_it_again_writes_nothing(wired: Wired) -> None:
    first = wired.set_switch(PAUSE)
    wired.clock.advance(60)
    assert wired.set_switch(PAUSE) == first
    assert len(wired.memory.audit) == 1


def test_another_reason_is_another_decision(wired: Wired) -> None:
    wired.set_switch(PAUSE)
    switch = wired.set_switch(replace(PAUSE, reason="for longer"))
    assert switch is not None
    assert (switch.reason, switch.version) == ("for longer", 2)


def test_a_resume_is_the_way_back_from_paused_or_disabled_and_nothing_else(wired: Wired) -> None:
    def set_to(state: Enablement, reason: str) -> int | None:
        wired.clock.advance(60)
        switch = wired.set_switch(replace(PAUSE, state=state, reason=reason))
        assert switch is not None
        return switch.resumed_at_ms

    assert set_to(Enablement.ENABLED, "just to be sure") is None
    assert set_to(Enablement.PAUSED, "down") is None
    resumed_at_ms = set_to(Enablement.ENABLED, "up")
    assert resumed_at_ms == wired.clock.ms
    assert set_to(Enablement.ENABLED, "up, says the provider") == resumed_at_ms
    assert set_to(Enablement.DISABLED, "down again") is None
    assert set_to(Enablement.ENABLED, "up again") == wired.clock.ms


def test_a_tenant_that_is_not_declared_has_no_switch(wired: Wired) -> None:
    order = replace(PAUSE, tenant="acme")
    assert wired.set_switch(order) is None
    assert (wired.memory.switches, wired.memory.audit) == ({}, {})


def test_one_that_is_declared_has_and_keeps_it_when_it_is_retired(wired: Wired) -> None:
    order = replace(PAUSE, tenant="acme")
    declared = Tenants.of({"acme": UNLIMITED})
    wired.memory.tenants = TenantsDocument(declared.to_text(), 1, "n")
    assert wired.set_switch(order) is not None
    wired.clock.advance(61)
    retired = Tenants.of({}).after(declared, now_ms=wired.clock.ms)
    wired.memory.tenants = TenantsDocument(retired.to_text(), 2, "n")
    resumed = wired.set_switch(replace(order, state=Enablement.ENABLED))
    assert resumed is not None
    assert resumed.resumed_at_ms == wired.clock.ms


def hide(wired: Wired, version: int = 1) -> None:
    """Leave the tenant no route that it may call."""
    tenants = Tenants.of({TENANT: replace(UNLIMITED, routes=())})
    wired.memory.tenants = TenantsDocument(tenants.to_text(), version, "n")
    wired.clock.advance(61)


@pytest.mark.parametrize("state", Enablement)
def test_a_route_that_the_tenant_may_not_call_is_not_there(wired: Wired, state: Enablement) -> None:
    hide(wired)
    assert wired.set_switch(replace(PAUSE, state=state)) is None
    assert (wired.memory.switches, wired.memory.audit) == ({}, {})


def test_but_what_was_shut_before_can_be_opened_for_tasks_may_wait(wired: Wired) -> None:
    wired.set_switch(PAUSE)
    hide(wired)
    resumed = wired.set_switch(replace(PAUSE, state=Enablement.ENABLED))
    assert resumed is not None
    assert resumed.resumed_at_ms == wired.clock.ms
    assert wired.set_switch(PAUSE) is None


def test_schedules_have_no_callers_and_are_not_hidden() -> None:
    wired = Wired(a_manifest(a_schedule()))
    hide(wired)
    assert wired.set_switch(replace(PAUSE, source=a_schedule().source)) is not None


def test_while_nobody_knows_the_tenants_nothing_is_set(wired: Wired) -> None:
    wired.refuse("tenants.get")
    with pytest.raises(StoreUnavailableError):
        wired.set_switch(PAUSE)
    assert wired.memory.switches == {}


def test_an_unknown_source_has_no_switch(wired: Wired) -> None:
    assert wired.set_switch(replace(PAUSE, source="route:gone")) is None
    assert wired.memory.calls == []


def test_whoever_sets_it_meanwhile_is_not_overwritten_unseen(wired: Wired) -> None:
    other = replace(PAUSE, state=Enablement.DISABLED, reason="for good", actor="another")
    wired.meanwhile("switches.put_switch", lambda: wired.set_switch(other))
    switch = wired.set_switch(PAUSE)
    assert switch is not None
    assert switch.version == 2
    assert [event.details for event in wired.memory.audit.values()] == [
        {"before": "enabled", "after": "disabled"},
        {"before": "disabled", "after": "paused"},
    ]


def test_an_answer_that_was_lost_is_found_by_setting_it_again(wired: Wired) -> None:
    wired.lose_answer("switches.put_switch")
    with pytest.raises(StoreUnavailableError):
        wired.set_switch(PAUSE)
    switch = wired.set_switch(PAUSE)
    assert switch is not None
    assert (switch.version, len(wired.memory.audit)) == (1, 1)


def test_a_switch_that_never_stands_still_is_given_up(wired: Wired) -> None:
    reasons = iter(range(100))

    def flip() -> None:
        wired.set_switch(replace(PAUSE, reason=f"reason {next(reasons)}"))

    wired.meanwhile("switches.put_switch", flip, times=MAX_TRIES)
    with pytest.raises(StoreUnavailableError):
        wired.set_switch(RESUME)
    assert wired.memory.switches[TENANT, "route:echo"].state is Enablement.PAUSED
