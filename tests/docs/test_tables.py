"""docs/tables.md is true: keys, indexes, attributes, access patterns, conditions and figures."""

from __future__ import annotations

import inspect
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.access import a_session, a_token
from tests.support.bulk import A_FULL_JOB, an_error_group
from tests.support.runs import A_FAILURE, a_replay, a_run, failed, letter_of
from tests.support.schedules import a_cursor, a_mark
from tests.support.tasks import NOW_MS, an_acceptance
from tests.support.tenants import A_PARTIAL_COUNT, A_REFUSED_CALL, A_ROLLUP
from workerflow.adapters.dynamodb import (
    acceptances,
    access,
    audit,
    bulk,
    cleanup,
    conditions,
    cursors,
    error_groups,
    operations,
    rate_limits,
    refused_calls,
    replays,
    rollups,
    runs,
    schedules,
    slots,
    switches,
    tenants,
)
from workerflow.adapters.dynamodb.items import acceptance as acceptance_codec
from workerflow.adapters.dynamodb.items import access as access_codec
from workerflow.adapters.dynamodb.items import attempt as attempt_codec
from workerflow.adapters.dynamodb.items import audit as audit_codec
from workerflow.adapters.dynamodb.items import bulk as bulk_codec
from workerflow.adapters.dynamodb.items import cleanup as cleanup_codec
from workerflow.adapters.dynamodb.items import error_group as error_group_codec
from workerflow.adapters.dynamodb.items import letter as letter_codec
from workerflow.adapters.dynamodb.items import limit as limit_codec
from workerflow.adapters.dynamodb.items import lineage as lineage_codec
from workerflow.adapters.dynamodb.items import operation as operation_codec
from workerflow.adapters.dynamodb.items import refused_call as refused_call_codec
from workerflow.adapters.dynamodb.items import rollup as rollup_codec
from workerflow.adapters.dynamodb.items import run as run_codec
from workerflow.adapters.dynamodb.items import schedule as schedule_codec
from workerflow.adapters.dynamodb.items import state as state_codec
from workerflow.adapters.dynamodb.items import tenants as tenants_codec
from workerflow.domain.audit import AuditEvent
from workerflow.domain.dead_letter import LetterState
from workerflow.domain.enablement import Enablement, Switch
from workerflow.domain.failure import Failure
from workerflow.domain.operation import OperationKey
from workerflow.domain.schedule_cursor import Missed
from workerflow.domain.stored import StoredBytes
from workerflow.ports.cleanup import CleanupMark
from workerflow.ports.stores import AttemptRecord, Cursor
from workerflow.ports.tenants import Slot, TenantsDocument
from workerflow.tables import TABLES, Projection, Table

PAGE = (Path(__file__).parents[2] / "docs" / "tables.md").read_text()
SQUEEZED, PLAIN, POINTED = (
    StoredBytes.inlined(b"a" * 500),
    StoredBytes.inlined(b"{}"),
    StoredBytes.pointed(b"large", "default/hash/digest"),
)
STORES = (
    acceptances.DynamoAcceptances,
    runs.DynamoRuns,
    replays.DynamoReplays,
    switches.DynamoSwitches,
    cursors.DynamoCursors,
    audit.DynamoAuditLog,
    schedules.DynamoSchedules,
    tenants.DynamoTenants,
    rate_limits.DynamoRateLimits,
    slots.DynamoSlots,
    refused_calls.DynamoRefusedCalls,
    rollups.DynamoRollups,
    cleanup.DynamoCleanup,
    operations.DynamoOperations,
    bulk.DynamoBulk,
    error_groups.DynamoErrorGroups,
    access.DynamoTokens,
    access.DynamoSessions,
)
NO_CALL = {"DynamoRuns.holds"}
CHILD = replace(
    a_replay(an_acceptance(), 1).acceptance, traceparent="00", not_before_ms=1, accepted_at_ms=2, manual=True
)

FULL_CURSOR = a_cursor(
    last_due_ms=NOW_MS,
    last_trace_id="a" * 44,
    missed={Missed.LATE: 1},
    last_missed_ms=NOW_MS,
    last_missed_reason=Missed.LATE,
)


def _failures() -> list[Failure]:
    return [replace(A_FAILURE, retry_after_seconds=1.0), replace(A_FAILURE, traceback="short")]


def _items_of_runs() -> list[dict[str, Any]]:
    row = replace(
        failed(a_run()),
        due_at_ms=5,
        not_before_ms=5,
        paused=True,
        capped=True,
        handed_over=True,
        resends=1,
        cancel_asked_at_ms=5,
        has_output_item=True,
    )
    records = [
        AttemptRecord("default", row.trace_id, 1, NOW_MS, 9, output=stored) for stored in (SQUEEZED, PLAIN, POINTED)
    ] + [AttemptRecord("default", row.trace_id, 1, NOW_MS, 9, failure=failure) for failure in _failures()]
    return [
        run_codec.to_item(row),
        run_codec.to_item(replace(a_run(), output=b"a" * 500)),
        run_codec.to_item(replace(a_run(), output=b"{}")),
        *map(attempt_codec.to_item, records),
    ]


def _items_of_letters() -> list[dict[str, Any]]:
    letter = replace(letter_of(failed(a_run())), state=LetterState.OPEN, child="c" * 44, note="done")
    letter = replace(letter, resolved_by="ops", resolved_at_ms=NOW_MS, resolution="1")
    return [letter_codec.to_item(replace(letter, payload=stored)) for stored in (SQUEEZED, PLAIN, POINTED)] + [
        letter_codec.to_item(replace(letter, traceback="short"))
    ]


AN_ORDER = AuditEvent("default", NOW_MS, "1", "ops", "switch.set", "route:echo", "why", {"a": "b"}, "203.0.113.7")

EXAMPLES: dict[str, list[dict[str, Any]]] = {
    "idempotency_keys": [
        acceptance_codec.to_item(replace(CHILD, payload=stored)) for stored in (SQUEEZED, PLAIN, POINTED)
    ],
    "runs": _items_of_runs(),
    "dead_letters": _items_of_letters(),
    "replay_lineage": [
        lineage_codec.to_item(replace(a_replay(an_acceptance(), 1).entry, edited=True)),
        lineage_codec.count_key("default", "r" * 44) | {"n": 1},
    ],
    "cursor_state": [
        state_codec.switch_to_item(
            Switch("default", "route:echo", Enablement.ENABLED, "why", "ops", NOW_MS, 1, "1", 5)
        ),
        state_codec.cursor_to_item(Cursor("default", 0, "a" * 44, 1, "1")),
        schedule_codec.to_item(FULL_CURSOR),
        schedule_codec.mark_to_item(a_mark()),
        cleanup_codec.to_item(CleanupMark("default", "default/a", 1, "1", {"route:gone": NOW_MS})),
        *(tenants_codec.to_item(TenantsDocument(text, 1, "1")) for text in ("{}", " " * 500)),
    ],
    "audit_events": [audit_codec.to_item(AN_ORDER)],
    "operations": [
        operation_codec.to_item(AN_ORDER, OperationKey.of("t" * 12, "key", "order")),
        bulk_codec.to_item(A_FULL_JOB),
        access_codec.token_to_item(a_token(tenant="acme", revoked_at_ms=NOW_MS), "1"),
        access_codec.session_to_item(a_session()),
    ],
    "rollups": [
        rollup_codec.to_item(A_ROLLUP),
        error_group_codec.to_item(an_error_group()),
        *map(rollup_codec.partial_to_item, (A_PARTIAL_COUNT, replace(A_PARTIAL_COUNT, rollups=()))),
    ],
    "rate_limits": [
        {"tat": NOW_MS, **{limit_codec.seen_attribute(f"{number:x}"): "1" for number in range(limit_codec.RECENT)}},
        limit_codec.slot_to_item(Slot("default", 0, "1", NOW_MS)),
    ],
    "refused_calls": [refused_call_codec.to_item(A_REFUSED_CALL)],
}


def _section(heading: str) -> str:
    return PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]


def _rows(section: str, first_cell: str) -> list[list[str]]:
    """The rows of every table in a section whose head begins with `first_cell`."""
    rows: list[list[str]] = []
    for part in section.split("\n\n"):
        lines = [line for line in part.splitlines() if line.startswith("|")]
        if lines and lines[0].strip("| ").split(" | ")[0].startswith(first_cell):
            rows += [[cell.strip() for cell in line.strip().strip("|").split(" | ")] for line in lines[2:]]
    return rows


def _names(cell: str) -> set[str]:
    return set(re.findall(r"`([A-Za-z_0-9]+)`", cell))


def test_every_table_has_its_section_and_no_other_has() -> None:
    assert re.findall(r"^## `(\w+)`$", PAGE, re.MULTILINE) == [table.name for table in TABLES]


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_a_table_is_told_with_its_meaning_and_keys(table: Table) -> None:
    section = _section(f"`{table.name}`")
    assert " ".join(section.split()).startswith(table.meaning)
    told = {row[0].strip("`"): row[1].replace("`", "") for row in _rows(section, "key")}
    keys = {table.partition_key: table.partition_value}
    if table.sort_key is not None:
        keys[table.sort_key] = table.sort_value or ""
    assert told == {name: value.replace("`", "") for name, value in keys.items()}


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_the_indexes_of_a_table_are_told(table: Table) -> None:
    told = {
        (row[0].strip("`"), row[1], frozenset(_names(row[2]))) for row in _rows(_section(f"`{table.name}`"), "index")
    }
    assert told == {
        (index.name, f"`{index.partition_key}` / `{index.sort_key}`", frozenset(index.included))
        for index in table.indexes
    }
    assert all(index.projection in {Projection.INCLUDE, Projection.KEYS_ONLY} for index in table.indexes)


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_every_attribute_is_told_and_none_that_is_not_there(table: Table) -> None:
    told = {name for row in _rows(_section(f"`{table.name}`"), "attribute") for name in _names(row[0])}
    written = {name for item in EXAMPLES[table.name] for name, value in item.items() if value is not None}
    assert told == written - {table.partition_key, table.sort_key}


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_what_an_index_reads_is_in_the_items(table: Table) -> None:
    written = {name for item in EXAMPLES[table.name] for name in item}
    for index in table.indexes:
        assert {index.partition_key, index.sort_key, *index.included} <= written
    assert table.ttl_attribute is None or table.ttl_attribute in written


def test_every_access_of_the_adapters_is_told_and_none_that_there_is_not() -> None:
    told = set(re.findall(r"`(Dynamo\w+\.\w+)`", PAGE))
    there = {
        f"{store.__name__}.{name}"
        for store in STORES
        for name, _ in inspect.getmembers(store, inspect.isfunction)
        if not name.startswith("_")
    }
    assert told == there - NO_CALL


def test_every_condition_is_told_by_its_name() -> None:
    told = {name for row in _rows(_section("The conditions by name"), "condition") for name in _names(row[0])}
    there = {
        name
        for name, value in vars(conditions).items()
        if isinstance(value, conditions.Condition)
        or (inspect.isfunction(value) and value.__module__ == conditions.__name__)
    }
    assert told == there


def test_the_figures_are_those_that_the_tests_measure() -> None:
    measured = (Path(__file__).parents[1] / "unit" / "test_item_budget.py").read_text()
    for row in _rows(PAGE, "write"):
        for figure in re.findall(r"^(\d{3})\b", row[1]):
            assert f"== {figure}\n" in measured
