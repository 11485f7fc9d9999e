"""The last refused calls of each kind are kept: at most one a second, and whatever happens, the answer stands."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.fakes.world import FakeWorld
from workerflow.domain.errors import StoreUnavailableError
from workerflow.domain.refused_call import SLOTS, RefusedCall
from workerflow.services.record_refusal import KINDS_REMEMBERED, SECONDS_AFTER_FAILURE, Describe, RecordRefusal

REASON = "signature_mismatch"


@dataclass
class Process:
    """A process that keeps refusals, and how often it was asked what they are."""

    world: FakeWorld = field(default_factory=FakeWorld)
    described: int = 0

    def __post_init__(self) -> None:
        world = self.world
        self.record = RecordRefusal(calls=world.refused_calls, clock=world.clock, ids=world.ids, faults=world.faults)

    def refuse(self, tenant: str | None = "default", reason: str = REASON) -> None:
        self.record(tenant, reason, self.describe(tenant, reason))

    def describe(self, tenant: str | None, reason: str) -> Describe:
        def make(slot: int, at_ms: int) -> RefusedCall:
            self.described += 1
            return RefusedCall(tenant, reason, slot, at_ms, "r-1", 401, "", "POST", "/api/echo", "203.0.113.7")

        return make

    def kept(self, tenant: str | None = "default") -> list[int]:
        """Times, newest first."""
        return [call.at_ms for call in self.world.refused_calls.list_calls(tenant)]


def test_one_process_keeps_exactly_the_last_ones() -> None:
    process, at_ms = Process(), []
    for _ in range(SLOTS + 3):
        process.world.clock.advance(60)
        at_ms.append(process.world.clock.ms)
        process.refuse()
    assert process.kept() == at_ms[: -SLOTS - 1 : -1]


def test_kinds_that_take_turns_do_not_push_each_other_out() -> None:
    process = Process()
    for _ in range(SLOTS):
        for reason in ("signature_mismatch", "token_mismatch"):
            process.world.clock.advance(1)
            process.refuse(reason=reason)
    assert len(process.kept()) == 2 * SLOTS


def test_at_most_one_is_kept_a_second_and_the_others_are_not_even_described() -> None:
    process = Process()
    for _ in range(50):
        process.refuse()
        process.world.clock.advance(0.1)
    assert len(process.kept()) == process.described == 5


def test_callers_in_the_name_of_nobody_share_their_slots() -> None:
    process = Process()
    process.refuse(None)
    assert len(process.kept(None)) == 1
    assert process.kept() == []


def test_processes_begin_anywhere_so_that_short_lived_ones_do_not_share_one_slot() -> None:
    slots = set()
    for number in range(SLOTS):
        process = Process()
        process.world.ids.next_jitter = number / SLOTS
        process.refuse()
        slots |= {call.slot for call in process.world.refused_calls.list_calls("default")}
    assert slots == set(range(SLOTS))


def test_a_write_that_fails_is_told_and_changes_nothing() -> None:
    process = Process()

    def refuse(_name: str) -> None:
        raise StoreUnavailableError("refused_calls: throttled")

    process.world.memory.before = refuse
    process.refuse()
    assert [message for message, _ in process.world.faults.told] == ["a refused call was not kept"]


def test_an_outage_slows_down_one_answer_a_minute_and_not_one_a_second() -> None:
    process, tried = Process(), []

    def refuse(name: str) -> None:
        tried.append(name)
        raise StoreUnavailableError("refused_calls: throttled")

    process.world.memory.before = refuse
    for _ in range(3 * SECONDS_AFTER_FAILURE):
        process.refuse()
        process.world.clock.advance(1)
    assert len(tried) == 3


def test_a_record_that_cannot_be_made_is_told_and_changes_nothing() -> None:
    process = Process()

    def fail(_slot: int, _at_ms: int) -> RefusedCall:
        raise LookupError("nobody foresaw this")

    process.record("default", REASON, fail)
    assert len(process.world.faults.told) == 1


def test_nothing_is_ever_read() -> None:
    process = Process()
    for _ in range(SLOTS):
        process.world.clock.advance(1)
        process.refuse()
    assert set(process.world.memory.calls) == {"refused_calls.put"}


def test_what_is_remembered_is_bounded() -> None:
    process = Process()
    for number in range(KINDS_REMEMBERED + 10):
        process.world.clock.advance(1)
        process.refuse(f"tenant-{number}")
    assert len(process.record._slots) == KINDS_REMEMBERED


def test_a_clock_that_steps_back_does_not_stop_the_records() -> None:
    process = Process()
    process.refuse()
    process.world.clock.advance(-3600)
    process.refuse()
    assert len(process.kept()) == 2
