"""The built-in schedules as deployed: `workflow`'s real handler, loader and wiring, and their effects on moto."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from functions.workflow.builtin import (
    _wiring,
    cleanup_daily,
    config_snapshot_daily,
    digest_daily,
    heartbeat_hourly,
    retry_dead_letters_hourly,
    usage_rollup_15m,
)
from tests.integration import scripted_handlers
from tests.integration.functions_world import FunctionsWorld, functions_world
from tests.support.aws import BUCKET
from tests.support.runs import a_run, failed, letter_of
from tests.support.tasks import an_acceptance
from tests.unit.handlers.local_server import http_answer, serving
from workerflow.domain.dead_letter import LetterState
from workerflow.domain.manifest import Manifest
from workerflow.domain.objects import payload_pointer
from workerflow.domain.rollup import ALL_SOURCES, Span
from workerflow.domain.run import LetterClass
from workerflow.domain.schedule import Schedule
from workerflow.domain.task import Acceptance
from workerflow.domain.timestamp import timestamp
from workerflow.handlers.declaration import declarations_of
from workerflow.ports.stores import Written

HOUR_MS, DAY_MS = Span.HOUR.ms, Span.DAY.ms
HANDLERS = (
    heartbeat_hourly.heartbeat_hourly,
    retry_dead_letters_hourly.retry_dead_letters_hourly,
    usage_rollup_15m.usage_rollup_15m,
    digest_daily.digest_daily,
    cleanup_daily.cleanup_daily,
    config_snapshot_daily.config_snapshot_daily,
)
SCHEDULES = [one for handler in HANDLERS for one in declarations_of(handler) if isinstance(one, Schedule)]
NAMES = [one.name for one in SCHEDULES]


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FunctionsWorld]:
    with functions_world(monkeypatch, tmp_path) as found:
        routes = scripted_handlers.manifest().routes.values()
        (tmp_path / "manifest.json").write_text(Manifest.build(routes, SCHEDULES).to_json())
        _wiring.built_ins.cache_clear()
        yield found
        _wiring.built_ins.cache_clear()


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def fire(world: FunctionsWorld, name: str, *, due_at_ms: int | None = None, tenant: str = "default") -> Acceptance:
    """Accept a fire and run it through `workflow`."""
    due = timestamp(due_at_ms or now_ms())
    body = json.dumps({"schedule": name, "dueAt": due}).encode()
    task = an_acceptance(
        due, source=f"schedule:{name}", kind="scheduled_job", body=body, accepted_at_ms=now_ms(), tenant=tenant
    )
    assert world.aws.acceptances.put(task, now_ms=task.accepted_at_ms) == Written()
    world.execute(task)
    return task


def output(world: FunctionsWorld, name: str, **changes: Any) -> dict[str, Any]:
    """What a fire's run returned."""
    run = world.run(fire(world, name, **changes))
    assert run.state == "succeeded", run.error
    assert run.output is not None, "a summary is small"
    document: dict[str, Any] = json.loads(run.output)["document"]
    return document


def fail(world: FunctionsWorld, letter_class: LetterClass = LetterClass.PLATFORM) -> Acceptance:
    """A task that failed an hour ago."""
    task = world.take(age_seconds=2 * 3600)
    run = a_run(task)
    ended = failed(run, finished_at_ms=now_ms() - HOUR_MS, letter_class=letter_class)
    assert world.aws.runs.write(run) == Written()
    assert world.aws.runs.write(ended, letter=letter_of(ended, task)) == Written()
    return task


@pytest.mark.parametrize("name", NAMES)
def test_each_of_them_ends_well_on_an_empty_ledger_and_again(world: FunctionsWorld, name: str) -> None:
    first = output(world, name, due_at_ms=now_ms() - 1000)
    assert output(world, name, due_at_ms=now_ms()).keys() == first.keys()


def test_a_task_of_anybody_else_pays_nothing_for_them(world: FunctionsWorld) -> None:
    world.execute(world.take())
    assert _wiring.built_ins.cache_info().currsize == 0


def test_they_are_every_tenants_but_the_heartbeat() -> None:
    alone = [one.name for one in SCHEDULES if one.tenants != ("*",)]
    assert alone == ["heartbeat_hourly"]


def test_a_heartbeat_is_a_metric(world: FunctionsWorld, capsys: pytest.CaptureFixture[str]) -> None:
    output(world, "heartbeat_hourly")
    assert '"Heartbeat":[1.0]' in capsys.readouterr().out


def test_rollups_tell_what_became_of_tasks(world: FunctionsWorld) -> None:
    due_at_ms = Span.QUARTER.start_of(now_ms())
    age_seconds = (now_ms() - due_at_ms) / 1000 + 60
    world.execute(world.take("1", age_seconds=age_seconds))
    world.execute(world.take("2", "refuse", age_seconds=age_seconds))
    assert output(world, "usage_rollup_15m", due_at_ms=due_at_ms)["tasks"] == 2
    hour = Span.HOUR.start_of(due_at_ms - 60_000)
    found = world.aws.rollups.list_rollups("default", Span.HOUR, from_ms=hour, until_ms=hour + HOUR_MS)
    assert {one.source: one.counts for one in found} == {
        ALL_SOURCES: {"succeeded": 1, "failed": 1},
        "route:succeed": {"succeeded": 1},
        "route:refuse": {"failed": 1},
    }


def test_a_letter_of_the_platforms_fault_becomes_a_task(world: FunctionsWorld) -> None:
    task = fail(world)
    assert output(world, "retry_dead_letters_hourly")["replayed"] == 1
    letter = world.aws.replays.get_letter("default", task.trace_id)
    assert letter is not None
    assert letter.state is LetterState.REPLAYED
    assert [message.trace_id for message in world.sent() if message] == [letter.child]
    [entry] = world.aws.replays.lineage("default", task.trace_id)
    assert entry.actor == "schedule:retry_dead_letters_hourly"


def test_which_classes_are_retried_is_the_operators_to_say(
    world: FunctionsWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RETRY_LETTER_CLASSES", "exhausted, timeout")
    fail(world, LetterClass.TIMEOUT)
    assert output(world, "retry_dead_letters_hourly")["replayed"] == 1


def test_a_digest_is_posted_where_the_tenant_says(world: FunctionsWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLOWED_PRIVATE_HOSTS", "127.0.0.1")
    with serving(http_answer(200)) as server:
        world.aws.clients.secrets().create_secret(
            Name="workerflow/dev/default/handlers/digest-webhook-url",
            SecretString=f"http://127.0.0.1:{server.port}/digest",
        )
        told = output(world, "digest_daily")
        assert told.pop("delivered") == "delivered"
        assert json.loads(server.last_body) == told


def test_a_digest_without_webhook_is_its_runs_output(world: FunctionsWorld) -> None:
    assert output(world, "digest_daily")["delivered"] == "not_configured"


def test_a_webhook_that_fails_fails_the_run(world: FunctionsWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLOWED_PRIVATE_HOSTS", "127.0.0.1")
    with serving(http_answer(503)) as server:
        world.aws.clients.secrets().create_secret(
            Name="workerflow/dev/default/handlers/digest-webhook-url", SecretString=f"http://127.0.0.1:{server.port}/"
        )
        run = world.run(fire(world, "digest_daily"))
    assert run.state == "waiting"
    assert run.error == "RetryableError: the receiver answered 503"


def test_what_nothing_points_to_is_deleted_in_the_tenants_own_folder(world: FunctionsWorld) -> None:
    old_ms = now_ms() - 3 * DAY_MS
    for tenant in ("default", "another"):
        world.aws.blobs.put(payload_pointer(tenant, "0" * 32, "f" * 64, old_ms), b"left over")
    assert output(world, "cleanup_daily")["deleted"] == 1
    left = world.aws.clients.s3().list_objects_v2(Bucket=BUCKET)["Contents"]
    assert [one["Key"].split("/")[0] for one in left] == ["another"]


def test_the_configuration_is_kept_and_compared(world: FunctionsWorld) -> None:
    output(world, "config_snapshot_daily", due_at_ms=now_ms() - DAY_MS)
    before = world.aws.schedules.list_cursors("default").readable
    told = output(world, "config_snapshot_daily")
    assert before == []
    assert told["comparedWith"].endswith(f"{timestamp(now_ms() - DAY_MS)[:10]}.json")
    assert (told["added"], told["removed"], told["changed"]) == ([], [], [])


def test_a_replay_counts_for_the_moment_of_its_root(world: FunctionsWorld) -> None:
    """What a task is for stays the same: a fire that is replayed next week snapshots its own day, not that day's."""
    due_at_ms = now_ms() - 2 * DAY_MS
    told = output(world, "config_snapshot_daily", due_at_ms=due_at_ms)
    assert told["snapshot"] == f"default/snapshots/{timestamp(due_at_ms)[:10]}.json"


def test_tenants_are_apart(world: FunctionsWorld) -> None:
    task = fail(world)
    assert output(world, "retry_dead_letters_hourly", tenant="another")["replayed"] == 0
    assert output(world, "config_snapshot_daily", tenant="another")["snapshot"].startswith("another/snapshots/")
    letter = world.aws.replays.get_letter("default", task.trace_id)
    assert letter is not None
    assert replace(letter, state=LetterState.OPEN) == letter
