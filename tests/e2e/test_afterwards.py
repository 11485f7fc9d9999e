"""When everything is over: the books balance, and the logs tell of no fault but those that the tests provoked."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from tests.e2e.backstage import Backstage
from tests.e2e.calls import ENDED, eventually
from tools.local import LocalStack
from workerflow.tables import DEAD_LETTERS, IDEMPOTENCY_KEYS, RUNS, TABLES

PROVOKED = {("workflow", "the handler of route:e2e_hang overran its time-out of 2 s")}
"""The only lines of level ERROR that there may be."""
ALARMING = frozenset({"UnreadableRow", "SendFailed", "TickPartFailed", "UncaughtError"})
"""Metrics that tell of a fault of the platform."""


def states_of_runs(backstage: Backstage) -> dict[str, str]:
    return {item["pk"]: item["state"] for item in backstage.items(RUNS) if item["sk"] == "run"}


def test_every_accepted_task_has_ended(backstage: Backstage) -> None:
    accepted = {f"{item['pk'].partition('#')[0]}#{item['trace_id']}" for item in backstage.items(IDEMPOTENCY_KEYS)}

    eventually(
        lambda: states_of_runs(backstage),
        lambda states: set(states) == accepted and set(states.values()) <= ENDED,
    )


def test_every_failed_run_has_its_dead_letter_and_no_other_run_has_one(backstage: Backstage) -> None:
    failed = {name for name, state in states_of_runs(backstage).items() if state == "failed"}

    assert {item["pk"] for item in backstage.items(DEAD_LETTERS)} == failed


def test_the_queues_dead_letter_queue_is_empty(backstage: Backstage) -> None:
    assert backstage.messages_in("DeadLetterQueueUrl") == 0


def test_the_logs_tell_of_no_fault_that_was_not_provoked(backstage: Backstage) -> None:
    lines = list(backstage.log_lines())
    events = [(function, event) for function, event in ((name, parsed(line)) for name, line in lines) if event]

    assert {function for function, _ in events} == {"ingress", "consumer", "workflow", "scheduler", "dashboard"}
    errors = {(function, str(event["message"])) for function, event in events if event.get("level") == "ERROR"}
    assert errors <= PROVOKED
    assert [line for line in lines if "Traceback" in line[1]] == []


def test_the_dashboards_token_stands_nowhere(stack: LocalStack, backstage: Backstage) -> None:
    """It was shown with every request; what is kept of it is a digest."""
    secret = stack.dashboard_token.rpartition("_")[2]
    assert not [function for function, line in backstage.log_lines() if secret in line]
    assert not [table.name for table in TABLES for item in backstage.items(table) if secret in repr(item)]
    assert not [name for name in backstage.objects() if secret in name]


def test_no_metric_tells_of_a_fault(backstage: Backstage) -> None:
    metrics = [event for event in (parsed(line) for _, line in backstage.log_lines()) if event and "_aws" in event]
    totals = Counter[str]()
    for event in metrics:
        totals.update({name: sum(values) for name, values in event.items() if isinstance(values, list)})

    assert totals["TickCompleted"] > 0
    assert totals["Resent"] > 0
    assert {name: totals[name] for name in ALARMING if totals[name]} == {}


def parsed(line: str) -> dict[str, Any] | None:
    """A line that the functions' logger wrote; None for the platform's own."""
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) else None
