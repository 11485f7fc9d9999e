"""The stories of a task's life, each with what handlers do in it and how it must end.

A story is played once without faults, and then once for every call that was made in it and every way in which a call
can fail. So it is written as the world sees it: people do something, time passes, who gets no answer asks again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

from tests.faults.access_flows import ACCESS_FLOWS
from tests.faults.built_in_flows import BUILT_IN_FLOWS
from tests.faults.bulk_flows import BULK_FLOWS
from tests.faults.flow import ABANDONED, DAY_S, FAILED, HANDLER_ERROR, SUCCEEDED, Flow
from tests.faults.order_flows import ORDER_FLOWS
from tests.faults.promise import run_of
from tests.faults.read_flows import READ_FLOWS
from tests.faults.schedule_flows import SCHEDULE_FLOWS
from tests.faults.tenant_flows import TENANT_FLOWS
from tests.support.callers import Caller
from tests.support.script import (
    Behaviour,
    Dies,
    Fails,
    FailsForGood,
    Ok,
    Overruns,
    Script,
    Slow,
    Vanishes,
    filling,
)
from tests.support.world import World
from workerflow.domain.dead_letter import LetterState
from workerflow.domain.enablement import Enablement
from workerflow.domain.identity import DEFAULT_TENANT, acceptance_hash, shard_of
from workerflow.domain.run import LetterClass, RunState

LARGE = json.dumps({"filling": filling(30_000)}).encode()
LARGE_OUTPUT = 30_000
MEDIUM_OUTPUT = 3_000
KEY_OF_SHARD_0, OTHER_KEY_OF_SHARD_0 = [
    key
    for key in (f"key-{number}" for number in range(50))
    if shard_of(acceptance_hash(DEFAULT_TENANT, "route:work", key)) == 0
][:2]


def _script(*behaviours: Behaviour, replayed: tuple[Behaviour, ...] = (Ok(),)) -> Script:
    return Script(behaviours, replayed)


def _calls(**arguments: object) -> Callable[[World], None]:
    def play(world: World) -> None:
        world.call(**arguments)  # type: ignore[arg-type]

    return play


# Duplicates.


def _call_twice(world: World) -> None:
    world.call()
    world.call()


def _call_again_when_done(world: World) -> None:
    world.call()
    world.go_on(60)
    world.call()


def _other_body(world: World) -> None:
    world.call()
    world.call(body=b'{"n":2}')


def _second_is_refused(world: World) -> Iterator[str]:
    first, second = world.callers
    if {answer.code for answer in (first.last, second.last)} != {None, "key_reused"}:
        yield f"answered {first.last} and {second.last}"


# Sync calls.


def _same_answer(world: World) -> Iterator[str]:
    for caller in world.callers:
        if caller.last.status == 200 and caller.last.document.get("done") is not True:
            yield f"{caller.key} was answered {caller.last.document}"
        if caller.last.status not in {200, 202}:
            yield f"{caller.key} was answered {caller.last}"


def _ask_twice(world: World) -> None:
    world.call(route="ask")
    world.go_on(60)
    world.call(route="ask")


def _failure_is_told(world: World) -> Iterator[str]:
    codes = {caller.last.code for caller in world.callers}
    if codes != {"task_failed"}:
        yield f"callers were told {codes}"


def _abandoned_unless_handed_over(world: World) -> Iterator[str]:
    """A caller's task is never executed behind its back."""
    for run in world.kept.runs().values():
        if (run.state is RunState.ABANDONED) == run.handed_over:
            yield f"{run.trace_id} is {run.state}, handed over: {run.handed_over}"


# Messages and time.


def _accepted(world: World, *, route: str = "work") -> Caller:
    """Somebody calls until the task is accepted, before anything else happens."""
    caller = world.call(route=route)
    world.hear_out()
    return caller


def _lost_message(world: World) -> None:
    _accepted(world)
    world.lose_messages()


def _lost_return(world: World) -> None:
    _accepted(world)
    world.deliver_once()
    world.lose_messages()


def _too_late(world: World) -> None:
    _accepted(world)
    world.clock.advance(DAY_S + 1)
    world.deliver_once()


def _too_late_for_the_tick(world: World) -> None:
    _accepted(world)
    world.lose_messages()
    world.clock.advance(DAY_S + 1)


def _claimed_late_and_lost(world: World) -> None:
    """The sweeper comes by while the lease of a dead worker still lives."""
    _accepted(world)
    world.clock.advance(290)
    world.deliver_once()
    world.lose_messages()


def _lost_beside_an_unreadable_row(world: World) -> None:
    """Both tasks stand on one page of the sweeper."""
    world.call(KEY_OF_SHARD_0)
    world.call(OTHER_KEY_OF_SHARD_0)
    world.hear_out()
    world.lose_messages()
    for acceptance in world.kept.acceptances():
        if acceptance.key == OTHER_KEY_OF_SHARD_0:
            world.kept.spoil(acceptance)


# Switches.


def _pause_and_resume(world: World) -> None:
    world.set_switch(Enablement.PAUSED)
    _accepted(world)
    world.go_on(30)
    world.set_switch(Enablement.ENABLED)
    world.clock.advance(11)


def _pause_what_is_due(world: World) -> None:
    _lost_return(world)
    world.set_switch(Enablement.PAUSED)
    world.go_on(600)
    world.set_switch(Enablement.ENABLED)
    world.clock.advance(11)


def _pause_what_waits(world: World) -> None:
    """A message that comes too early meets the pause; the wait that was asked for holds after the resume."""
    caller = _accepted(world)
    world.deliver_once()
    world.set_switch(Enablement.PAUSED)
    world.clock.advance(11)
    run = run_of(world, caller)
    if run is not None:
        world.send_again(run.trace_id)
    world.go_on(30)
    world.set_switch(Enablement.ENABLED)
    world.clock.advance(11)


def _pause_beyond_the_deadline(world: World) -> None:
    _accepted(world)
    world.set_switch(Enablement.PAUSED)
    world.clock.advance(11)


def _disable(world: World) -> None:
    _accepted(world)
    world.set_switch(Enablement.DISABLED)
    world.clock.advance(11)


def _disable_what_is_paused(world: World) -> None:
    _accepted(world)
    world.set_switch(Enablement.PAUSED)
    world.clock.advance(11)
    world.go_on(30)
    world.set_switch(Enablement.DISABLED)
    world.clock.advance(11)


def _disable_what_is_due(world: World) -> None:
    _lost_return(world)
    world.set_switch(Enablement.DISABLED)
    world.clock.advance(11)


def _set_a_switch(world: World) -> None:
    world.set_switch(Enablement.PAUSED)
    world.set_switch(Enablement.DISABLED)
    world.set_switch(Enablement.ENABLED)


def _switch_stands(world: World) -> Iterator[str]:
    (switch,) = world.kept.switches()
    if (switch.state, switch.version) != (Enablement.ENABLED, 3):
        yield f"the switch stands at {switch}"
    if (events := world.kept.audited("switch.set")) != 3:
        yield f"{events} audit events"


# The queue's dead-letter queue.


def _bury_a_fresh_task(world: World) -> None:
    _accepted(world)
    world.bury_messages()


def _bury_an_ended_task(world: World) -> None:
    caller = _accepted(world)
    world.go_on(60)
    run = run_of(world, caller)
    if run is not None:
        world.send_again(run.trace_id)
        world.bury_messages()


def _bury_the_last_attempt(world: World) -> None:
    _accepted(world, route="brittle")
    world.deliver_once()
    world.bury_messages()
    world.clock.advance(290)


def _bury_a_running_task(world: World) -> None:
    _accepted(world)
    world.deliver_once()
    world.bury_messages()


def _bury_rubbish(world: World) -> None:
    world.bury("no task at all")
    world.bury('{"v":1,"tenant":"default","traceId":"' + "0" * 44 + '"}')


def _rubbish_is_told(world: World) -> Iterator[str]:
    for action in ("message.rejected", "message.unknown"):
        if not world.kept.audited(action):
            yield f"nothing tells of {action}"


# Replay.


def _replay(world: World, caller: Caller, *, body: bytes | None = None, new_effects: bool = False) -> str | None:
    """Replay a caller's task once it has ended; None if the caller was never taken."""
    world.go_on()
    run = run_of(world, caller)
    if run is None:
        return None
    return world.replay(run.trace_id, edited_body=body, new_effects=new_effects)


def _fail_and_replay(world: World) -> None:
    _replay(world, world.call())


def _fail_and_replay_twice(world: World) -> None:
    caller = world.call()
    if _replay(world, caller) != _replay(world, caller):
        world.broken.append("two replays of one task made two children")


def _fail_and_replay_large(world: World) -> None:
    _replay(world, world.call(body=LARGE))


def _fail_and_replay_edited(world: World) -> None:
    _replay(world, world.call(), body=b'{"n":2}')


def _fail_and_replay_edited_large(world: World) -> None:
    _replay(world, world.call(), body=LARGE)


def _replay_the_child(world: World) -> None:
    child = _replay(world, world.call())
    world.go_on()
    if child is not None:
        world.replay(child)


def _replay_with_new_effects(world: World) -> None:
    _replay(world, world.call(), new_effects=True)


def _replay_sync(world: World) -> None:
    _replay(world, world.call(route="ask"))


def _replay_and_lose_the_message(world: World) -> None:
    _replay(world, world.call())
    world.lose_messages()


def _letter_is_resolved(world: World) -> Iterator[str]:
    """The child succeeded, so the parent's letter is done with, and says whose child did it."""
    entries = {entry.parent: entry.child for entry in world.kept.lineage()}
    for letter in world.kept.letters().values():
        if (letter.state, letter.child) != (LetterState.RESOLVED, entries.get(letter.trace_id)):
            yield f"the letter stands at {letter.state}, child {letter.child}"
    if len(entries) != 1:
        yield f"the lineage is {entries}"


def _letter_is_replayed(world: World) -> Iterator[str]:
    """The child failed too: the parent's letter waits for it, and the child has a letter of its own."""
    states = [letter.state for letter in world.kept.letters().values()]
    if sorted(states) != [LetterState.OPEN, LetterState.REPLAYED]:
        yield f"the letters stand at {states}"


def _edit_is_marked(world: World) -> Iterator[str]:
    yield from _letter_is_resolved(world)
    if not all(entry.edited for entry in world.kept.lineage()):
        yield "an edited payload is not marked"
    if world.handlers.starts[-1].payload == world.handlers.starts[0].payload:
        yield "the child ran with its parent's payload"


def _no_letter(world: World) -> Iterator[str]:
    if len(world.kept.lineage()) != 1:
        yield "the replay is not in the lineage"


# Reading.


def _read_the_run(world: World) -> None:
    caller = world.call(body=LARGE)
    world.go_on()
    run = run_of(world, caller)
    if run is not None:
        world.read_run(run.trace_id)


EITHER = SUCCEEDED | FAILED
CRASHES = (LetterClass.CRASH,)

TASK_FLOWS = (
    Flow("async_success", _calls(), lasts_seconds=(0, 1)),
    Flow("async_success_at_the_only_attempt", _calls(route="brittle"), ends=EITHER, classes=CRASHES),
    Flow("async_success_whose_caller_is_gone", _calls(returns=False)),
    Flow("duplicate", _call_twice),
    Flow("duplicate_of_a_finished_task", _call_again_when_done),
    Flow("key_with_another_body", _other_body, check=_second_is_refused),
    Flow("retryable_then_success", _calls(), _script(Fails(), Ok()), lasts_seconds=(0, 10)),
    Flow("permanent_failure", _calls(), _script(FailsForGood()), FAILED, HANDLER_ERROR),
    Flow("exhausted", _calls(route="thrice"), _script(Fails()), FAILED, (LetterClass.EXHAUSTED, *CRASHES)),
    Flow("process_death_then_success", _calls(), _script(Dies(), Ok()), lasts_seconds=(0, 10)),
    Flow("process_death_unseen", _calls(), _script(Vanishes(), Ok())),
    Flow("last_process_death_unseen", _calls(route="brittle"), _script(Vanishes()), FAILED, CRASHES),
    Flow("time_out_then_success", _calls(), _script(Overruns(), Ok()), lasts_seconds=(0, 40)),
    Flow(
        "time_out_for_good",
        _calls(route="thrice"),
        _script(Overruns()),
        FAILED,
        (LetterClass.TIMEOUT, *CRASHES),
    ),
    Flow("worker_outlives_its_lease", _calls(), _script(Slow(400), Ok())),
    Flow("worker_outlives_its_lease_while_another_works", _calls(), _script(Slow(400), Slow(200))),
    Flow("large_payload_and_output", _calls(body=LARGE), _script(Ok(LARGE_OUTPUT))),
    Flow("medium_output", _calls(), _script(Ok(MEDIUM_OUTPUT))),
    Flow("reading_a_run", _read_the_run, _script(Ok(LARGE_OUTPUT))),
    Flow("sync_success", _calls(route="ask"), check=_same_answer),
    Flow("sync_success_whose_caller_is_gone", _calls(route="ask", returns=False)),
    Flow("sync_repeated", _ask_twice, check=_same_answer),
    Flow("sync_large_repeated", _ask_twice, _script(Ok(LARGE_OUTPUT)), check=_same_answer),
    Flow("sync_hand_over", _calls(route="ask"), _script(Slow(40), Ok()), check=_same_answer),
    Flow("sync_hand_over_outlives_its_lease", _calls(route="ask"), _script(Slow(400), Ok()), check=_same_answer),
    Flow("sync_hand_over_of_a_dead_attempt", _calls(route="ask"), _script(Vanishes(), Ok()), check=_same_answer),
    Flow("sync_hand_over_whose_caller_is_gone", _calls(route="ask", returns=False), _script(Vanishes(), Ok())),
    Flow("sync_retryable_then_success", _calls(route="ask"), _script(Fails(), Ok()), check=_same_answer),
    Flow("sync_death_then_success", _calls(route="ask"), _script(Dies(), Ok()), check=_same_answer),
    Flow(
        "sync_permanent_failure", _calls(route="ask"), _script(FailsForGood()), FAILED, HANDLER_ERROR, _failure_is_told
    ),
    # Without an answer of `workflow` the task is handed over, and then it is the queue's to try.
    Flow(
        "sync_abandoned",
        _calls(route="ask", returns=False),
        _script(Fails()),
        ABANDONED | FAILED,
        (LetterClass.EXHAUSTED,),
        _abandoned_unless_handed_over,
    ),
    Flow("send_lost", _lost_message),
    Flow("send_lost_beside_an_unreadable_row", _lost_beside_an_unreadable_row),
    Flow("worker_vanishes_under_the_sweeper", _claimed_late_and_lost, _script(Vanishes(), Ok())),
    Flow("return_lost", _lost_return, _script(Fails(), Ok())),
    Flow("parked_for_long", _calls(), _script(Fails(600.0), Ok()), lasts_seconds=(600, 700)),
    Flow("paused_while_it_waits", _pause_what_waits, _script(Fails(600.0), Ok()), lasts_seconds=(600, 800)),
    Flow("past_its_deadline", _too_late, ends=FAILED, classes=(LetterClass.EXPIRED,)),
    Flow("past_its_deadline_and_lost", _too_late_for_the_tick, ends=FAILED, classes=(LetterClass.EXPIRED,)),
    Flow("paused_and_resumed", _pause_and_resume),
    Flow("due_while_paused", _pause_what_is_due, _script(Fails(), Ok())),
    Flow("paused_beyond_its_deadline", _pause_beyond_the_deadline, ends=FAILED, classes=(LetterClass.EXPIRED,)),
    Flow("disabled", _disable, ends=FAILED, classes=(LetterClass.DISABLED,)),
    Flow("disabled_while_paused", _disable_what_is_paused, ends=FAILED, classes=(LetterClass.DISABLED,)),
    Flow(
        "disabled_while_due",
        _disable_what_is_due,
        _script(Fails(), Ok()),
        FAILED,
        (LetterClass.DISABLED,),
    ),
    Flow("switch_set", _set_a_switch, check=_switch_stands),
    Flow("drain_of_a_fresh_task", _bury_a_fresh_task),
    Flow("drain_of_an_ended_task", _bury_an_ended_task),
    Flow(
        "drain_of_a_last_attempt",
        _bury_the_last_attempt,
        _script(Vanishes()),
        FAILED,
        (LetterClass.PLATFORM, *CRASHES),
    ),
    Flow("drain_of_a_running_task", _bury_a_running_task, _script(Slow(400), Ok())),
    Flow("drain_of_rubbish", _bury_rubbish, check=_rubbish_is_told),
    Flow("replay", _fail_and_replay, _script(FailsForGood()), EITHER, HANDLER_ERROR, _letter_is_resolved),
    Flow("replay_twice", _fail_and_replay_twice, _script(FailsForGood()), EITHER, HANDLER_ERROR, _letter_is_resolved),
    Flow("replay_large", _fail_and_replay_large, _script(FailsForGood()), EITHER, HANDLER_ERROR, _letter_is_resolved),
    # What else happens in these four fails call by call in `replay` and in `large_payload_and_output`.
    Flow(
        "replay_edited",
        _fail_and_replay_edited,
        _script(FailsForGood()),
        EITHER,
        HANDLER_ERROR,
        _edit_is_marked,
        strikes="ReplayTask",
    ),
    Flow(
        "replay_edited_large",
        _fail_and_replay_edited_large,
        _script(FailsForGood()),
        EITHER,
        HANDLER_ERROR,
        _edit_is_marked,
        strikes="ReplayTask",
    ),
    Flow(
        "replay_fails_again",
        _fail_and_replay,
        _script(FailsForGood(), replayed=(FailsForGood(),)),
        FAILED,
        HANDLER_ERROR,
        _letter_is_replayed,
    ),
    Flow(
        "replay_of_the_child",
        _replay_the_child,
        _script(FailsForGood(), replayed=(FailsForGood(),)),
        FAILED,
        HANDLER_ERROR,
    ),
    Flow(
        "replay_with_new_effects",
        _replay_with_new_effects,
        _script(FailsForGood()),
        EITHER,
        HANDLER_ERROR,
        _letter_is_resolved,
        strikes="ReplayTask",
    ),
    Flow("replay_of_a_success", _fail_and_replay, check=_no_letter, strikes="ReplayTask"),
    Flow("replay_of_a_sync_task", _replay_sync, _script(FailsForGood()), EITHER, HANDLER_ERROR, _letter_is_resolved),
    Flow(
        "replay_whose_send_is_lost",
        _replay_and_lose_the_message,
        _script(FailsForGood()),
        EITHER,
        HANDLER_ERROR,
        _letter_is_resolved,
    ),
)

FLOWS = (
    *TASK_FLOWS,
    *SCHEDULE_FLOWS,
    *TENANT_FLOWS,
    *BUILT_IN_FLOWS,
    *BULK_FLOWS,
    *ORDER_FLOWS,
    *READ_FLOWS,
    *ACCESS_FLOWS,
)
