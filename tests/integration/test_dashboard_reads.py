"""What the API shows: of everything that there is, found by every filter, page by page, newest first.

That each answer is one that the OpenAPI document tells of is checked by the world itself, in `send`.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.dashboard_world import DashboardWorld, dashboard_world
from tests.support.aws import BUCKET
from tests.support.tasks import a_route
from workerflow.domain.json_body import MAX_BODY_BYTES
from workerflow.domain.output import MAX_OUTPUT_BYTES
from workerflow.domain.stored import StoredBytes
from workerflow.domain.timestamp import timestamp

ANSWER_BYTES = 6 * 1024 * 1024
"""What a function URL answers at most. Source: AWS, "Lambda quotas", invocation payload."""
LISTS = {
    "/api/runs": "runs",
    "/api/letters": "letters",
    "/api/audit": "events",
    "/api/bulk-jobs": "jobs",
}


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[DashboardWorld]:
    with dashboard_world(monkeypatch, tmp_path) as made:
        yield made


@pytest.fixture
def token(world: DashboardWorld) -> str:
    return world.token("read")


def found(world: DashboardWorld, target: str, name: str, token: str) -> list[Any]:
    """All entries of a list, page by page."""
    entries: list[Any] = []
    cursor = ""
    while True:
        mark = "&" if "?" in target else "?"
        page = world.get(f"{target}{mark}limit=2{cursor}", token=token).document
        assert len(page[name]) <= 2
        entries += page[name]
        if page["nextCursor"] is None:
            return entries
        cursor = f"&cursor={page['nextCursor']}"


# Runs -----------------------------------------------------------------------------------------------------------------


def test_tasks_are_listed_newest_first_with_those_that_nobody_has_begun(world: DashboardWorld, token: str) -> None:
    seeds = world.seeds
    ids = [
        seeds.failed(seeds.queued(age_seconds=50)).trace_id,
        seeds.succeeded(seeds.queued(age_seconds=40)).trace_id,
        seeds.waiting(seeds.queued(age_seconds=30)).trace_id,
        seeds.running(seeds.queued(age_seconds=20)).trace_id,
        seeds.queued(age_seconds=10).trace_id,
    ]
    runs = found(world, "/api/runs", "runs", token)
    assert [run["traceId"] for run in runs] == ids[::-1]
    assert [run["state"] for run in runs] == ["queued", "running", "waiting", "succeeded", "failed"]


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("status=failed", {"failed"}),
        ("status=queued", {"queued", "scheduled"}),
        ("source=route:webhook_echo", {"failed", "queued"}),
        ("source=schedule%3Areport&kind=scheduled_job", {"scheduled"}),
        ("kind=http_route&status=queued", {"queued"}),
        ("source=route:nobody", set()),
    ],
)
def test_filters_find_what_fits_all_of_them(world: DashboardWorld, token: str, query: str, wanted: set[str]) -> None:
    names = {
        world.seeds.failed().trace_id: "failed",
        world.seeds.queued().trace_id: "queued",
        world.seeds.queued("schedule:report").trace_id: "scheduled",
    }
    runs = found(world, f"/api/runs?{query}", "runs", token)
    assert {names[run["traceId"]] for run in runs} == wanted


def test_a_time_bounds_a_list_from_its_beginning_to_before_its_end(world: DashboardWorld, token: str) -> None:
    old, new = world.seeds.queued(age_seconds=100), world.seeds.queued(age_seconds=50)
    since = f"/api/runs?from={timestamp(new.accepted_at_ms)}"
    until = f"/api/runs?until={timestamp(new.accepted_at_ms)}"
    assert [run["traceId"] for run in found(world, since, "runs", token)] == [new.trace_id]
    assert [run["traceId"] for run in found(world, until, "runs", token)] == [old.trace_id]


def test_a_run_is_shown_with_all_that_hangs_on_it(world: DashboardWorld, token: str) -> None:
    run = world.seeds.failed()
    shown = world.get(f"/api/runs/{run.trace_id}", token=token).document
    assert shown["state"] == "failed"
    assert shown["payload"]["document"] == {"n": 1}
    assert shown["letter"]["state"] == "open"
    assert [attempt["result"] for attempt in shown["attempts"]] == ["retryable"]
    assert shown["lineage"]["root"]["traceId"] == run.trace_id


def test_an_output_is_shown_and_given_as_it_is(world: DashboardWorld, token: str) -> None:
    run = world.seeds.succeeded(output={"text": "ü"})
    assert world.get(f"/api/runs/{run.trace_id}", token=token).document["output"]["document"] == {"text": "ü"}
    answer = world.get(f"/api/runs/{run.trace_id}/output", token=token)
    assert answer.body == '{"text":"ü"}'.encode()


@pytest.mark.parametrize("what", ["payload", "output"])
def test_bytes_that_others_chose_are_only_ever_a_file(world: DashboardWorld, token: str, what: str) -> None:
    run = world.seeds.succeeded()
    answer = world.get(f"/api/runs/{run.trace_id}/{what}", token=token)
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"] == f'attachment; filename="{run.trace_id}-{what}"'
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("body", [b"\xff\xfe", b"<script>alert(1)</script>", b'{"a": NaN}', b'{"a":1,"a":2}', b""])
def test_a_payload_that_is_no_json_has_a_size_and_its_bytes(world: DashboardWorld, token: str, body: bytes) -> None:
    task = world.seeds.queued(payload=StoredBytes.inlined(body))
    shown = world.get(f"/api/runs/{task.trace_id}", token=token).document["payload"]
    assert (shown["bytes"], shown["isInline"], shown["document"]) == (len(body), False, None)
    assert world.get(f"/api/runs/{task.trace_id}/payload", token=token).body == body


def test_the_largest_payload_and_output_fit_into_an_answer(world: DashboardWorld, token: str) -> None:
    assert (max(MAX_BODY_BYTES, MAX_OUTPUT_BYTES) + 2) // 3 * 4 + 10_000 < ANSWER_BYTES
    body = bytes(range(256)) * (MAX_BODY_BYTES // 256)
    stored = StoredBytes.pointed(body, "default/large")
    world.aws.clients.s3().put_object(Bucket=BUCKET, Key="default/large", Body=body)
    task = world.seeds.queued(payload=stored)
    assert world.get(f"/api/runs/{task.trace_id}/payload", token=token).body == body
    assert world.get(f"/api/runs/{task.trace_id}", token=token).document["payload"]["isInline"] is False


def test_a_payload_that_is_gone_is_told_and_hides_nothing_else(world: DashboardWorld, token: str) -> None:
    task = world.seeds.queued(payload=StoredBytes.pointed(b"gone", "default/gone"))
    assert world.get(f"/api/runs/{task.trace_id}", token=token).document["payload"]["fault"]
    assert world.get(f"/api/runs/{task.trace_id}/payload", token=token).code == "payload_not_found"
    assert world.get(f"/api/runs/{task.trace_id}/output", token=token).code == "output_not_found"


@pytest.mark.parametrize("rest", ["", "/payload", "/output", "/lineage"])
def test_a_run_that_there_is_not_is_not_found(world: DashboardWorld, token: str, rest: str) -> None:
    for name in ("0" * 44, "x", "runs", "0" * 64, "A" * 44, "..-..", "constructor"):
        assert world.get(f"/api/runs/{name}{rest}", token=token).code == "run_not_found"


def test_a_replays_lineage_is_the_same_from_each_of_its_runs(world: DashboardWorld, token: str) -> None:
    run = world.seeds.failed()
    writer = world.token("write")
    done = world.post(f"/api/runs/{run.trace_id}/replay", {"reason": "again"}, token=writer).document
    child = done["details"]["child"]
    trees = [world.get(f"/api/runs/{name}/lineage", token=token).document for name in (run.trace_id, child)]
    assert trees[0] == trees[1]
    assert trees[0]["root"]["children"][0]["traceId"] == child
    assert trees[0]["root"]["children"][0]["reason"] == "again"


# Letters, errors ------------------------------------------------------------------------------------------------------


def test_open_letters_are_listed_unless_all_are_asked_for(world: DashboardWorld, token: str) -> None:
    stays, goes = world.seeds.failed(), world.seeds.failed()
    writer = world.token("write")
    world.post(f"/api/letters/{goes.trace_id}/resolve", {"note": "paid by hand"}, token=writer)
    assert [one["traceId"] for one in found(world, "/api/letters", "letters", token)] == [stays.trace_id]
    letters = found(world, "/api/letters?state=all", "letters", token)
    assert {one["traceId"]: one["state"] for one in letters} == {stays.trace_id: "open", goes.trace_id: "resolved"}
    shown = world.get(f"/api/runs/{goes.trace_id}", token=token).document["letter"]
    assert (shown["state"], shown["note"]) == ("resolved", "paid by hand")


def test_letters_are_found_by_class_source_and_fingerprint(world: DashboardWorld, token: str) -> None:
    world.seeds.failed()
    (letter,) = found(world, "/api/letters", "letters", token)
    fits = f"class={letter['class']}&source={letter['source']}&fingerprint={letter['fingerprint']}"
    assert len(found(world, f"/api/letters?{fits}", "letters", token)) == 1
    for other in ("class=crash", "source=route:nobody", "fingerprint=0000000000000000"):
        assert found(world, f"/api/letters?{other}", "letters", token) == []


def test_alike_errors_are_one_group_with_a_sample(world: DashboardWorld, token: str) -> None:
    runs = [world.seeds.failed().trace_id for _ in range(3)]
    answer = world.get("/api/errors", token=token).document
    (group,) = answer["groups"]
    assert (group["count"], group["open"], group["message"]) == (3, 3, "no answer in 3 s")
    assert group["sample"] in runs


# Counts ---------------------------------------------------------------------------------------------------------------


def test_a_summary_tells_how_things_went_and_stand(world: DashboardWorld, token: str) -> None:
    world.seeds.succeeded()
    world.seeds.failed()
    world.seeds.queued()
    answer = world.get("/api/summary", token=token).document
    assert answer["counts"] == {"failed": 1, "queued": 1, "succeeded": 1}
    assert (answer["successRate"], answer["openLetters"]) == (0.5, {"count": 1, "isExact": True})
    assert answer["queue"] == {"visible": 0, "inFlight": 0, "delayed": 0}
    assert answer["oldestQueued"]["seconds"] > 0


def test_a_timeline_counts_what_the_summary_counts(world: DashboardWorld, token: str) -> None:
    world.seeds.succeeded()
    world.seeds.queued("schedule:report")
    buckets = world.get("/api/timeline", token=token).document["buckets"]
    assert sum(sum(bucket["counts"].values()) for bucket in buckets) == 2
    buckets = world.get("/api/timeline?source=schedule:report", token=token).document["buckets"]
    assert sum(sum(bucket["counts"].values()) for bucket in buckets) == 1


@pytest.mark.parametrize("path", ["/api/summary", "/api/timeline"])
def test_a_window_is_bounded_and_has_a_length(world: DashboardWorld, token: str, path: str) -> None:
    now = timestamp(world.now_ms())
    for query in (f"from={now}&until={now}", "from=1999-01-01T00:00:00Z&until=2026-01-01T00:00:00Z"):
        answer = world.get(f"{path}?{query}", token=token)
        assert (answer.code, answer.document["parameter"]) == ("parameter_invalid", "from")
    assert world.get(f"{path}?from=2026-01-01T00:00:00Z", token=token).status == 200
    assert world.get(f"{path}?until=1990-01-01T00:00:00Z", token=token).status == 200
    assert world.get(f"{path}?from=2199-01-01T00:00:00Z", token=token).code == "parameter_invalid"


# Sources, the trail ---------------------------------------------------------------------------------------------------


def test_routes_and_schedules_are_shown_as_declared_and_as_they_stand(world: DashboardWorld, token: str) -> None:
    writer = world.token("write")
    world.post("/api/routes/webhook_echo/state", {"state": "paused", "reason": "the provider is down"}, token=writer)
    routes = {one["name"]: one for one in world.get("/api/routes", token=token).document["routes"]}
    assert (routes["webhook_echo"]["state"], routes["webhook_echo"]["reason"]) == ("paused", "the provider is down")
    assert (routes["switched_off"]["state"], routes["switched_off"]["switch"]) == ("disabled", None)
    world.post("/api/schedules/report/state", {"state": "paused", "reason": "nobody reads it"}, token=writer)
    schedules = {one["name"]: one for one in world.get("/api/schedules", token=token).document["schedules"]}
    assert schedules["nightly"]["definition"]["timeZone"] == "Europe/Berlin"
    assert schedules["nightly"]["switch"] is None
    for switch in (routes["webhook_echo"]["switch"], schedules["report"]["switch"]):
        assert switch["state"] == "paused"
        assert switch["actor"] == f"ada ({writer.split('_')[1]})"


def test_whether_secrets_are_there_is_told_and_never_what_they_are(world: DashboardWorld, token: str) -> None:
    name = "workerflow/dev/default/handlers/api-key"
    world.aws.clients.secrets().create_secret(Name=name, SecretString="canary-of-a-secret")
    answer = world.get("/api/configuration", token=token)
    (found_one,) = [one for one in answer.document["secrets"] if one["secret"] == "api-key"]
    assert found_one == {"source": "route:webhook_echo", "secret": "api-key", "name": name, "isPresent": True}
    assert "canary" not in answer.text


def test_calls_in_nobodys_name_are_shown_to_tokens_for_all_tenants(world: DashboardWorld, token: str) -> None:
    world.seeds.refused_call(None, reason="token_mismatch")
    (call,) = world.get("/api/refused-calls?unknown=true", token=token).document["calls"]
    assert call["reason"] == "token_mismatch"
    assert world.get("/api/refused-calls", token=token).document["calls"] == []
    own = world.token("read", "default")
    assert world.get("/api/refused-calls?unknown=true", token=own).code == "tenant_forbidden"


def test_every_order_stands_in_the_audit_trail_with_who_gave_it(world: DashboardWorld, token: str) -> None:
    writer = world.token("write", name="grace")
    world.post("/api/routes/webhook_echo/state", {"state": "paused", "reason": "the provider is down"}, token=writer)
    event = world.get("/api/audit", token=token).document["events"][0]
    assert event["actor"].startswith("grace (")
    assert (event["action"], event["target"], event["reason"]) == (
        "switch.set",
        "route:webhook_echo",
        "the provider is down",
    )
    assert (event["details"], event["address"]) == ({"before": "enabled", "after": "paused"}, world.source_ip)


# Lists ----------------------------------------------------------------------------------------------------------------


def test_a_list_goes_on_where_it_was_though_new_tasks_come_in(world: DashboardWorld, token: str) -> None:
    ids = [world.seeds.queued(age_seconds=seconds).trace_id for seconds in (40, 30, 20)]
    page = world.get("/api/runs?limit=2", token=token).document
    world.seeds.queued(age_seconds=1)
    rest = world.get(f"/api/runs?limit=2&cursor={page['nextCursor']}", token=token).document
    assert [run["traceId"] for run in page["runs"] + rest["runs"]] == ids[::-1]
    assert rest["nextCursor"] is None


@pytest.mark.parametrize("path", LISTS)
def test_a_cursor_of_another_list_or_filter_is_refused(world: DashboardWorld, token: str, path: str) -> None:
    for _ in range(2):
        world.seeds.queued()
    cursor = world.get("/api/runs?limit=1", token=token).document["nextCursor"]
    assert world.get(f"/api/runs?limit=100&cursor={cursor}", token=token).status == 200
    target = f"{path}?from=2026-01-01T00:00:00Z&cursor={cursor}" if path == "/api/runs" else f"{path}?cursor={cursor}"
    assert world.get(target, token=token).code == "cursor_invalid"
    assert world.get(f"{path}?cursor={cursor[:-2]}AA", token=token).code == "cursor_invalid"


@pytest.mark.parametrize(("path", "name"), LISTS.items())
def test_an_empty_list_is_a_list(world: DashboardWorld, token: str, path: str, name: str) -> None:
    target = f"{path}?until=1990-01-01T00:00:00Z" if path == "/api/audit" else path
    answer = world.get(target, token=token).document
    assert (answer[name], answer["nextCursor"]) == ([], None)


# What every answer has in common --------------------------------------------------------------------------------------


def test_a_long_answer_is_compressed_for_who_takes_that(world: DashboardWorld, token: str) -> None:
    event = world.event("GET", "/api/openapi.json", headers={"authorization": f"Bearer {token}"})
    plain = world.send(event)
    assert "content-encoding" not in plain.headers
    compressed = world.get("/api/openapi.json", token=token)
    assert (compressed.headers["content-encoding"], compressed.headers["vary"]) == ("gzip", "accept-encoding")
    assert compressed.body == plain.body
    assert len(gzip.compress(plain.body)) < len(plain.body) / 4
    refuses = world.get("/api/openapi.json", token=token, headers={"accept-encoding": "br, gzip;q=0"})
    assert "content-encoding" not in refuses.headers


def test_head_is_answered_like_get_without_its_body(world: DashboardWorld, token: str) -> None:
    answer = world.api("HEAD", "/api/session", token=token)
    assert (answer.status, answer.body, answer.headers["content-type"]) == (200, b"", "application/json")
    assert world.api("HEAD", "/api/runs/nobody", token=token).status == 404


@pytest.mark.parametrize("target", ["/api/health", "/api/session", "/api/nothing", "/api/runs/x"])
def test_every_answer_carries_the_headers_that_keep_browsers_from_mischief(world: DashboardWorld, target: str) -> None:
    headers = world.send(world.event("GET", target)).headers
    assert headers["cache-control"] == "no-store"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["strict-transport-security"]
    assert not [name for name in headers if name.startswith("access-control-")]


def test_over_plain_http_on_this_machine_nothing_is_said_about_https(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with dashboard_world(monkeypatch, tmp_path, environment="local", sources=(a_route(),)) as world:
        assert "strict-transport-security" not in world.send(world.event("GET", "/api/health")).headers
