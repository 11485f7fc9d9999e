"""The dashboard's API over its function URL, with its role's rights: everything is told, every order carried out."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from functions.dashboard.endpoints import API, READS
from tests.e2e.calls import Api, Call, eventually
from tests.e2e.operator import LETTERS, LONG_ENOUGH_SECONDS, Operator
from tests.e2e.slow import Slow
from tools.local import LocalStack
from workerflow.domain.bulk import BATCH
from workerflow.domain.dead_letter import LetterState

WHY = "the card works again"


@dataclass(frozen=True, slots=True)
class Replayed:
    """A task that failed, and its replay with another payload, which succeeded."""

    parent: Call
    payload: dict[str, Any]
    order: dict[str, Any]
    again: dict[str, Any]

    @property
    def child(self) -> str:
        found: str = self.order["details"]["child"]
        return found


@pytest.fixture(scope="module")
def replayed(api: Api, operator: Operator, folder: Path) -> Replayed:
    mended = folder / "mended-by-an-operator"
    mended.touch()
    parent = api.start("e2e_permanent", mended=str(folder / "never"))
    api.ended(parent.trace_id)
    payload = {"marks": str(parent.marks), "mended": str(mended)}
    path = f"/api/runs/{parent.trace_id}/replay"
    api.stack.send("POST", "/api/e2e_async", body=b"{}", headers={"authorization": "Bearer wrong"})
    order = operator.order(path, key="one-click", reason=WHY, payload=payload)
    again = operator.order(path, key="one-click", reason=WHY, payload=payload)
    api.ended(order["details"]["child"])
    return Replayed(parent, payload, order, again)


def test_an_edited_payload_is_replayed_once_for_a_key(api: Api, operator: Operator, replayed: Replayed) -> None:
    assert (replayed.order["action"], replayed.order["repeated"]) == ("run.replayed", False)
    assert replayed.again == replayed.order | {"repeated": True}
    assert [execution.trace_id for execution in replayed.parent.executions] == [
        replayed.parent.trace_id,
        replayed.child,
    ]
    [child] = operator.get(f"/api/runs/{replayed.parent.trace_id}/lineage")["root"]["children"]
    assert (child["traceId"], child["state"], child["edited"], child["reason"]) == (
        replayed.child,
        "succeeded",
        True,
        WHY,
    )
    payload = operator.stack.ask_dashboard("GET", f"/api/runs/{replayed.child}/payload")
    assert json.loads(payload.body) == replayed.payload
    assert operator.get(f"/api/runs/{replayed.parent.trace_id}")["letter"]["state"] == LetterState.RESOLVED
    other = operator.send(f"/api/runs/{replayed.parent.trace_id}/replay", "one-click", reason="another order")
    assert (other.status, other.json()["code"]) == (422, "operation_key_reused")
    assert api.run(replayed.parent.trace_id)["state"] == "failed"


def test_a_running_handler_sees_that_its_task_is_cancelled(api: Api, operator: Operator) -> None:
    patient = api.start("e2e_patient")
    eventually(lambda: patient.attempts, lambda attempts: attempts == [1])

    order = operator.order(f"/api/runs/{patient.trace_id}/cancel", reason="the customer has left")

    assert order["details"] == {"before": "running", "after": "cancelling", "attempt": "1"}
    assert api.ended(patient.trace_id, seconds=20)["state"] == "cancelled"
    assert patient.attempts == [1]
    assert operator.get(f"/api/runs/{patient.trace_id}")["letter"] is None


def test_a_task_that_waits_begins_now_or_never(api: Api, operator: Operator) -> None:
    hurried, cancelled = (api.start("e2e_retry", retryAfter=600, succeedAt=2) for _ in range(2))
    for call in (hurried, cancelled):
        api.run_when(call.trace_id, lambda run: run["state"] == "parked")

    operator.order(f"/api/runs/{hurried.trace_id}/retry", reason="the bank is back")
    operator.order(f"/api/runs/{cancelled.trace_id}/cancel", reason="nobody waits for it")

    assert api.run(cancelled.trace_id)["state"] == "cancelled"
    assert (api.ended(hurried.trace_id)["state"], hurried.attempts) == ("succeeded", [1, 2])
    late = operator.send(f"/api/runs/{hurried.trace_id}/cancel", "too-late", reason="nobody waits for it")
    assert (late.status, late.json()["code"]) == (409, "not_cancellable")


def test_a_letter_is_resolved_with_a_note(api: Api, operator: Operator) -> None:
    unfit = api.start("e2e_unfit")
    api.ended(unfit.trace_id)

    operator.order(f"/api/letters/{unfit.trace_id}/resolve", note="the order was cancelled by phone")

    letter = operator.get(f"/api/runs/{unfit.trace_id}")["letter"]
    assert (letter["state"], letter["note"]) == ("resolved", "the order was cancelled by phone")
    operator.order(f"/api/letters/{unfit.trace_id}/resolve", note="twice")
    assert operator.get(f"/api/runs/{unfit.trace_id}")["letter"] == letter


@pytest.mark.parametrize(("kind", "name"), [("routes", "e2e_switched"), ("schedules", "e2e_leap_day")])
def test_a_source_is_paused_and_enabled(operator: Operator, kind: str, name: str) -> None:
    for state in ("paused", "enabled"):
        operator.order(f"/api/{kind}/{name}/state", state=state, reason="stocktaking")
        [shown] = [one for one in operator.get(f"/api/{kind}")[kind] if one["name"] == name]
        assert shown["state"] == state


def test_a_schedule_is_run_now(api: Api, operator: Operator) -> None:
    order = operator.order("/api/schedules/heartbeat_hourly/run", reason="is anybody there?")

    run = api.ended(order["details"]["run"])
    assert (run["state"], run["source"]) == ("succeeded", "schedule:heartbeat_hourly")


def test_many_letters_are_replayed_until_that_is_stopped_and_the_others_resolved(slow: Slow, folder: Path) -> None:
    """Each letter once, by the emulator's own tick; the end holds within a batch.

    A letter whose store answered too late, just when the job was ended, was replayed and is not told of.
    """
    bulk = slow.bulk.result(timeout=LONG_ENOUGH_SECONDS)

    assert bulk.counted == LETTERS
    assert bulk.replayed["state"] == "aborted"
    assert bulk.aborted_at <= bulk.replayed["visited"] <= bulk.aborted_at + 2 * BATCH
    gone = LETTERS - bulk.left
    assert bulk.replayed["visited"] == bulk.replayed["succeeded"] <= gone < LETTERS
    assert (bulk.resolved["matched"], bulk.resolved["succeeded"]) == (bulk.left, bulk.left)
    executed = eventually(lambda: (folder / "bulk").read_text().splitlines(), lambda lines: len(lines) >= gone)
    assert len({line.split()[0] for line in executed}) == len(executed) == gone


PRESENT: dict[str, Callable[[Any], object]] = {
    "readHealth": lambda told: told["status"] == "ok",
    "readApi": lambda told: len(told["paths"]) == len({one.template for one in API}),
    "readSession": lambda told: (told["name"], told["scope"]) == ("make up", "write"),
    "readSummary": lambda told: told["counts"]["succeeded"] and told["openLetters"]["count"] and told["nextFires"],
    "readTimeline": lambda told: sum(one["counts"].get("succeeded", 0) for one in told["buckets"]),
    "listRuns": lambda told: len(told["runs"]) > 20,
    "readRun": lambda told: told["attempts"] and told["payload"] and told["output"],
    "readLineage": lambda told: told["size"] == 2,
    "listLetters": lambda told: len(told["letters"]) > 1,
    "listErrors": lambda told: len(told["groups"]) > 1,
    "listRoutes": lambda told: {"e2e_async", "webhook_echo"} <= {one["name"] for one in told["routes"]},
    "listSchedules": lambda told: {"e2e_minutely", "rollup"} & {one["name"] for one in told["schedules"]},
    "listRefusedCalls": lambda told: told["calls"],
    "listAudit": lambda told: len(told["events"]) == 50 and told["nextCursor"],
    "readConfiguration": lambda told: any(one["isPresent"] for one in told["secrets"]),
    "listBulkJobs": lambda told: len(told["jobs"]) == 2,
    "readBulkJob": lambda told: told["state"] in {"aborted", "done"},
}
"""What each endpoint must tell after all that has happened."""


@pytest.mark.parametrize("name", [one.name for one in READS])
def test_everything_is_told(operator: Operator, replayed: Replayed, name: str) -> None:
    [endpoint] = [one for one in READS if one.name == name]
    named = {"traceId": replayed.child}
    if "{jobId}" in endpoint.template:
        named["jobId"] = operator.get("/api/bulk-jobs")["jobs"][0]["jobId"]
    answer = operator.stack.ask_dashboard("GET", endpoint.template.format(**named))

    assert answer.status == 200, answer
    if name in PRESENT:
        told = answer.json()
        assert PRESENT[name](told), told
    else:
        assert answer.headers["content-type"] == "application/octet-stream"
        assert answer.headers["content-disposition"].startswith("attachment")


def test_nobody_is_told_anything_without_a_token(stack: LocalStack) -> None:
    for headers in ({}, {"authorization": f"Bearer wfd_{'a' * 12}_{'A' * 43}"}, {"cookie": "workerflow-local=x"}):
        answer = stack.ask_dashboard("GET", "/api/runs", headers=headers)
        assert (answer.status, set(answer.json()) & {"runs"}) == (401, set())
