"""Operators' orders over the API: carried out once, recorded with their effect, refused with a reason.

That each answer is one that the OpenAPI document tells of is checked by the world itself, in `send`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from functions.dashboard import handler
from functions.dashboard.endpoints import WRITES
from tests.integration.dashboard_world import Answer, Context, DashboardWorld, dashboard_world
from tests.support.faults import Fault
from workerflow.domain.json_body import MAX_BODY_BYTES
from workerflow.tables import AUDIT_EVENTS, IDEMPOTENCY_KEYS, OPERATIONS, REPLAY_LINEAGE, TABLES

type Body = Mapping[str, Any]


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[DashboardWorld]:
    with dashboard_world(monkeypatch, tmp_path) as made:
        yield made


@pytest.fixture
def token(world: DashboardWorld) -> str:
    return world.token("write")


@dataclass(frozen=True)
class Order:
    """An order, and how what it is about is made.

    Attributes:
        name: of the endpoint.
        about: makes it; the values of the path's parts.
        other: a body that says something else.
        action: as the audit trail has it.
    """

    name: str
    about: Callable[[DashboardWorld, str], dict[str, str]]
    body: Body
    other: Body
    action: str

    def target(self, world: DashboardWorld, token: str) -> str:
        """The path of one that can be carried out."""
        template = next(one.template for one in WRITES if one.name == self.name)
        return template.format(**self.about(world, token))


def _a_job(world: DashboardWorld, token: str) -> dict[str, str]:
    body = {"action": "resolve", "filter": {}, "reason": "test"}
    return {"jobId": world.post("/api/bulk-jobs", body, token=token).document["target"]}


def _run(make: str) -> Callable[[DashboardWorld, str], dict[str, str]]:
    return lambda world, _token: {"traceId": getattr(world.seeds, make)().trace_id}


def _named(name: str) -> Callable[[DashboardWorld, str], dict[str, str]]:
    return lambda _world, _token: {"name": name}


BECAUSE, OTHERWISE = {"reason": "the provider is back"}, {"reason": "another"}
COUNT = {"action": "replay", "filter": {"class": "exhausted"}, **BECAUSE}
ORDERS = {
    one.name: one
    for one in (
        Order(
            "replayRun", _run("failed"), {**BECAUSE, "payload": {"id": 1}}, {**BECAUSE, "payload": None}, "run.replayed"
        ),
        Order("cancelRun", _run("queued"), BECAUSE, OTHERWISE, "run.cancelled"),
        Order("retryRun", _run("waiting"), BECAUSE, OTHERWISE, "run.retried"),
        Order("resolveLetter", _run("failed"), {"note": "paid by hand"}, {"note": "x"}, "letter.resolved"),
        Order("countBulkJob", _named(""), COUNT, COUNT | {"newEffects": True}, "bulk.counted"),
        Order("startBulkJob", _a_job, {}, {}, "bulk.started"),
        Order("abortBulkJob", _a_job, {}, {}, "bulk.aborted"),
        Order("runSchedule", _named("report"), BECAUSE, OTHERWISE, "schedule.run"),
        Order(
            "switchRoute",
            _named("webhook_echo"),
            {"state": "paused", **BECAUSE},
            {"state": "disabled", **BECAUSE},
            "switch.set",
        ),
        Order(
            "switchSchedule",
            _named("report"),
            {"state": "paused", **BECAUSE},
            {"state": "enabled", **BECAUSE},
            "switch.set",
        ),
    )
}
every_order = pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS)


def everything(world: DashboardWorld) -> dict[str, Any]:
    """All that stands in the tables."""
    return {table.name: world.aws.items(table) for table in TABLES}


def rows(world: DashboardWorld, action: str) -> list[Any]:
    """Rows of the audit trail."""
    return [item for item in world.aws.items(AUDIT_EVENTS) if item["action"] == action]


def keyed(key: str) -> dict[str, str]:
    return {"idempotency-key": key}


def test_every_write_of_the_api_is_tried_here() -> None:
    assert ORDERS.keys() == {one.name for one in WRITES}


# Once -----------------------------------------------------------------------------------------------------------------


@every_order
def test_an_order_is_carried_out_once_and_answered_alike(world: DashboardWorld, token: str, order: Order) -> None:
    target = order.target(world, token)
    first = world.post(target, order.body, token=token, headers=keyed("one"))
    assert first.status == 200, first.text
    assert (first.document["action"], first.document["repeated"]) == (order.action, False)
    before = everything(world)
    again = world.post(target, order.body, token=token, headers=keyed("one"))
    assert again.document == first.document | {"repeated": True}
    assert everything(world) == before
    assert len(rows(world, order.action)) == 1


@every_order
def test_a_key_that_stands_for_another_order_is_refused(world: DashboardWorld, token: str, order: Order) -> None:
    target = order.target(world, token)
    world.post(target, order.body, token=token, headers=keyed("one"))
    before = everything(world)
    body = order.other
    if body == order.body:
        target, body = "/api/schedules/nightly/run", BECAUSE
    assert world.post(target, body, token=token, headers=keyed("one")).code == "operation_key_reused"
    assert everything(world) == before


@every_order
def test_another_tokens_key_is_another_key(world: DashboardWorld, token: str, order: Order) -> None:
    world.post("/api/schedules/nightly/run", BECAUSE, token=world.token("write", name="grace"), headers=keyed("one"))
    answer = world.post(order.target(world, token), order.body, token=token, headers=keyed("one"))
    assert (answer.status, answer.document["repeated"]) == (200, False)


@every_order
def test_its_audit_row_tells_who_what_why_and_from_where(world: DashboardWorld, token: str, order: Order) -> None:
    target = order.target(world, token)
    answer = world.post(target, order.body, token=token).document
    (row,) = rows(world, order.action)
    assert row["actor"] == f"ada ({token.split('_')[1]})"
    assert (row["target"], row["address"]) == (answer["target"], world.source_ip)
    assert row["details"] == answer["details"]
    assert token.split("_")[2] not in json.dumps(everything(world), default=str)


@every_order
def test_a_token_for_reading_changes_nothing(world: DashboardWorld, token: str, order: Order) -> None:
    target, reader = order.target(world, token), world.token("read")
    before = everything(world)
    assert world.post(target, order.body, token=reader).code == "scope_insufficient"
    assert everything(world) == before


@every_order
def test_an_order_needs_a_key(world: DashboardWorld, token: str, order: Order) -> None:
    target, body = order.target(world, token), json.dumps(order.body).encode()
    before = everything(world)
    keys = {"": "key_malformed", "a key": "key_malformed", "k" * 256: "key_malformed"}
    for key, code in (keys | {None: "key_required", "ä": "header_malformed", "a,b": "header_repeated"}).items():
        headers = {"authorization": f"Bearer {token}"} | ({} if key is None else keyed(key))
        assert world.send(world.event("POST", target, body, headers)).code == code
    assert everything(world) == before


@every_order
def test_orders_that_come_at_the_same_time_are_one(world: DashboardWorld, token: str, order: Order) -> None:
    target = order.target(world, token)
    headers = {"authorization": f"Bearer {token}"} | keyed("one")
    event = world.event("POST", target, json.dumps(order.body).encode(), headers)

    def send(_number: int) -> Any:
        answer = handler.lambda_handler(event, Context())
        return answer["statusCode"], json.loads(answer["body"])

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(send, range(6)))
    good = [document for status, document in answers if status == 200]
    assert good
    assert all(status in {200, 503} for status, _ in answers), answers
    assert len({json.dumps(one | {"repeated": None}, sort_keys=True) for one in good}) == 1
    assert sum(not one["repeated"] for one in good) <= 1
    assert len(rows(world, order.action)) == 1


@every_order
def test_an_order_whose_answer_was_lost_is_found_again(world: DashboardWorld, token: str, order: Order) -> None:
    target = order.target(world, token)
    with world.aws.line.breaking(Fault.SILENT, "dynamodb.TransactWriteItems"):
        lost = world.post(target, order.body, token=token, headers=keyed("one"))
    assert (lost.code, lost.headers["retry-after"]) == ("store_unavailable", "2")
    again = world.post(target, order.body, token=token, headers=keyed("one"))
    assert (again.status, again.document["repeated"]) == (200, True), again.text
    assert len(rows(world, order.action)) == 1


# Refused --------------------------------------------------------------------------------------------------------------


REFUSED: tuple[tuple[str, Body, str], ...] = (
    ("/api/runs/{running}/replay", BECAUSE, "not_ended"),
    ("/api/runs/{disabled}/replay", BECAUSE, "disabled"),
    ("/api/runs/{succeeded}/cancel", BECAUSE, "not_cancellable"),
    ("/api/runs/{running}/retry", BECAUSE, "not_waiting"),
    ("/api/runs/{succeeded}/retry", BECAUSE, "not_waiting"),
    ("/api/letters/{replayed}/resolve", {"note": "x"}, "not_open"),
    ("/api/letters/{succeeded}/resolve", {"note": "x"}, "letter_not_found"),
    ("/api/bulk-jobs/{aborted}/start", {}, "not_startable"),
    ("/api/bulk-jobs/{aborted}/abort", {}, "not_abortable"),
    *((f"/api/runs/{'0' * 44}/{verb}", BECAUSE, "run_not_found") for verb in ("replay", "cancel", "retry")),
    ("/api/runs/nobody/replay", BECAUSE, "run_not_found"),
    (f"/api/letters/{'0' * 44}/resolve", {"note": "x"}, "letter_not_found"),
    ("/api/bulk-jobs/nobody/start", {}, "bulk_job_not_found"),
    ("/api/bulk-jobs/nobody/abort", {}, "bulk_job_not_found"),
    ("/api/schedules/nobody/run", BECAUSE, "schedule_not_found"),
    ("/api/schedules/webhook_echo/state", {"state": "paused", **BECAUSE}, "schedule_not_found"),
    ("/api/routes/report/state", {"state": "paused", **BECAUSE}, "route_not_found"),
)


def test_what_cannot_be_done_is_refused_and_changes_nothing(world: DashboardWorld, token: str) -> None:
    replayed = world.seeds.failed().trace_id
    world.post(f"/api/runs/{replayed}/replay", BECAUSE, token=token)
    aborted = _a_job(world, token)["jobId"]
    world.post(f"/api/bulk-jobs/{aborted}/abort", {}, token=token)
    names = {
        "running": world.seeds.running().trace_id,
        "succeeded": world.seeds.succeeded().trace_id,
        "disabled": world.seeds.failed(world.seeds.queued("route:switched_off")).trace_id,
        "replayed": replayed,
        "aborted": aborted,
    }
    before = everything(world)
    for target, body, code in REFUSED:
        assert (target, world.post(target.format(**names), body, token=token).code) == (target, code)
    assert everything(world) == before


def test_a_schedule_that_is_disabled_is_not_run(world: DashboardWorld, token: str) -> None:
    world.post("/api/schedules/report/state", {"state": "disabled", **BECAUSE}, token=token)
    assert world.post("/api/schedules/report/run", BECAUSE, token=token).code == "disabled"


WRONG: tuple[tuple[str, Any, list[str]], ...] = (
    ("cancelRun", [], [""]),
    ("cancelRun", {}, ["/reason"]),
    ("cancelRun", {"reason": ""}, ["/reason"]),
    ("cancelRun", {"reason": "  "}, ["/reason"]),
    ("cancelRun", {"reason": 1}, ["/reason"]),
    ("cancelRun", {"reason": None}, ["/reason"]),
    ("cancelRun", {"reason": "x" * 1001}, ["/reason"]),
    ("cancelRun", {"reason": "x", "a/b~c": 1}, ["/a~1b~0c"]),
    ("replayRun", {"reason": "x", "newEffects": "yes", "why": 1}, ["/newEffects", "/why"]),
    ("switchRoute", {"state": "off", "reason": "x"}, ["/state"]),
    ("startBulkJob", {"now": True}, ["/now"]),
    ("countBulkJob", {}, ["/action", "/reason", "/filter"]),
    (
        "countBulkJob",
        {"action": "replay", "reason": "x", "filter": {"class": "none", "age": 1}},
        ["/filter/class", "/filter/age"],
    ),
    ("countBulkJob", {"action": "resolve", "reason": "x", "filter": {}, "newEffects": True}, ["/newEffects"]),
    (
        "countBulkJob",
        {
            "action": "replay",
            "reason": "x",
            "filter": {"from": "2026-01-02T00:00:00Z", "until": "2026-01-01T00:00:00Z"},
        },
        ["/filter/from"],
    ),
)


def test_everything_that_is_wrong_with_a_body_is_told_at_once(world: DashboardWorld, token: str) -> None:
    targets = {name: ORDERS[name].target(world, token) for name, _, _ in WRONG}
    before = everything(world)
    for name, body, pointers in WRONG:
        answer = world.post(targets[name], body, token=token)
        assert answer.code == "body_invalid"
        assert sorted(one["pointer"] for one in answer.document["errors"]) == sorted(pointers)
    assert everything(world) == before


# Payloads -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("payload", [None, 0, "", "ü", [], {}, {"a": [1.5, "\x00", "\U0001f600"]}], ids=repr)
def test_an_edited_payload_is_any_json_value_in_its_shortest_form(
    world: DashboardWorld, token: str, payload: Any
) -> None:
    run = world.seeds.failed()
    done = world.post(f"/api/runs/{run.trace_id}/replay", {**BECAUSE, "payload": payload}, token=token).document
    assert done["details"]["edited"] == "true"
    answer = world.get(f"/api/runs/{done['details']['child']}/payload", token=token)
    assert answer.body == json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()


def test_a_replay_without_a_payload_has_its_parents(world: DashboardWorld, token: str) -> None:
    run = world.seeds.failed()
    done = world.post(f"/api/runs/{run.trace_id}/replay", BECAUSE, token=token).document
    assert (done["details"]["edited"], done["details"]["newEffects"]) == ("false", "false")
    assert world.get(f"/api/runs/{done['details']['child']}/payload", token=token).body == b'{"n":1}'


def test_an_edited_payload_must_be_what_the_route_takes(world: DashboardWorld, token: str) -> None:
    run = world.seeds.failed(world.seeds.queued("route:order_created"))
    answer = world.post(f"/api/runs/{run.trace_id}/replay", {**BECAUSE, "payload": {"id": "x"}}, token=token)
    assert (answer.status, answer.code) == (422, "payload_invalid")
    assert [one["pointer"] for one in answer.document["errors"]] == ["/id"]


@pytest.mark.parametrize(("beyond", "status"), [(-1, 200), (0, 200), (1, 413)])
def test_an_edited_payload_may_be_as_large_as_any(world: DashboardWorld, token: str, beyond: int, status: int) -> None:
    run = world.seeds.failed()
    payload = "x" * (MAX_BODY_BYTES - 2 + beyond)
    answer = world.post(f"/api/runs/{run.trace_id}/replay", {**BECAUSE, "payload": payload}, token=token)
    assert answer.status == status
    if status != 200:
        assert answer.code == "body_too_large"
        assert world.aws.items(REPLAY_LINEAGE) == []


def test_no_other_order_may_be_large(world: DashboardWorld, token: str) -> None:
    run = world.seeds.queued()
    body = b'{"reason":"' + b"x" * 65_536 + b'"}'
    assert world.post(f"/api/runs/{run.trace_id}/cancel", body, token=token).code == "body_too_large"


def test_two_replays_of_one_run_are_one_child(world: DashboardWorld, token: str) -> None:
    run = world.seeds.failed()
    answers: list[Answer] = [
        world.post(f"/api/runs/{run.trace_id}/replay", {"reason": text}, token=token) for text in ("one", "two")
    ]
    details = [answer.document["details"] for answer in answers]
    assert details[0]["child"] == details[1]["child"]
    assert [one["created"] for one in details] == ["true", "false"]
    assert len(world.aws.items(IDEMPOTENCY_KEYS)) == 2
    assert len([item for item in world.aws.items(OPERATIONS) if item["pk"] == "default#done"]) == 2
