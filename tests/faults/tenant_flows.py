"""Stories of tenants and what limits them: each call is counted, each place is freed, nobody waits for ever."""

from __future__ import annotations

from collections.abc import Iterator

from tests.faults.flow import ABANDONED, SUCCEEDED, Flow
from tests.support.faults import Fault
from tests.support.tasks import a_schedule
from tests.support.world import MANIFEST, MINUTE_MS, START_MS, World
from workerflow.domain.identity import DEFAULT_TENANT
from workerflow.domain.manifest import Manifest
from workerflow.domain.run import RunState
from workerflow.domain.schedule import EVERY_TENANT
from workerflow.domain.tenants import RateLimit, TenantPolicy
from workerflow.ports.tenants import Slot
from workerflow.services.places import KEPT_SECONDS
from workerflow.services.read_refused_calls import ReadRefusedCalls

FOR_EVERYBODY = Manifest.build(
    list(MANIFEST.routes.values()), [a_schedule("nightly", cron="5 16 24 11 *", tenants=(EVERY_TENANT,))]
)
ONE_A_MINUTE = TenantPolicy(rate_limits=(RateLimit(requests=1, seconds=60),))
ONE_AT_ONCE = TenantPolicy(max_in_flight=1)
SOMEBODY = "f" * 16


def _publish(world: World, policy: TenantPolicy) -> None:
    world.publish_tenants({DEFAULT_TENANT: policy})


def _occupied(world: World, *, seconds: int) -> None:
    """The tenant's only place is held by a process that nobody hears of."""
    _publish(world, ONE_AT_ONCE)
    world.kept.occupy(Slot(DEFAULT_TENANT, 0, SOMEBODY, START_MS + seconds * 1000))


def _publish_two(world: World) -> None:
    """A tenant that is new gets the schedules that are everybody's."""
    world.tick()
    world.publish_tenants({"acme": TenantPolicy()})
    world.clock.advance(60)


def _fired_for_everybody(world: World) -> Iterator[str]:
    fired = sorted(one.tenant for one in world.kept.acceptances())
    if fired != ["acme", "default"]:
        yield f"fired for {fired}"
    if world.kept.audited("tenants.published") != 1:
        yield f"audited {world.kept.audited('tenants.published')} times"


def _call_twice_in_a_minute(world: World) -> None:
    _publish(world, ONE_A_MINUTE)
    world.call("key-1")
    world.call("key-2")
    world.go_on()
    read = ReadRefusedCalls(calls=world.aws.refused_calls, clock=world.clock)
    world.look(lambda: read(DEFAULT_TENANT))


def _both_passed_a_minute_apart(world: World) -> Iterator[str]:
    first, second = sorted(one.accepted_at_ms for one in world.kept.acceptances())
    if second - first < MINUTE_MS - 1000:
        yield f"accepted {(second - first) / 1000} s apart"
    reasons = {call.reason for call in world.kept.refused_calls()}
    was_not_kept = world.struck is not None and world.struck.site.adapter == "DynamoRefusedCalls.put"
    if "rate_limited" not in reasons and not was_not_kept:
        yield f"kept {reasons}"


def _all_places_are_free(world: World) -> Iterator[str]:
    held = [slot for slot in world.kept.slots(DEFAULT_TENANT) if slot.until_ms > world.clock.ms + 300_000]
    if held:
        yield f"nobody frees {held}"


def _call_with_a_cap(world: World) -> None:
    _publish(world, ONE_AT_ONCE)
    world.call()


def _call_while_full(world: World) -> None:
    _occupied(world, seconds=90)
    world.call()


def _call_until_somebody_leaves(world: World) -> None:
    """The first task finds no place and is put aside; the second finds one, and hands it on."""
    _occupied(world, seconds=30)
    world.call("key-1")
    world.go_on(20)
    world.clock.ms = max(world.clock.ms, START_MS + 30_000)
    world.call("key-2")


def _keep_a_place(world: World) -> None:
    """The tenant's first place is kept for its task, by somebody who did not come to send it."""
    for task in world.kept.acceptances():
        kept = Slot(DEFAULT_TENANT, 0, f"run:{task.trace_id}", world.clock.ms + KEPT_SECONDS * 1000)
        world.kept.occupy(kept)


def _call_while_full_and_be_kept_a_place(world: World) -> None:
    _occupied(world, seconds=30)
    world.call()
    world.go_on(20)
    _keep_a_place(world)
    world.tick()


def _lower_the_cap_under_a_kept_place(world: World) -> None:
    """A place is kept, and since the cap was lowered the other one is one too many."""
    _publish(world, ONE_AT_ONCE)
    world.kept.occupy(Slot(DEFAULT_TENANT, 1, SOMEBODY, START_MS + 90_000))
    world.call()
    _keep_a_place(world)


def _ask_while_full(world: World) -> None:
    _occupied(world, seconds=6)
    world.call(route="ask")


def _ran_in_turn(world: World) -> Iterator[str]:
    yield from _all_places_are_free(world)
    if len(world.kept.acceptances()) != 2:
        yield "not both were accepted"


def _answered_unless_a_worker_died(world: World) -> Iterator[str]:
    """A worker that dies in the only place keeps it for its lease, and the task is given up before that."""
    yield from _all_places_are_free(world)
    if world.struck is None or world.struck.fault not in {Fault.DIES_BEFORE, Fault.DIES_AFTER}:
        yield from (f"ended as {run}" for run in world.kept.runs().values() if run.state is not RunState.SUCCEEDED)


TENANT_FLOWS = (
    Flow("tenants_published", _publish_two, check=_fired_for_everybody, manifest=FOR_EVERYBODY),
    Flow("rate_limited", _call_twice_in_a_minute, check=_both_passed_a_minute_apart),
    Flow("capped_with_a_place", _call_with_a_cap, check=_all_places_are_free, lasts_seconds=(0, 2)),
    Flow("capped_and_released_by_the_tick", _call_while_full, check=_all_places_are_free),
    Flow("capped_and_handed_on", _call_until_somebody_leaves, check=_ran_in_turn, lasts_seconds=(30, 40)),
    Flow("capped_and_kept_a_place", _call_while_full_and_be_kept_a_place, check=_all_places_are_free),
    Flow("capped_lower_than_before", _lower_the_cap_under_a_kept_place, check=_all_places_are_free),
    Flow("capped_sync", _ask_while_full, ends=SUCCEEDED | ABANDONED, check=_answered_unless_a_worker_died),
)
