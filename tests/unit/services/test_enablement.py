"""Whether a source may run: the stricter of manifest and switch, known within ten seconds, read rarely."""

from __future__ import annotations

import pytest

from tests.support.tasks import a_manifest, a_route
from tests.unit.services.wired import TENANT, Wired
from workerflow.domain.enablement import Enablement, Switch, effective
from workerflow.domain.errors import StoreUnavailableError
from workerflow.services.enablement import CACHE_SECONDS

ON, OFF, PAUSED = Enablement.ENABLED, Enablement.DISABLED, Enablement.PAUSED


def a_switch(state: Enablement) -> Switch:
    return Switch(TENANT, "route:echo", state, "because", "ops", 0, 1, "n")


@pytest.mark.parametrize(
    ("declared", "switched", "expected"),
    [
        (None, None, OFF),
        (None, ON, OFF),
        (False, None, OFF),
        (False, ON, OFF),
        (False, PAUSED, OFF),
        (True, None, ON),
        (True, ON, ON),
        (True, PAUSED, PAUSED),
        (True, OFF, OFF),
    ],
)
def test_the_stricter_of_manifest_and_switch_wins(
    declared: bool | None, switched: Enablement | None, expected: Enablement
) -> None:
    switch = None if switched is None else a_switch(switched)
    assert effective(declared=declared, switch=switch) is expected


def test_a_route_that_the_manifest_switches_off_is_disabled() -> None:
    wired = Wired(manifest=a_manifest(a_route(enabled=False, disabled_reason="moved")))
    assert wired.enablement(TENANT, "route:echo") is OFF


@pytest.mark.parametrize("source", ["route:gone", "schedule:echo", "echo", ""])
def test_what_the_manifest_does_not_know_is_disabled(wired: Wired, source: str) -> None:
    assert wired.enablement(TENANT, source) is OFF


def test_a_switch_is_its_tenants_alone(wired: Wired) -> None:
    wired.switch(PAUSED)
    assert wired.enablement(TENANT, "route:echo") is PAUSED
    assert wired.enablement("acme", "route:echo") is ON


def test_the_switches_of_a_tenant_are_read_once_in_ten_seconds(wired: Wired) -> None:
    for _ in range(3):
        wired.enablement(TENANT, "route:echo")
        wired.enablement(TENANT, "route:ask")
    assert wired.memory.calls == ["switches.list_switches"]


def test_a_switch_holds_after_ten_seconds_everywhere(wired: Wired) -> None:
    assert wired.enablement(TENANT, "route:echo") is ON
    wired.memory.switches[TENANT, "route:echo"] = a_switch(OFF)
    wired.clock.ms += CACHE_SECONDS * 1000 - 1
    assert wired.enablement(TENANT, "route:echo") is ON
    wired.clock.ms += 1
    assert wired.enablement(TENANT, "route:echo") is OFF
    assert CACHE_SECONDS == 10


def test_who_asks_for_it_is_told_by_the_switches_as_they_are_now(wired: Wired) -> None:
    assert wired.enablement(TENANT, "route:echo") is Enablement.ENABLED
    cache = wired.enablement._cache.copy()
    wired.switch(Enablement.PAUSED)
    wired.enablement._cache.update(cache)
    assert wired.enablement(TENANT, "route:echo") is Enablement.ENABLED
    wired.enablement.refresh(TENANT)
    assert wired.enablement(TENANT, "route:echo") is Enablement.PAUSED


def test_switches_that_cannot_be_read_let_nothing_run(wired: Wired) -> None:
    wired.refuse("switches.list_switches")
    with pytest.raises(StoreUnavailableError):
        wired.enablement(TENANT, "route:echo")
