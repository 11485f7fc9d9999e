"""A function that only reads is not told the tables that others write, and cannot write into them by mistake."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from tests.support.access import a_token
from tests.support.aws import AwsWorld, aws_world, physical
from tests.support.schedules import a_fire, a_skipped_run
from tests.support.tasks import NOW_MS
from workerflow.adapters.dynamodb.access import DynamoTokens
from workerflow.adapters.dynamodb.database import Database
from workerflow.adapters.dynamodb.schedules import DynamoSchedules
from workerflow.adapters.dynamodb.switches import DynamoSwitches
from workerflow.adapters.dynamodb.tenants import DynamoTenants
from workerflow.domain.audit import AuditEvent
from workerflow.domain.enablement import Enablement, Switch
from workerflow.domain.operation import OperationKey
from workerflow.ports.tenants import TenantsDocument
from workerflow.tables import AUDIT_EVENTS, CURSOR_STATE, RUNS

STATE = physical(CURSOR_STATE)
KEY = OperationKey.of("a" * 12, "order-1", "default", "switch.set")
FIRE = a_fire()
AUDIT = AuditEvent("default", NOW_MS, "1" * 16, "ops", "switch.set", "route:echo")
SWITCH = Switch("default", "route:echo", Enablement.PAUSED, "why", "ops", NOW_MS, 1, "1" * 16)

WRITES: dict[str, Callable[[Database], object]] = {
    "a switch": lambda database: DynamoSwitches(database, state=STATE).put_switch(SWITCH, AUDIT),
    "a switch, ordered with a key": lambda database: DynamoSwitches(
        database, state=STATE, audit=physical(AUDIT_EVENTS)
    ).put_switch(SWITCH, replace(AUDIT, operation=KEY)),
    "the end of a switch": lambda database: DynamoSwitches(database, state=STATE).delete_switch(SWITCH, AUDIT),
    "the tenants": lambda database: DynamoTenants(database, state=STATE).publish(TenantsDocument("{}", 1, "1"), AUDIT),
    "a token": lambda database: DynamoTokens(database, operations=STATE).add_token(a_token(), AUDIT),
    "a revocation": lambda database: DynamoTokens(database, operations=STATE).revoke_token(a_token(), AUDIT),
    "a skipped fire": lambda database: DynamoSchedules(database, state=STATE).record_skip(
        FIRE, a_skipped_run(FIRE), now_ms=NOW_MS
    ),
    "a skipped fire without acceptances": lambda database: DynamoSchedules(
        database, state=STATE, runs=physical(RUNS)
    ).record_skip(FIRE, a_skipped_run(FIRE), now_ms=NOW_MS),
    "a manual run": lambda database: DynamoSchedules(database, state=STATE).record_manual(FIRE, AUDIT, now_ms=NOW_MS),
    "a manual run without acceptances": lambda database: DynamoSchedules(
        database, state=STATE, audit=physical(AUDIT_EVENTS)
    ).record_manual(FIRE, AUDIT, now_ms=NOW_MS),
}


@pytest.fixture
def world() -> Iterator[AwsWorld]:
    with aws_world() as world:
        yield world


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES.keys())
def test_what_a_function_may_not_write_is_refused_before_any_call(
    world: AwsWorld, write: Callable[[Database], object]
) -> None:
    with pytest.raises(ValueError, match="this function"):
        write(Database(world.clients.dynamodb()))
    assert world.line.calls == []
