"""A tenant's routes are told with whether they take calls, and with what became of the last day's tasks."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from tests.support.runs import a_run, failed
from tests.support.tasks import a_manifest, a_route, a_schedule
from tests.unit.services.reading import Reading
from tests.unit.services.wired import TENANT, Wired
from workerflow.domain.enablement import Enablement
from workerflow.domain.errors import StoreUnavailableError
from workerflow.domain.run import RunState
from workerflow.ports.tenants import TenantsDocument
from workerflow.services.read_routes import RouteView


def routes(wired: Wired, tenant: str = TENANT) -> Sequence[RouteView]:
    return Reading(wired).read_routes(tenant)


def test_all_routes_are_told_by_name_and_no_schedules(wired: Wired) -> None:
    assert [view.route.name for view in routes(wired)] == ["ask", "echo"]


def test_each_with_its_own_tasks(wired: Wired) -> None:
    wired.take("one", accepted_at_ms=wired.clock.ms - 1)
    wired.keep(failed(a_run(wired.take("two", accepted_at_ms=wired.clock.ms - 2))))
    ask, echo = routes(wired)
    assert (ask.counts, echo.counts) == ({}, {RunState.QUEUED: 1, RunState.FAILED: 1})
    assert echo.is_exact


@pytest.mark.parametrize("state", [Enablement.PAUSED, Enablement.DISABLED])
def test_one_that_was_switched_off_tells_why(wired: Wired, state: Enablement) -> None:
    wired.switch(state)
    _, echo = routes(wired)
    assert (echo.state, echo.reason) == (state, "because")
    assert echo.switch is not None
    assert echo.switch.actor == "ops"


def test_one_that_was_switched_on_again_tells_no_reason(wired: Wired) -> None:
    wired.switch(Enablement.PAUSED)
    wired.switch(Enablement.ENABLED)
    _, echo = routes(wired)
    assert (echo.state, echo.reason) == (Enablement.ENABLED, "")
    assert echo.switch is not None


def test_one_that_the_manifest_disables_tells_the_manifests_reason() -> None:
    wired = Wired(a_manifest(a_route(enabled=False, disabled_reason="not yet"), a_schedule()))
    wired.switch(Enablement.PAUSED)
    [echo] = routes(wired)
    assert (echo.state, echo.reason) == (Enablement.DISABLED, "not yet")


def test_a_tenant_sees_the_routes_that_it_may_call(wired: Wired) -> None:
    document = {"tenants": {"acme": {"routes": ["ask"]}, "open": {}}}
    wired.memory.tenants = TenantsDocument(json.dumps(document), 1, "1")
    assert [view.route.name for view in routes(wired, "acme")] == ["ask"]
    assert [view.route.name for view in routes(wired, "open")] == ["ask", "echo"]
    assert [view.route.name for view in routes(wired, TENANT)] == ["ask", "echo"]


def test_one_that_it_may_not_call_any_more_is_seen_while_it_is_shut(wired: Wired) -> None:
    wired.switch(Enablement.PAUSED)
    wired.memory.tenants = TenantsDocument(json.dumps({"tenants": {TENANT: {"routes": []}}}), 1, "1")
    assert [(view.route.name, view.state) for view in routes(wired)] == [("echo", Enablement.PAUSED)]
    wired.switch(Enablement.ENABLED)
    assert routes(wired) == []


@pytest.mark.parametrize("name", ["switches.list_switches", "rollups.view_rollups"])
def test_a_store_that_does_not_answer_is_no_answer(wired: Wired, name: str) -> None:
    wired.refuse(name)
    with pytest.raises(StoreUnavailableError):
        routes(wired)
