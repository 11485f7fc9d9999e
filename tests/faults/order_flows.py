"""Stories of operators' orders with a key: effect, audit row and answer are there together, once, or not at all.

Each order is given until there is an answer, then once more with the same key, which must be told the same; and where
that is another path, by somebody else with a key of his own, who finds it done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from tests.faults.flow import CANCELLED, FAILED, HANDLER_ERROR, SUCCEEDED, Flow
from tests.support.script import Fails, FailsForGood, Ok, Script, Slow, Vanishes
from tests.support.tasks import a_schedule
from tests.support.world import MANIFEST, World
from workerflow.domain.dead_letter import LetterState
from workerflow.domain.enablement import Enablement
from workerflow.domain.identity import DEFAULT_TENANT
from workerflow.domain.manifest import Manifest
from workerflow.domain.operation import OperationKey
from workerflow.domain.run import RunState
from workerflow.services.cancel_run import CancelOrder
from workerflow.services.once import CarriedOut
from workerflow.services.replay_task import ReplayOrder
from workerflow.services.resolve_letter import ResolveOrder
from workerflow.services.retry_now import RetryOrder
from workerflow.services.run_schedule import RunOrder
from workerflow.services.set_switch import SwitchOrder

ACTOR, WHY, ADDRESS = "ops (token 7)", "the provider is back", "192.0.2.7"
TOKEN, COLLEAGUES_TOKEN = "7" * 12, "2" * 12
BEFORE_THE_LEASE_ENDS_S = 283.0
"""When the consumer has given up waiting, and the lease still lives for two seconds."""
WITH_A_SCHEDULE = Manifest.build(list(MANIFEST.routes.values()), [a_schedule("yearly", cron="0 0 29 2 *")])

ORDERS = "CarryOutOnce"
"""Through which every order goes: in these stories its calls fail."""

type Do = Callable[[OperationKey], object]


@dataclass(frozen=True, slots=True)
class Told:
    """The answer to an order."""

    details: Mapping[str, str]
    repeated: bool


def _carry_out(world: World, do: Do, *, token: str = TOKEN) -> Told:
    """Give an order until there is an answer."""
    key = OperationKey.of(token, "key-1", "the order")
    outcome = world.look(lambda: world.processes.once(DEFAULT_TENANT, key, lambda: do(key)))
    assert isinstance(outcome, CarriedOut), outcome
    return Told(outcome.operation.details, outcome.repeated)


def _carry_out_twice(world: World, do: Do) -> Told:
    """Give an order, and then the same one once more: the answer is the same, and tells that it is repeated."""
    first, second = _carry_out(world, do), _carry_out(world, do)
    if (second.details, second.repeated) != (first.details, True):
        world.broken.append(f"the same order was answered {first} and {second}")
    return first


def _find_done(world: World, do: Do) -> Told:
    """Somebody else gives the order, and finds it done."""
    return _carry_out(world, do, token=COLLEAGUES_TOKEN)


# What is ordered.


def _the_task(world: World) -> str:
    [task] = [one for one in world.kept.acceptances() if one.lineage is None]
    return task.trace_id


def _cancel(world: World) -> Do:
    return lambda key: world.processes.cancel_run(
        CancelOrder(DEFAULT_TENANT, _the_task(world), ACTOR, WHY, ADDRESS, key)
    )


def _retry(world: World) -> Do:
    return lambda key: world.processes.retry_now(RetryOrder(DEFAULT_TENANT, _the_task(world), ACTOR, WHY, ADDRESS, key))


def _resolve(world: World) -> Do:
    return lambda key: world.processes.resolve_letter(
        ResolveOrder(DEFAULT_TENANT, _the_task(world), ACTOR, WHY, ADDRESS, key)
    )


def _replay(world: World) -> Do:
    return lambda key: world.processes.replay(
        ReplayOrder(DEFAULT_TENANT, _the_task(world), ACTOR, WHY, address=ADDRESS, operation=key)
    )


def _pause(world: World) -> Do:
    return lambda key: world.processes.set_switch(
        SwitchOrder(DEFAULT_TENANT, "route:work", Enablement.PAUSED, ACTOR, WHY, ADDRESS, key)
    )


def _run(world: World) -> Do:
    return lambda key: world.processes.run_schedule(
        RunOrder(DEFAULT_TENANT, "yearly", "key-1", ACTOR, WHY, ADDRESS, key)
    )


# Stories.


def _accepted(world: World, *, route: str = "work") -> None:
    world.call(route=route)
    world.hear_out()


def _cancel_queued(world: World) -> None:
    _accepted(world)
    _carry_out_twice(world, _cancel(world))
    _find_done(world, _cancel(world))


def _cancel_waiting(world: World) -> None:
    _accepted(world)
    world.deliver_once()
    _carry_out(world, _cancel(world))


def _cancel_running(world: World) -> None:
    """The consumer has lost sight of the attempt, which goes on within its lease."""
    _accepted(world)
    world.deliver_once()
    _carry_out_twice(world, _cancel(world))


def _cancel_for_a_caller(world: World) -> None:
    """His attempt failed, and he is about to call again."""
    world.call(route="ask")
    _carry_out(world, _cancel(world))


def _retry_what_waits(world: World) -> None:
    _accepted(world)
    world.deliver_once()
    _carry_out_twice(world, _retry(world))


def _resolve_a_letter(world: World) -> None:
    _accepted(world)
    world.go_on()
    _carry_out_twice(world, _resolve(world))
    _find_done(world, _resolve(world))


def _replay_a_letter(world: World) -> None:
    _accepted(world)
    world.go_on()
    mine = _carry_out_twice(world, _replay(world))
    others = _find_done(world, _replay(world))
    if others.details != {**mine.details, "created": "false"}:
        world.broken.append(f"one child was told as {mine} and {others}")


def _pause_a_route(world: World) -> None:
    _carry_out_twice(world, _pause(world))
    _find_done(world, _pause(world))


def _run_a_schedule(world: World) -> None:
    _carry_out_twice(world, _run(world))


# What must be at the end.


def _ordered(world: World, action: str, times: int) -> Iterator[str]:
    """Each order is told once, in the trail and under its key, and says where it came from."""
    found = world.kept.audited(action), len(world.kept.operations())
    if found != (times, times):
        yield f"{action} was told {found[0]} times, and {found[1]} orders are kept"
    if any(operation.action != action for operation in world.kept.operations()):
        yield f"other orders are kept: {world.kept.operations()}"


def _once(action: str, times: int = 1) -> Callable[[World], Iterator[str]]:
    return lambda world: _ordered(world, action, times)


def _never_begun(world: World) -> Iterator[str]:
    yield from _ordered(world, "run.cancelled", 2)
    yield from (f"begun: {start}" for start in world.handlers.starts)


def _begun_once(world: World) -> Iterator[str]:
    """Unless the worker itself came to grief: then the order found a task that nobody had begun."""
    yield from _ordered(world, "run.cancelled", 1)
    was_begun = world.struck is None or ORDERS in world.struck.site.caller
    if len(world.handlers.starts) > 1 or (was_begun and not world.handlers.starts):
        yield f"begun: {world.handlers.starts}"


def _answered(world: World) -> Iterator[str]:
    """What the operator was told is what became of the run: `cancelled` is final, `cancelling` is no failure."""
    yield from _begun_once(world)
    [run] = world.kept.runs().values()
    [operation] = world.kept.operations()
    if operation.details["after"] == "cancelled" and run.state is not RunState.CANCELLED:
        yield f"the operator was told that it is cancelled, and it is {run.state}"


def _caller_is_told(world: World) -> Iterator[str]:
    yield from _begun_once(world)
    [caller] = world.callers
    if caller.last.code != "task_ended":
        yield f"the caller was told {caller.last}"


def _letter_is_resolved(world: World) -> Iterator[str]:
    yield from _ordered(world, "letter.resolved", 2)
    [letter] = world.kept.letters().values()
    if (letter.state, letter.note, letter.resolved_by) != (LetterState.RESOLVED, WHY, ACTOR):
        yield f"the letter stands at {letter}"


def _one_child(world: World) -> Iterator[str]:
    yield from _ordered(world, "run.replayed", 2)
    if len(world.kept.lineage()) != 1:
        yield f"the lineage is {world.kept.lineage()}"


def _paused_once(world: World) -> Iterator[str]:
    yield from _ordered(world, "switch.set", 2)
    [switch] = world.kept.switches()
    if (switch.state, switch.version) != (Enablement.PAUSED, 1):
        yield f"the switch stands at {switch}"


def _one_run(world: World) -> Iterator[str]:
    yield from _ordered(world, "schedule.run", 1)
    if len(world.kept.runs()) != 1:
        yield f"the runs are {world.kept.runs()}"


_LATE, _FOR_GOOD = Script((Fails(600.0), Ok())), Script((FailsForGood(),))
_HEEDS, _GOES_ON = Script((Slow(BEFORE_THE_LEASE_ENDS_S, heeds=True),)), Script((Slow(BEFORE_THE_LEASE_ENDS_S),))

ORDER_FLOWS = (
    Flow("order_cancel_queued", _cancel_queued, ends=CANCELLED, check=_never_begun, strikes=ORDERS),
    Flow("order_cancel_waiting", _cancel_waiting, _LATE, CANCELLED, check=_begun_once, strikes=ORDERS),
    Flow("order_cancel_running", _cancel_running, _GOES_ON, CANCELLED | SUCCEEDED, check=_answered, strikes=ORDERS),
    # A handler that cannot ask, because the ledger is away, goes on and succeeds.
    Flow("order_cancel_heeded", _cancel_running, _HEEDS, CANCELLED | SUCCEEDED, check=_answered, strikes="ExecuteTask"),
    Flow(
        "order_cancel_of_a_dead_attempt",
        _cancel_running,
        Script((Vanishes(),)),
        CANCELLED,
        check=_begun_once,
        strikes="ReleaseDue",
    ),
    Flow(
        "order_cancel_for_a_caller",
        _cancel_for_a_caller,
        Script((Fails(), Ok())),
        CANCELLED,
        check=_caller_is_told,
        strikes=ORDERS,
    ),
    Flow("order_retry", _retry_what_waits, _LATE, check=_once("run.retried"), lasts_seconds=(0, 10), strikes=ORDERS),
    Flow("order_resolve", _resolve_a_letter, _FOR_GOOD, FAILED, HANDLER_ERROR, _letter_is_resolved, strikes=ORDERS),
    Flow("order_replay", _replay_a_letter, _FOR_GOOD, SUCCEEDED | FAILED, HANDLER_ERROR, _one_child, strikes=ORDERS),
    Flow("order_switch", _pause_a_route, check=_paused_once, strikes=ORDERS),
    Flow("order_run", _run_a_schedule, check=_one_run, manifest=WITH_A_SCHEDULE, strikes=ORDERS),
)
