"""A day's configuration is kept once, and compared with the newest one before."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.tasks import a_manifest, a_route
from tests.unit.services.wired import TENANT, Wired
from workerflow.domain.enablement import Enablement
from workerflow.domain.errors import StoreUnavailableError
from workerflow.domain.manifest import Manifest
from workerflow.domain.schedule_cursor import Missed, ScheduleCursor
from workerflow.ports.tenants import TenantsDocument
from workerflow.services.snapshot_config import SnapshotConfig
from workerflow.services.tenants import KnownTenants

DAY_MS = 86_400_000
TUESDAY = 1_760_000_000_000 // DAY_MS * DAY_MS + 10_000_000
NAME = f"{TENANT}/snapshots/2025-10-09.json"


def snapshot(wired: Wired, due_at_ms: int = TUESDAY, manifest: Manifest | None = None) -> dict[str, Any]:
    service = SnapshotConfig(
        manifest=manifest or wired.manifest,
        switches=wired.world.switches,
        schedules=wired.world.schedules,
        tenants=KnownTenants(store=wired.world.tenants, clock=wired.clock, faults=wired.signals),
        objects=wired.world.blobs,
    )
    return service(TENANT, due_at_ms=due_at_ms)


def kept(wired: Wired, name: str = NAME) -> Any:
    return json.loads(wired.memory.objects[name])


def test_all_that_is_configured_is_kept(wired: Wired) -> None:
    wired.switch(Enablement.PAUSED)
    wired.memory.schedules[TENANT, "nightly"] = ScheduleCursor(
        TENANT, "nightly", "t" * 16, TUESDAY, TUESDAY + 1, 1, "1", missed={Missed.CAP: 2}
    )
    told = snapshot(wired)
    document = kept(wired)
    assert told["snapshot"] == NAME
    assert told["bytes"] == len(wired.memory.objects[NAME])
    assert document["tenant"] == TENANT
    assert document["manifest"]["digest"] == wired.manifest.digest
    assert set(document["manifest"]["routes"]) == {"ask", "echo"}
    assert document["switches"]["route:echo"]["state"] == "paused"
    assert document["cursors"]["nightly"]["missed"] == {"cap": 2}
    assert document["cursors"]["nightly"]["nextDue"] == "2025-10-09T02:46:40.001Z"
    assert document["policy"]["maxInFlight"] is None


def test_it_is_canonical_so_that_the_same_is_the_same_bytes(wired: Wired) -> None:
    snapshot(wired)
    snapshot(wired, TUESDAY + DAY_MS)
    today, tomorrow = (wired.memory.objects[f"{TENANT}/snapshots/2025-10-{day}.json"] for day in ("09", "10"))
    assert today == tomorrow
    assert today == json.dumps(json.loads(today), sort_keys=True, separators=(",", ":")).encode()


def test_the_first_one_is_compared_with_nothing(wired: Wired) -> None:
    assert snapshot(wired)["comparedWith"] is None


def test_what_was_added_removed_and_changed_is_told_by_name(wired: Wired) -> None:
    before = a_manifest(a_route("same"), a_route("edited"), a_route("dropped"))
    after = a_manifest(a_route("same"), a_route("edited", timeout_seconds=99), a_route("new"))
    wired.switch(Enablement.PAUSED, "route:same")
    snapshot(wired, TUESDAY - DAY_MS, before)
    wired.switch(Enablement.ENABLED, "route:same")
    wired.switch(Enablement.PAUSED, "route:edited")
    wired.memory.tenants = TenantsDocument('{"tenants": {"default": {"maxInFlight": 5}}}', 1, "1")
    told = snapshot(wired, manifest=after)
    assert told["comparedWith"] == f"{TENANT}/snapshots/2025-10-08.json"
    assert told["added"] == ["route:new", "switch of route:edited"]
    assert told["removed"] == ["route:dropped"]
    assert told["changed"] == ["policy", "route:edited", "switch of route:same"]


def test_cursors_move_by_themselves_and_are_no_change(wired: Wired) -> None:
    snapshot(wired, TUESDAY - DAY_MS)
    wired.memory.schedules[TENANT, "nightly"] = ScheduleCursor(TENANT, "nightly", "t", 0, 5, 1, "1")
    told = snapshot(wired)
    assert (told["added"], told["removed"], told["changed"]) == ([], [], [])


def test_after_days_without_one_the_newest_earlier_one_counts(wired: Wired) -> None:
    snapshot(wired, TUESDAY - 5 * DAY_MS)
    snapshot(wired, TUESDAY - 3 * DAY_MS)
    assert snapshot(wired)["comparedWith"] == f"{TENANT}/snapshots/2025-10-06.json"


def test_a_second_attempt_keeps_what_the_first_one_kept(wired: Wired) -> None:
    snapshot(wired, TUESDAY - DAY_MS)
    first = snapshot(wired)
    wired.switch(Enablement.PAUSED)
    assert snapshot(wired) == first
    assert kept(wired)["switches"] == {}


def test_another_tenants_snapshots_are_not_looked_at(wired: Wired) -> None:
    wired.memory.objects["default-2/snapshots/2025-10-08.json"] = b"{}"
    wired.memory.objects["another/snapshots/2025-10-08.json"] = b"{}"
    assert snapshot(wired)["comparedWith"] is None


@pytest.mark.parametrize("call", ["objects.find", "blobs.put", "switches.list_switches", "objects.list_objects"])
def test_a_store_that_does_not_answer_fails_the_run_and_the_next_attempt_goes_on(wired: Wired, call: str) -> None:
    wired.refuse(call)
    with pytest.raises(StoreUnavailableError):
        snapshot(wired)
    assert snapshot(wired)["snapshot"] == NAME


def test_a_cursor_that_nobody_can_read_is_kept_by_its_name(wired: Wired) -> None:
    wired.memory.spoilt_schedules.add((TENANT, "spoilt"))
    snapshot(wired)
    assert (kept(wired)["cursors"], kept(wired)["unreadableCursors"]) == ({}, ["spoilt"])
