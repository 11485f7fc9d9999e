"""Every service, called in one tenant's name with all of another's; and none that could be called in nobody's name.

As in test_isolation.py, calls are made from signatures: a new service, method or parameter fails here until it is said
what a foreign value of it is.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any

import pytest

from tests.fakes.world import FakeWorld
from tests.support.autowire import Joined, services
from tests.support.schedules import a_cursor
from tests.support.tasks import NOW_MS, a_route
from tests.support.tenancy import CLIENT, Theft, as_if, belongings, rows_of, settle_in
from workerflow.domain.access import Scope
from workerflow.domain.bulk import BulkAction, BulkJob, LetterFilter
from workerflow.domain.enablement import Enablement
from workerflow.domain.firing import FiringPlan
from workerflow.domain.manifest import Manifest
from workerflow.domain.refused_call import RefusedCall
from workerflow.domain.rollup import Span
from workerflow.domain.run import Run
from workerflow.domain.schedule import Schedule
from workerflow.domain.task import TaskMessage
from workerflow.domain.tenants import TenantPolicy, Tenants
from workerflow.domain.transitions import Leave, Now
from workerflow.ports.tenants import Slot, TenantsDocument
from workerflow.services.accept_task import TaskDraft
from workerflow.services.bulk_jobs import BulkJobOrder, BulkOrder
from workerflow.services.cancel_run import CancelOrder
from workerflow.services.count_tasks import TaskCounts
from workerflow.services.execute_task import ExecutionOrder
from workerflow.services.in_flight import Entry
from workerflow.services.issue_token import TokenOrder
from workerflow.services.list_tasks import TaskFilter
from workerflow.services.record_death import Death
from workerflow.services.replay_task import ReplayOrder
from workerflow.services.resend import TickBudget
from workerflow.services.resolve_letter import ResolveOrder
from workerflow.services.retry_now import RetryOrder
from workerflow.services.run_schedule import RunOrder
from workerflow.services.set_switch import SwitchOrder

PAIRS = [("a", "a-b"), ("a-b", "a"), ("default", "a")]
HOURLY = Schedule(name="hourly", module="handlers", function="hourly", cron="0 * * * *", tenants=("*",))
MANIFEST = Manifest.build([a_route(), a_route("ask", mode="sync")], [HOURLY])
DUE_MS = NOW_MS // 900_000 * 900_000

WITHOUT_TENANT = {
    "Tick.__call__": "the minute, for every tenant that is looked after",
    "DrainDeadMessages.__call__": "each message names its task and tenant",
    "WorkBulk.__call__": "the jobs of all tenants that are at work",
    "KnownTenants.__call__": "who the tenants are",
    "PublishTenants.__call__": "the operator's file",
    "Ledger.now": "the time",
    "Resender.flush": "messages that name their tasks",
    "Beat.__call__": "a sign of life",
    "Authenticate.__call__": "who comes with a token: whose name he may use is known then",
    "SignIn.__call__": "as above",
    "ReadSession.__call__": "as above",
    "SignOut.__call__": "as above",
    "RevokeToken.__call__": "the operator's, with AWS credentials",
}


def methods() -> Iterator[tuple[str, type[Any], Callable[..., Any]]]:
    """Every method of every service."""
    for name, kind in sorted(services().items()):
        for method, function in vars(kind).items():
            if inspect.isfunction(function) and (method == "__call__" or not method.startswith("_")):
                yield f"{name}.{method}", kind, function


def bears_tenant(name: str, hint: Any, depth: int = 3) -> bool:
    """Whether a parameter tells whose the call is."""
    if name in {"tenant", "tenants"} or hint is Tenants:
        return True
    parts = [hint, *typing.get_args(hint)]
    return depth > 0 and any(
        bears_tenant(one, inner, depth - 1)
        for part in parts
        if inspect.isclass(part) and is_dataclass(part)
        for one, inner in typing.get_type_hints(part).items()
        if one in {field.name for field in fields(part)}
    )


@pytest.mark.parametrize(("full", "function"), [(full, function) for full, _, function in methods()])
def test_no_service_can_be_called_without_a_tenant(full: str, function: Callable[..., Any]) -> None:
    hints = typing.get_type_hints(function)
    bearing = [
        name
        for name, parameter in inspect.signature(function).parameters.items()
        if name != "self" and bears_tenant(name, hints[name]) and parameter.default is inspect.Parameter.empty
    ]
    assert bool(bearing) is (full not in WITHOUT_TENANT), f"whose call is {full}?"


def test_what_is_said_to_need_no_tenant_is_there() -> None:
    assert set(WITHOUT_TENANT) <= {full for full, _, _ in methods()}


def theft_of(thief: str, owner: str) -> Theft:
    """All that `thief` could ask for with what it knows of `owner`."""
    owned = belongings(owner)
    messages = [TaskMessage(thief, trace_id) for trace_id in owned.trace_ids]
    drafts = [
        TaskDraft(thief, one.source, one.kind, one.mode, one.source, one.key, b"{}", "application/json")
        for one in as_if(owned.things, owner, thief)
        if type(one).__name__ == "Acceptance"
    ]
    rows: Sequence[Run] = as_if(owned.of(Run), owner, thief)

    def describe(slot: int, at_ms: int) -> RefusedCall:
        (call,) = as_if(owned.of(RefusedCall), owner, thief)
        assert isinstance(call, RefusedCall)
        return replace(call, slot=slot, at_ms=at_ms)

    return Theft(
        thief,
        owned,
        typed={
            TaskDraft: lambda: drafts,
            ReplayOrder: lambda: [ReplayOrder(thief, one, "ops", "why") for one in owned.trace_ids],
            BulkOrder: lambda: [BulkOrder(thief, action, LetterFilter(), "why", "ops") for action in BulkAction],
            BulkJobOrder: lambda: [BulkJobOrder(thief, job.job_id, "ops") for job in owned.of(BulkJob)],
            CancelOrder: lambda: [CancelOrder(thief, one, "ops", "why") for one in owned.trace_ids],
            RetryOrder: lambda: [RetryOrder(thief, one, "ops", "why") for one in owned.trace_ids],
            ResolveOrder: lambda: [ResolveOrder(thief, one, "ops", "why") for one in owned.trace_ids],
            TokenOrder: lambda: [TokenOrder("ops", Scope.READ, thief, 1, "ops")],
            SwitchOrder: lambda: [SwitchOrder(thief, "route:echo", Enablement.DISABLED, "ops", "why")],
            RunOrder: lambda: [RunOrder(thief, "hourly", "key", "ops", "why")],
            ExecutionOrder: lambda: [ExecutionOrder(one, "owner", False, 9_000) for one in messages],  # noqa: FBT003
            Death: lambda: [Death(one, "0" * 16, "exit status 1") for one in messages],
            Entry: lambda: [Entry(slot) for slot in as_if(owned.of(Slot), owner, thief)],
            Tenants: lambda: [Tenants.of({thief: TenantPolicy()})],
            TenantPolicy: lambda: [TenantPolicy(rate_limits=())],
            TickBudget: lambda: [TickBudget(NOW_MS + 50_000, 1_000)],
            Schedule: lambda: [HOURLY],
            FiringPlan: lambda: [FiringPlan((DUE_MS,), (), complete=True, next_due_ms=DUE_MS + 3_600_000)],
            Now: lambda: [Now(NOW_MS, "n")],
            TaskMessage: lambda: messages,
            TaskFilter: lambda: [TaskFilter()],
            LetterFilter: lambda: [LetterFilter()],
            TaskCounts: lambda: [TaskCounts(Span.QUARTER, 0, NOW_MS, (), (), (), NOW_MS)],
        },
        named={
            "tenants": [[thief]],
            "source": ["route:echo", "schedule:hourly"],
            "run": rows,
            "task": [*rows, *messages],
            "decide": [lambda _run, _now: Leave()],
            "do": [lambda: None],
            "send": [lambda _message: None],
            "describe": [describe],
            "actor": ["ops"],
            "reason": ["signature_mismatch"],
            "route": ["echo"],
            "source_address": [CLIENT],
            "reconciled": [""],
            "due_at_ms": [DUE_MS],
            "until_ms": [NOW_MS + 60_000],
            "wait_seconds": [1.0],
            "receives": [1],
            "next_fires": [3],
            "cap": [1],
            "for_caller": [False, True],
            "stored": [False],
            "planned": [False],
        },
    )


def a_world(*tenants: str) -> FakeWorld:
    """A world in which these tenants own something; all of them are capped, so that places matter."""
    world = FakeWorld()
    for tenant in tenants:
        settle_in(world, belongings(tenant))
        world.schedules.write_cursor(a_cursor("daily", tenant=tenant, next_due_ms=NOW_MS - 1))
    capped = dict.fromkeys(("a", "a-b", "acme", "acme-capped", "default"), TenantPolicy(max_in_flight=2))
    world.memory.tenants = TenantsDocument(Tenants.of(capped).to_text(), 1, "n")
    world.memory.calls.clear()
    return world


def outcomes(world: FakeWorld, theft: Theft) -> dict[str, str]:
    """What every call answers; the owner's rows are looked at after each."""
    joined, before, found = Joined(world, MANIFEST), rows_of(world, theft.owned.tenant), {}
    for full, kind, function in methods():
        if full in WITHOUT_TENANT:
            continue
        service = joined.get(kind)
        for number, arguments in enumerate(theft.arguments_of(function)):
            try:
                outcome = repr(getattr(service, function.__name__)(**arguments))
            except Exception as error:  # noqa: BLE001 - whatever it is, it must be the same without the other
                outcome = repr(error)
            found[f"{full} {number}"] = outcome
        assert rows_of(world, theft.owned.tenant) == before, f"{full} changed what is another's"
    return found


@pytest.mark.parametrize(("thief", "owner"), PAIRS)
def test_nothing_of_another_tenant_is_seen_or_changed_by_any_service(thief: str, owner: str) -> None:
    theft = theft_of(thief, owner)
    alone, both = a_world(thief), a_world(thief, owner)
    expected, found = outcomes(alone, theft), outcomes(both, theft)
    assert found == expected
    assert both.queue.messages == alone.queue.messages
    assert {message.tenant for message in both.queue.messages} <= {thief}
