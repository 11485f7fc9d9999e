"""A capped tenant's tasks run as many at a time as its cap says; the surplus waits, and whoever leaves hands on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.support.tasks import POLICY, a_manifest, a_route
from tests.unit.services.tricks import nothing
from tests.unit.services.wired import (
    LEASE_MS,
    OWNER,
    PERMANENT,
    REMAINING_MS,
    RETRYABLE,
    TENANT,
    Wired,
    a_budget,
    message_of,
)
from workerflow.domain.enablement import Enablement
from workerflow.domain.errors import IntegrityError, PlatformError, StoreUnavailableError
from workerflow.domain.holding import COMES_BACK_S
from workerflow.domain.outcome import Execution, ExecutionStatus
from workerflow.domain.output import HandlerOutput
from workerflow.domain.run import LetterClass, RunState
from workerflow.domain.source import DEFAULT_TIMEOUT_SECONDS, MAX_TIMEOUT_SECONDS
from workerflow.domain.task import Acceptance
from workerflow.domain.tenants import TenantPolicy, Tenants
from workerflow.domain.transitions import RESEND_BASE_S, SYNC_RETURN_S
from workerflow.ports.tenants import Slot, TenantsDocument
from workerflow.ports.world import HandlerCall
from workerflow.services.execute_task import AROUND_HANDLER_S, FULL_RETRY_S, ExecutionOrder
from workerflow.services.places import KEPT_SECONDS
from workerflow.services.sweep import GRACE_S

CAP = 2
HELD_MS = (DEFAULT_TIMEOUT_SECONDS + AROUND_HANDLER_S) * 1000


@pytest.fixture
def wired() -> Wired:
    wired = Wired()
    cap(wired, CAP)
    return wired


def cap(wired: Wired, most: int | None) -> None:
    """Publish a cap, and let every container know."""
    version = wired.memory.tenants.version + 1 if wired.memory.tenants else 1
    text = Tenants.of({TENANT: TenantPolicy(max_in_flight=most)}).to_text()
    wired.memory.tenants = TenantsDocument(text, version, "n")
    wired.known_tenants._copy.ask_again_ms = 0


def hold(wired: Wired, number: int, *, holder: str = "another", seconds: float = 285) -> Slot:
    """Let somebody have a place."""
    slot = Slot(TENANT, number, holder, wired.clock.ms + round(seconds * 1000))
    wired.memory.slots[TENANT, number] = slot
    return slot


def fill(wired: Wired, most: int = CAP) -> list[Slot]:
    return [hold(wired, number) for number in range(most)]


def put_aside(wired: Wired, *keys: str) -> list[Acceptance]:
    """Tasks that wait for a place, a second apart, oldest first; every place is free again afterwards."""
    fill(wired, wired.places.cap_of(TENANT) or 0)
    tasks = []
    for key in keys:
        tasks.append(wired.take(key))
        assert wired.run_once(tasks[-1]).status is ExecutionStatus.PARKED
        wired.clock.advance(1)
    wired.memory.slots.clear()
    return tasks


def waiting(wired: Wired) -> int:
    return sum(run.capped for run in wired.memory.runs.values())


def while_running(wired: Wired, happens: Callable[[], object]) -> None:
    """Let something happen while a handler runs; the handlers that it starts do nothing more."""

    def handler(call: HandlerCall) -> HandlerOutput:
        wired.handler_returns(HandlerOutput("document", b"{}"))
        happens()
        return HandlerOutput("document", call.body)

    wired.world.runner.handler = handler


def release(wired: Wired) -> None:
    wired.release_due([TENANT], a_budget(wired))


class TestEntering:
    def test_an_attempt_holds_a_place_from_before_its_claim_until_after_its_finish(self, wired: Wired) -> None:
        task = wired.take()
        while_running(wired, lambda: held.extend(wired.memory.slots.values()))
        held: list[Slot] = []
        assert wired.run_once(task) == Execution(ExecutionStatus.SUCCEEDED)
        assert [slot.until_ms for slot in held] == [wired.clock.ms + HELD_MS]
        assert wired.memory.slots == {}
        names = ("slots.held", "slots.take", "runs.write", "slots.release")
        assert wired.order_of(*names) == ["slots.held", "slots.take", "runs.write", "runs.write", "slots.release"]

    @pytest.mark.parametrize(
        ("timeout_seconds", "held_seconds"), [(1, 1 + AROUND_HANDLER_S), (MAX_TIMEOUT_SECONDS, LEASE_MS // 1000)]
    )
    def test_a_handler_that_is_ended_for_overrunning_holds_its_place_little_longer(
        self, timeout_seconds: int, held_seconds: int
    ) -> None:
        wired = Wired(manifest=a_manifest(a_route(timeout_seconds=timeout_seconds)))
        cap(wired, 1)

        def die() -> None:
            raise KeyboardInterrupt

        while_running(wired, die)
        with pytest.raises(KeyboardInterrupt):
            wired.run_once(wired.take())
        wired.clock.advance(held_seconds - 0.001)
        assert wired.run_once(wired.take("2")).status is ExecutionStatus.PARKED
        wired.clock.advance(0.001)
        assert wired.run_once(wired.take("3")).status is ExecutionStatus.SUCCEEDED

    def test_a_tenant_without_a_cap_costs_no_call(self, wired: Wired) -> None:
        cap(wired, None)
        wired.known_tenants()
        wired.memory.calls.clear()
        wired.run_once(wired.take())
        assert wired.memory.calls == ["acceptances.get", "switches.list_switches", "runs.write", "runs.write"]

    def test_as_many_run_at_once_as_the_cap_says_and_the_surplus_waits(self, wired: Wired) -> None:
        first, second, third = (wired.take(key) for key in ("1", "2", "3"))
        ended: list[ExecutionStatus] = []

        def in_second() -> None:
            ended.append(wired.run_once(third).status)

        def in_first() -> None:
            while_running(wired, in_second)
            ended.append(wired.run_once(second).status)

        while_running(wired, in_first)
        ended.append(wired.run_once(first).status)
        assert ended == [ExecutionStatus.PARKED, ExecutionStatus.SUCCEEDED, ExecutionStatus.SUCCEEDED]
        assert [call.acceptance for call in wired.world.runner.calls] == [first, second]
        assert wired.queue.messages == [message_of(third)]

    def test_what_waits_is_no_failure_and_uses_no_attempt_up(self, wired: Wired) -> None:
        fill(wired)
        task = wired.take()
        assert wired.run_once(task) == Execution(ExecutionStatus.PARKED)
        row = wired.row(task)
        assert (row.state, row.capped, row.attempt, row.due_at_ms) == (RunState.PARKED, True, 0, task.deadline_ms)
        assert (wired.letter(task), wired.queue.messages, wired.world.runner.calls) == (None, [], [])

    def test_its_payload_is_not_read_for_nothing(self, wired: Wired) -> None:
        fill(wired)
        wired.run_once(wired.take())
        assert "blobs.get" not in wired.memory.calls

    def test_a_second_message_of_a_waiting_task_writes_nothing(self, wired: Wired) -> None:
        fill(wired)
        task = wired.take()
        wired.run_once(task)
        row = wired.row(task)
        assert wired.run_once(task) == Execution(ExecutionStatus.PARKED)
        assert wired.row(task) == row

    def test_a_finished_task_tells_so_though_no_place_is_free(self, wired: Wired) -> None:
        task = wired.take()
        wired.run_once(task)
        fill(wired)
        assert wired.run_once(task) == Execution(ExecutionStatus.SUCCEEDED, stored=True)

    def test_so_does_one_that_another_worker_has(self, wired: Wired) -> None:
        task = wired.take()
        wired.running(task)
        fill(wired)
        assert wired.run_once(task).status is ExecutionStatus.BUSY

    def test_a_duplicate_delivery_gives_its_place_back(self, wired: Wired) -> None:
        task = wired.take()
        wired.running(task)
        assert wired.run_once(task).status is ExecutionStatus.BUSY
        assert wired.memory.slots == {}

    def test_no_place_is_held_by_two_though_both_saw_it_free(self, wired: Wired) -> None:
        cap(wired, 1)
        first, second = wired.take("1"), wired.take("2")
        wired.meanwhile("slots.take", lambda: hold(wired, 0))
        assert wired.run_once(first).status is ExecutionStatus.PARKED
        wired.memory.slots.clear()
        assert wired.run_once(second).status is ExecutionStatus.SUCCEEDED

    def test_whoever_was_slower_takes_the_next_free_place(self, wired: Wired) -> None:
        first = int(wired.ids.jitter() * CAP)
        wired.meanwhile("slots.take", lambda: hold(wired, first))
        assert wired.run_once(wired.take()).status is ExecutionStatus.SUCCEEDED
        assert list(wired.memory.slots) == [(TENANT, first)]

    def test_a_lowered_cap_counts_the_places_above_it(self, wired: Wired) -> None:
        cap(wired, 10)
        for number in (7, 8):
            hold(wired, number)
        cap(wired, CAP)
        assert wired.run_once(wired.take()).status is ExecutionStatus.PARKED

    def test_a_place_whose_holder_died_is_free_when_its_lease_ends(self, wired: Wired) -> None:
        cap(wired, 1)
        wired.run_once(wired.take())
        hold(wired, 0, seconds=285)
        wired.clock.advance(284.999)
        assert wired.run_once(wired.take("2")).status is ExecutionStatus.PARKED
        wired.clock.advance(0.001)
        assert wired.run_once(wired.take("3")).status is ExecutionStatus.SUCCEEDED

    def test_what_cannot_be_known_begins_nothing(self, wired: Wired) -> None:
        task = wired.take()
        wired.refuse("slots.held")
        with pytest.raises(StoreUnavailableError):
            wired.run_once(task)
        assert (wired.memory.runs, wired.world.runner.calls) == ({}, [])

    def test_a_place_that_was_taken_unseen_is_given_back(self, wired: Wired) -> None:
        task = wired.take()
        wired.lose_answer("slots.take")
        with pytest.raises(StoreUnavailableError):
            wired.run_once(task)
        assert wired.memory.slots == {}
        assert wired.run_once(task).status is ExecutionStatus.SUCCEEDED


class TestCallers:
    def test_a_caller_without_a_place_is_told_so_and_no_attempt_is_used_up(self, wired: Wired) -> None:
        fill(wired)
        task = wired.take(mode="sync", source="route:ask")
        full = Execution(ExecutionStatus.FULL, delay_seconds=FULL_RETRY_S)
        assert wired.run_once(task, for_caller=True) == full
        row = wired.row(task)
        assert (row.state, row.attempt, row.capped) == (RunState.QUEUED, 0, False)
        assert (wired.queue.messages, wired.world.runner.calls) == ([], [])
        wired.memory.slots.clear()
        assert wired.run_once(task, for_caller=True).status is ExecutionStatus.SUCCEEDED

    def test_a_caller_who_comes_back_as_he_was_told_to_is_never_given_up(self, wired: Wired) -> None:
        fill(wired)
        task = wired.take(mode="sync", source="route:ask")
        for second in range(0, 1200, 2):
            hold(wired, 0)
            hold(wired, 1)
            assert wired.run_once(task, for_caller=True).status is ExecutionStatus.FULL
            wired.clock.advance(FULL_RETRY_S)
            if second % 60 == 0:
                wired.sweep([TENANT], a_budget(wired))
                release(wired)
        assert wired.row(task).version <= 1 + 1200 / COMES_BACK_S
        wired.memory.slots.clear()
        assert wired.run_once(task, for_caller=True).status is ExecutionStatus.SUCCEEDED

    def test_one_who_does_not_is_and_nothing_runs_behind_his_back(self, wired: Wired) -> None:
        fill(wired)
        task = wired.take(mode="sync", source="route:ask")
        wired.run_once(task, for_caller=True)
        wired.memory.slots.clear()
        wired.clock.advance(SYNC_RETURN_S - 1)
        wired.sweep([TENANT], a_budget(wired))
        release(wired)
        assert wired.row(task).state is RunState.QUEUED
        wired.clock.advance(1)
        release(wired)
        assert wired.row(task).state is RunState.ABANDONED
        assert (wired.queue.messages, wired.world.runner.calls) == ([], [])

    def test_a_caller_whose_last_attempt_failed_is_told_so_too(self, wired: Wired) -> None:
        task = wired.take(mode="sync", source="route:ask")
        wired.handler_returns(RETRYABLE)
        wired.run_once(task, for_caller=True)
        fill(wired)
        row = wired.row(task)
        assert wired.run_once(task, for_caller=True).status is ExecutionStatus.FULL
        assert wired.row(task) == row

    def test_a_repeated_call_gets_the_stored_answer_though_no_place_is_free(self, wired: Wired) -> None:
        task = wired.take(mode="sync", source="route:ask")
        wired.run_once(task, for_caller=True)
        fill(wired)
        again = wired.run_once(task, for_caller=True)
        assert (again.status, again.stored) == (ExecutionStatus.SUCCEEDED, True)
        assert again.output is not None

    def test_a_call_in_flight_is_told_as_such(self, wired: Wired) -> None:
        task = wired.take(mode="sync", source="route:ask")
        wired.running(task)
        fill(wired)
        assert wired.run_once(task, for_caller=True).status is ExecutionStatus.BUSY

    def test_a_task_that_was_handed_over_waits_behind_the_queue_whoever_asks(self, wired: Wired) -> None:
        task = wired.take(mode="sync", source="route:ask")
        wired.keep(replace(wired.queued(task), handed_over=True))
        fill(wired)
        assert wired.run_once(task, for_caller=True).status is ExecutionStatus.PARKED
        assert wired.row(task).capped


class TestHandingOn:
    @pytest.mark.parametrize("outcome", [HandlerOutput("document", b"{}"), PERMANENT, RETRYABLE])
    def test_whoever_leaves_sends_the_oldest_on_its_way(self, wired: Wired, outcome: HandlerOutput) -> None:
        oldest, *_ = put_aside(wired, "1", "2", "3", "4", "5", "6", "7", "8")
        wired.handler_returns(outcome)
        wired.run_once(wired.take("now"))
        assert wired.queue.messages == [message_of(oldest)]
        row = wired.row(oldest)
        assert (row.state, row.capped, row.due_at_ms) == (RunState.QUEUED, False, wired.clock.ms + RESEND_BASE_S * 1000)
        assert waiting(wired) == 7

    def test_one_after_another_until_none_waits(self, wired: Wired) -> None:
        tasks = put_aside(wired, *"abcdefgh")
        wired.run_once(wired.take("now"))
        order = []
        while message := wired.queue.take():
            order.append(message)
            [task] = [task for task in tasks if message_of(task) == message]
            assert wired.run_once(task).status is ExecutionStatus.SUCCEEDED
        assert order == [message_of(task) for task in tasks]
        assert (waiting(wired), wired.memory.slots) == (0, {})

    def test_a_task_whose_deadline_passed_is_closed_and_the_next_one_goes(self, wired: Wired) -> None:
        late, next_one = put_aside(wired, "1", "2")
        wired.clock.ms = late.deadline_ms
        wired.run_once(wired.take("now"))
        assert wired.row(late).letter_class is LetterClass.EXPIRED
        assert wired.queue.messages == [message_of(next_one)]

    @pytest.mark.parametrize(
        ("state", "ends"), [(Enablement.DISABLED, RunState.FAILED), (Enablement.PAUSED, RunState.PARKED)]
    )
    def test_what_was_switched_off_or_paused_meanwhile_takes_no_place(
        self, wired: Wired, state: Enablement, ends: RunState
    ) -> None:
        fill(wired)
        switched = wired.take("1")
        wired.clock.advance(1)
        other = wired.take("2", mode="sync", source="route:ask")
        wired.keep(replace(wired.queued(other), handed_over=True))
        for task in (switched, other):
            wired.run_once(task)
        wired.memory.slots.clear()
        wired.switch(state)
        wired.run_once(wired.take("now", mode="sync", source="route:ask"), for_caller=True)
        row = wired.row(switched)
        assert (row.state, row.capped, row.paused) == (ends, False, state is Enablement.PAUSED)
        assert wired.queue.messages == [message_of(other)]

    def test_two_who_leave_at_once_send_two_different_tasks(self, wired: Wired) -> None:
        first, second = put_aside(wired, "1", "2")
        wired.meanwhile("runs.get", lambda: wired.run_once(wired.take("then")))
        wired.run_once(wired.take("now"))
        assert set(wired.queue.messages) == {message_of(first), message_of(second)}
        assert len(wired.queue.messages) == 2

    def test_an_entry_that_the_index_still_shows_sends_nothing(self, wired: Wired) -> None:
        task, *_ = put_aside(wired, "1")
        wired.meanwhile("runs.get", lambda: wired.running(task))
        wired.run_once(wired.take("now"))
        assert wired.queue.messages == []

    def test_a_row_that_no_code_of_ours_wrote_does_not_hold_up_the_next(self, wired: Wired) -> None:
        poisoned, sound = put_aside(wired, "1", "2")
        wired.runs.poison.add(poisoned.trace_id)
        wired.run_once(wired.take("now"))
        assert wired.queue.messages == [message_of(sound)]

    def test_who_is_put_aside_looks_again_lest_the_last_to_leave_did_not_see_it(self, wired: Wired) -> None:
        cap(wired, 1)
        hold(wired, 0)
        task = wired.take()
        wired.meanwhile("runs.write", wired.memory.slots.clear)
        assert wired.run_once(task) == Execution(ExecutionStatus.PARKED)
        assert wired.queue.messages == [message_of(task)]
        assert wired.row(task).state is RunState.QUEUED

    @pytest.mark.parametrize(
        ("call", "error"),
        [
            ("slots.hand", StoreUnavailableError),
            ("slots.hand", IntegrityError),
            ("runs.due", StoreUnavailableError),
            ("runs.due", IntegrityError),
            ("runs.get", StoreUnavailableError),
            ("queue.send", StoreUnavailableError),
        ],
    )
    def test_nothing_that_fails_on_leaving_touches_the_finished_execution(
        self, wired: Wired, call: str, error: type[PlatformError]
    ) -> None:
        put_aside(wired, "1")
        task = wired.take("now")
        wired.refuse(call, times=100, error=error)
        assert wired.run_once(task) == Execution(ExecutionStatus.SUCCEEDED)
        assert wired.row(task).state is RunState.SUCCEEDED
        assert len(wired.signals.told) == 1

    def test_nor_a_place_that_cannot_be_freed(self, wired: Wired) -> None:
        wired.refuse("slots.release", times=100)
        assert wired.run_once(wired.take()) == Execution(ExecutionStatus.SUCCEEDED)
        assert (len(wired.signals.told), len(wired.memory.slots)) == (1, 1)

    @pytest.mark.parametrize("call", ["runs.due", "slots.hand"])
    def test_a_place_that_could_not_be_handed_on_is_free_for_whoever_comes(self, wired: Wired, call: str) -> None:
        put_aside(wired, "1")
        wired.refuse(call, times=100)
        wired.run_once(wired.take("now"))
        assert wired.memory.slots == {}

    def test_nor_what_fails_after_a_task_was_put_aside(self, wired: Wired) -> None:
        fill(wired)
        task = wired.take()
        wired.refuse("slots.held", after=1)
        assert wired.run_once(task) == Execution(ExecutionStatus.PARKED)
        assert len(wired.signals.told) == 1

    def test_a_place_is_freed_though_the_outcome_could_not_be_recorded(self, wired: Wired) -> None:
        wired.refuse("runs.write", after=1)
        with pytest.raises(StoreUnavailableError):
            wired.run_once(wired.take())
        assert wired.memory.slots == {}

    def test_a_process_that_dies_frees_nothing(self, wired: Wired) -> None:
        def die() -> None:
            raise KeyboardInterrupt

        while_running(wired, die)
        with pytest.raises(KeyboardInterrupt):
            wired.run_once(wired.take())
        assert len(wired.memory.slots) == 1


def went_on(wired: Wired, task: Acceptance) -> None:
    """Let another worker have claimed a task that waited."""
    wired.keep(replace(wired.running(task), version=2))


def kept_for(wired: Wired) -> list[str]:
    """Trace ids of the tasks that places are kept for now."""
    live = [slot for slot in wired.memory.slots.values() if slot.until_ms > wired.clock.ms]
    return [slot.holder.removeprefix("run:") for slot in live if slot.holder.startswith("run:")]


class TestKeptPlaces:
    """A place that is handed on is never free in between: whoever is told to come finds it."""

    @pytest.fixture
    def wired(self) -> Wired:
        wired = Wired()
        cap(wired, 1)
        return wired

    def test_whoever_comes_by_gets_in_behind_the_one_that_waited(self, wired: Wired) -> None:
        oldest, *_ = put_aside(wired, "1")
        wired.run_once(wired.take("now"))
        assert kept_for(wired) == [oldest.trace_id]
        assert wired.run_once(wired.take("newer")).status is ExecutionStatus.PARKED
        assert wired.run_once(oldest).status is ExecutionStatus.SUCCEEDED

    def test_under_a_load_that_never_ends_each_runs_in_its_turn(self, wired: Wired) -> None:
        tasks = put_aside(wired, *(f"{n:03}" for n in range(20)))
        wired.run_once(wired.take("first"))
        for n in range(100):  # two come for each that ends, and both are ahead of it in the queue
            for newer in (wired.take(f"{n} a"), wired.take(f"{n} b")):
                assert wired.run_once(newer).status is ExecutionStatus.PARKED
            message = wired.queue.take()
            assert message is not None
            wired.execute(ExecutionOrder(message, OWNER, for_caller=False, remaining_ms=REMAINING_MS))
            wired.clock.advance(1)
        ran = [call.acceptance for call in wired.world.runner.calls]
        assert ran[1:21] == tasks
        assert len(ran) == 101
        assert len(wired.memory.slots) == 1

    def test_a_place_is_kept_until_its_task_s_attempt_has_ended(self, wired: Wired) -> None:
        oldest, *_ = put_aside(wired, "1")
        wired.run_once(wired.take("now"))
        held: list[Slot] = []
        while_running(wired, lambda: held.extend(wired.memory.slots.values()))
        wired.run_once(oldest)
        assert [(slot.number, slot.until_ms) for slot in held] == [(0, wired.clock.ms + HELD_MS)]
        assert wired.memory.slots == {}

    def test_it_costs_no_more_writes_than_to_free_and_to_take(self, wired: Wired) -> None:
        oldest, *_ = put_aside(wired, "1")
        wired.memory.calls.clear()
        wired.run_once(wired.take("now"))
        wired.run_once(oldest)
        calls = wired.order_of("slots.held", "slots.take", "slots.hand", "slots.release")
        assert calls == ["slots.held", "slots.take", "slots.hand", "slots.held", "slots.hand", "slots.release"]

    def test_a_place_whose_task_does_not_come_is_free_soon(self, wired: Wired) -> None:
        put_aside(wired, "1")
        wired.run_once(wired.take("now"))
        wired.clock.advance(KEPT_SECONDS - 0.001)
        late = wired.take("late")
        assert wired.run_once(late).status is ExecutionStatus.PARKED
        wired.clock.advance(0.001)
        assert wired.run_once(late).status is ExecutionStatus.SUCCEEDED

    def test_a_task_that_comes_after_its_place_was_given_away_is_put_aside_again(self, wired: Wired) -> None:
        oldest, *_ = put_aside(wired, "1")
        wired.run_once(wired.take("now"))
        wired.clock.advance(KEPT_SECONDS)
        hold(wired, 0)
        assert wired.run_once(oldest).status is ExecutionStatus.PARKED
        assert wired.row(oldest).capped

    def test_its_second_message_finds_no_second_place(self, wired: Wired) -> None:
        oldest, *_ = put_aside(wired, "1")
        wired.run_once(wired.take("now"))
        again: list[ExecutionStatus] = []
        while_running(wired, lambda: again.append(wired.run_once(oldest).status))
        assert wired.run_once(oldest).status is ExecutionStatus.SUCCEEDED
        assert again == [ExecutionStatus.BUSY]
        assert [call.acceptance for call in wired.world.runner.calls].count(oldest) == 1

    def test_two_messages_at_once_share_one_place(self, wired: Wired) -> None:
        oldest, *_ = put_aside(wired, "1")
        wired.run_once(wired.take("now"))
        wired.meanwhile("slots.hand", lambda: hold(wired, 0, holder="the other message's"))
        assert wired.run_once(oldest).status is ExecutionStatus.PARKED

    def test_whom_the_index_still_shows_gets_no_place(self, wired: Wired) -> None:
        gone, waits = put_aside(wired, "1", "2")
        wired.meanwhile("slots.hand", lambda: went_on(wired, gone))
        wired.run_once(wired.take("now"))
        assert wired.queue.messages == [message_of(waits)]
        assert kept_for(wired) == [waits.trace_id]

    def test_nor_is_one_kept_if_that_was_the_last(self, wired: Wired) -> None:
        gone, *_ = put_aside(wired, "1")
        wired.meanwhile("slots.hand", lambda: went_on(wired, gone))
        wired.run_once(wired.take("now"))
        assert (wired.queue.messages, wired.memory.slots) == ([], {})

    def test_whoever_overran_his_time_hands_nothing_on_that_is_anothers(self, wired: Wired) -> None:
        put_aside(wired, "1")
        while_running(wired, lambda: hold(wired, 0, holder="another"))
        wired.run_once(wired.take("now"))
        assert [slot.holder for slot in wired.memory.slots.values()] == ["another"]
        assert (wired.queue.messages, waiting(wired)) == ([], 1)

    def test_a_place_above_a_lowered_cap_is_not_handed_on(self, wired: Wired) -> None:
        cap(wired, 2)
        put_aside(wired, "1")
        hold(wired, 0)
        while_running(wired, lambda: cap(wired, 1))
        wired.run_once(wired.take("now"))
        assert list(wired.memory.slots) == [(TENANT, 0)]
        assert (wired.queue.messages, waiting(wired)) == ([], 1)

    def test_nor_is_a_kept_one_taken_while_more_are_held_than_the_cap_says(self, wired: Wired) -> None:
        cap(wired, 2)
        oldest, *_ = put_aside(wired, "1")
        hold(wired, 1)
        wired.run_once(wired.take("now"))
        assert kept_for(wired) == [oldest.trace_id]
        cap(wired, 1)
        assert wired.run_once(oldest).status is ExecutionStatus.PARKED
        assert list(wired.memory.slots) == [(TENANT, 1)]

    def test_whoever_is_put_aside_while_a_place_got_free_has_it_kept(self, wired: Wired) -> None:
        hold(wired, 0)
        task = wired.take()
        wired.meanwhile("runs.write", wired.memory.slots.clear)
        wired.run_once(task)
        assert kept_for(wired) == [task.trace_id]
        assert wired.run_once(wired.take("newer")).status is ExecutionStatus.PARKED
        assert wired.run_once(task).status is ExecutionStatus.SUCCEEDED

    def test_none_is_kept_for_one_that_went_on_meanwhile(self, wired: Wired) -> None:
        hold(wired, 0)
        task = wired.take()
        wired.meanwhile("runs.write", wired.memory.slots.clear)

        def after(name: str) -> None:
            if name == "slots.take":
                went_on(wired, task)

        wired.memory.after = after
        wired.run_once(task)
        assert (wired.queue.messages, wired.memory.slots) == ([], {})

    def test_the_tick_keeps_the_places_that_it_hands_on_oldest_first(self, wired: Wired) -> None:
        cap(wired, 3)
        tasks = put_aside(wired, *"abcdefgh")
        hold(wired, 1)
        release(wired)
        assert sorted(kept_for(wired)) == sorted(task.trace_id for task in tasks[:2])
        assert set(wired.queue.messages) == {message_of(task) for task in tasks[:2]}
        assert wired.run_once(wired.take("newer")).status is ExecutionStatus.PARKED

    @pytest.mark.parametrize("call", ["slots.hand", "runs.write", "queue.send"])
    @pytest.mark.parametrize("before", [True, False])
    def test_a_worker_that_dies_while_it_hands_on_loses_no_task_and_no_place_for_long(
        self, wired: Wired, call: str, *, before: bool
    ) -> None:
        oldest, *_ = put_aside(wired, "1")
        task = wired.take("now")
        until_ms = wired.clock.ms + HELD_MS

        def die(name: str) -> None:
            if name == call and (name != "runs.write" or "slots.hand" in wired.memory.calls):
                raise KeyboardInterrupt

        wired.memory.calls.clear()
        setattr(wired.memory, "before" if before else "after", die)
        with pytest.raises(KeyboardInterrupt):
            wired.run_once(task)
        wired.memory.before = wired.memory.after = nothing
        assert wired.row(task).state is RunState.SUCCEEDED
        assert [slot.until_ms <= until_ms for slot in wired.memory.slots.values()] == [True]
        for _ in range(6):
            wired.clock.advance(60)
            release(wired)
            while message := wired.queue.take():
                wired.execute(ExecutionOrder(message, OWNER, for_caller=False, remaining_ms=REMAINING_MS))
        assert wired.row(oldest).state is RunState.SUCCEEDED
        assert wired.memory.slots == {}

    def test_a_place_that_was_kept_before_its_keeper_died_is_kept_on_by_the_tick(self, wired: Wired) -> None:
        oldest, newer = put_aside(wired, "1", "2")
        wired.memory.slots[TENANT, 0] = Slot(TENANT, 0, f"run:{oldest.trace_id}", wired.clock.ms + 1_000)
        release(wired)
        assert wired.queue.messages == [message_of(oldest)]
        assert [slot.until_ms for slot in wired.memory.slots.values()] == [wired.clock.ms + KEPT_SECONDS * 1000]
        assert wired.row(newer).capped

    def test_what_was_handed_on_unseen_is_kept(self, wired: Wired) -> None:
        oldest, *_ = put_aside(wired, "1")
        wired.lose_answer("slots.hand")
        wired.run_once(wired.take("now"))
        assert (kept_for(wired), waiting(wired)) == ([oldest.trace_id], 1)
        release(wired)
        assert wired.run_once(oldest).status is ExecutionStatus.SUCCEEDED

    def test_what_was_taken_unseen_is_given_back(self, wired: Wired) -> None:
        oldest, *_ = put_aside(wired, "1")
        wired.run_once(wired.take("now"))
        wired.lose_answer("slots.hand")
        with pytest.raises(StoreUnavailableError):
            wired.run_once(oldest)
        assert wired.memory.slots == {}
        assert wired.run_once(oldest).status is ExecutionStatus.SUCCEEDED

    def test_it_is_kept_shorter_than_a_lost_message_takes_to_come_again(self) -> None:
        assert KEPT_SECONDS < RESEND_BASE_S


class TestTick:
    def test_it_sends_as_many_as_there_are_places(self, wired: Wired) -> None:
        put_aside(wired, *"abcdefgh")
        hold(wired, 0)
        release(wired)
        assert (len(wired.queue.messages), waiting(wired)) == (1, 7)
        assert wired.signals.counts == {"Released": 1}

    def test_none_while_all_are_held(self, wired: Wired) -> None:
        put_aside(wired, *"abc")
        fill(wired)
        release(wired)
        assert (wired.queue.messages, waiting(wired)) == ([], 3)

    def test_all_of_them_when_the_cap_is_gone(self, wired: Wired) -> None:
        put_aside(wired, *"abcdefgh")
        cap(wired, None)
        release(wired)
        assert (len(wired.queue.messages), waiting(wired)) == (8, 0)

    def test_and_when_the_tenant_is(self, wired: Wired) -> None:
        cap(wired, None)
        task = wired.take(tenant="acme")
        wired.keep(
            replace(wired.queued(task), state=RunState.PARKED, capped=True, due_at_ms=task.deadline_ms, tenant="acme")
        )
        wired.release_due(["acme", TENANT], a_budget(wired))
        assert wired.queue.messages == [message_of(task)]

    def test_what_waited_too_long_is_closed_though_no_place_is_free(self, wired: Wired) -> None:
        task, *_ = put_aside(wired, "1")
        wired.clock.ms = task.deadline_ms
        fill(wired)
        release(wired)
        assert wired.row(task).letter_class is LetterClass.EXPIRED
        assert wired.letter(task) is not None

    @pytest.mark.parametrize("state", [Enablement.DISABLED, Enablement.PAUSED])
    def test_what_is_switched_off_or_paused_is_treated_as_such_though_no_place_is_free(
        self, wired: Wired, state: Enablement
    ) -> None:
        task, *_ = put_aside(wired, "1")
        fill(wired)
        wired.switch(state)
        release(wired)
        row = wired.row(task)
        if state is Enablement.DISABLED:
            assert row.letter_class is LetterClass.DISABLED
        else:
            assert (row.paused, row.capped) == (True, False)

    def test_a_paused_task_asks_for_a_place_when_it_is_resumed(self, wired: Wired) -> None:
        task, *_ = put_aside(wired, "1")
        wired.switch(Enablement.PAUSED)
        release(wired)
        wired.switch(Enablement.ENABLED)
        fill(wired)
        release(wired)
        assert wired.queue.messages == [message_of(task)]
        assert wired.run_once(task).status is ExecutionStatus.PARKED
        assert wired.row(task).capped

    def test_the_sweeper_passes_what_waits_for_a_place(self, wired: Wired) -> None:
        put_aside(wired, "1")
        wired.clock.advance(GRACE_S + 1)
        wired.sweep([TENANT], a_budget(wired))
        assert (wired.queue.messages, waiting(wired)) == ([], 1)

    def test_where_no_tenants_were_ever_declared_it_looks_for_none(self) -> None:
        wired = Wired()
        release(wired)
        assert "slots.held" not in wired.memory.calls
        assert wired.memory.calls.count("runs.due") == 4

    def test_a_task_that_keeps_failing_waits_for_its_place_like_any_other(self, wired: Wired) -> None:
        task = wired.take()
        wired.handler_returns(RETRYABLE)
        for attempt in range(1, POLICY.max_attempts + 1):
            fill(wired)
            assert wired.run_once(task).status is ExecutionStatus.PARKED
            wired.memory.slots.clear()
            wired.run_once(task)
            assert wired.row(task).attempt == attempt
            wired.clock.ms = (wired.row(task).not_before_ms or 0) + 1
        assert wired.row(task).letter_class is LetterClass.EXHAUSTED
