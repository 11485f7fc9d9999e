"""A handler may ask whether it is cancelled as often as it likes; the ledger is asked once a second."""

from __future__ import annotations

from collections.abc import Callable

from tests.fakes.surroundings import FakeClock
from workerflow.domain.errors import IntegrityError, PlatformError, StoreUnavailableError
from workerflow.runtime.cancel_watch import ASKED_EVERY_MS, CancelWatch


class Ledger:
    """Counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.answer = False
        self.error: type[PlatformError] | None = None

    def __call__(self) -> bool:
        self.asked += 1
        if self.error is not None:
            raise self.error
        return self.answer


def watch() -> tuple[CancelWatch, Ledger, FakeClock]:
    ledger, clock = Ledger(), FakeClock(1_000_000)
    return CancelWatch(ledger, clock.now_ms), ledger, clock


def after(clock: FakeClock, ms: int, ask: Callable[[], bool]) -> bool:
    clock.ms += ms
    return ask()


def test_nobody_who_does_not_ask_costs_anything() -> None:
    _, ledger, _ = watch()
    assert ledger.asked == 0


def test_the_ledger_is_asked_once_a_second() -> None:
    is_cancelled, ledger, clock = watch()
    assert not any(after(clock, ASKED_EVERY_MS // 100, is_cancelled) for _ in range(1000))
    assert ledger.asked == 10


def test_what_was_asked_for_is_seen_within_a_second_and_stays() -> None:
    is_cancelled, ledger, clock = watch()
    assert not is_cancelled()
    ledger.answer = True
    assert not after(clock, ASKED_EVERY_MS - 1, is_cancelled)
    assert after(clock, 1, is_cancelled)
    ledger.answer = False
    assert after(clock, ASKED_EVERY_MS, is_cancelled)
    assert ledger.asked == 2


def test_a_ledger_that_cannot_be_asked_cancels_nothing_and_is_asked_again() -> None:
    is_cancelled, ledger, clock = watch()
    for error in (StoreUnavailableError, IntegrityError):
        ledger.error = error
        assert not after(clock, ASKED_EVERY_MS, is_cancelled)
    ledger.error, ledger.answer = None, True
    assert after(clock, ASKED_EVERY_MS, is_cancelled)


def test_a_clock_that_was_set_back_does_not_keep_it_from_asking() -> None:
    is_cancelled, ledger, clock = watch()
    is_cancelled()
    after(clock, -3600_000, is_cancelled)
    assert ledger.asked == 2
