"""What one tick decides about one schedule: which fires it makes, which were missed and why, when the next is due.

    since       next_due                        now - window        now - 5 min      now
      |------------|------------------------------|--------------------|--------------|
      none exist     fires that nobody decided about: too old          late           on time
                                                  `window`             catch-up       each happens

A pure function of its arguments: the same cursor at the same moment gives the same plan, wherever a tick runs. Its
cost is bounded, whatever the outage: of more than COUNTED_FIRES fires that are due only the oldest so many and the
newest, among which are all that may still happen, are looked at; then the number of missed fires is a lower bound.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import takewhile

from workerflow.domain.enablement import Enablement, Switch
from workerflow.domain.schedule import CatchUp
from workerflow.domain.schedule_cursor import Missed, ScheduleCursor

LATE_AFTER_SECONDS = 300
"""A fire is on time as long as the tick that decides comes no later than this after it was due."""

COUNTED_FIRES = 10_080
"""A week of a schedule that fires every minute: the longest window, and 0.3 s at 30 us for each."""

_MOST_ON_TIME = LATE_AFTER_SECONDS // 60 + 1
_MINUTE_MS = 60_000
_LOOK_BACK_FACTOR = 4

type Fires = Callable[[int], Iterator[int]]
"""The moments after a given one at which a schedule is due, in order: epoch milliseconds."""


@dataclass(frozen=True, slots=True)
class DueFires:
    """The fires of a schedule that are due and undecided.

    Attributes:
        times_ms: oldest first; those in the middle of a long outage are left out.
        complete: whether none is left out.
        next_due_ms: the first one that is not due yet; None if there will never be another.
    """

    times_ms: tuple[int, ...]
    complete: bool
    next_due_ms: int | None


@dataclass(frozen=True, slots=True)
class Gate:
    """Whether fires may happen, as the tick that decides found it.

    Attributes:
        resumed_at_ms: when the run-time switch was set back to `enabled` from `paused` or `disabled`, if it ever was:
            what was due until then belongs to the pause.
    """

    state: Enablement
    resumed_at_ms: int | None = None

    @classmethod
    def of(cls, state: Enablement, switch: Switch | None) -> Gate:
        return cls(state, switch.resumed_at_ms if switch is not None else None)

    def reason_against(self, due_ms: int) -> Missed | None:
        """Why a fire does not happen, whenever the tick comes."""
        if self.state is Enablement.DISABLED:
            return Missed.DISABLED
        if self.state is Enablement.PAUSED or due_ms <= (self.resumed_at_ms or 0):
            return Missed.PAUSED
        return None


@dataclass(frozen=True, slots=True)
class MissedFire:
    """A fire that is not made."""

    due_ms: int
    reason: Missed


@dataclass(frozen=True, slots=True)
class MadeFire:
    """A fire that stands under its own key: as a task, or recorded as skipped."""

    due_ms: int
    trace_id: str
    skipped: bool


def unintended(missed: tuple[MissedFire, ...]) -> int:
    """How many of them somebody should hear of: not those of a schedule that was paused or disabled on purpose."""
    return sum(not one.reason.is_intended for one in missed)


@dataclass(frozen=True, slots=True)
class FiringPlan:
    """What becomes of everything that is due.

    Attributes:
        fires: due times of the fires to make, oldest first.
        missed: the others, oldest first.
        complete: False where `missed` leaves some out (COUNTED_FIRES): their number is a lower bound.
        next_due_ms: where the cursor moves to.
    """

    fires: tuple[int, ...]
    missed: tuple[MissedFire, ...]
    complete: bool
    next_due_ms: int | None


def due_fires(fires: Fires, *, after_ms: int, now_ms: int, newest: int) -> DueFires:
    """The fires in (`after_ms`, `now_ms`], and the one after them.

    Args:
        fires: the schedule's moments.
        after_ms: everything until then was decided.
        now_ms: the moment of the tick.
        newest: how many of the newest must be among those that are told, however many there are (`newest_needed`).
    """
    oldest: list[int] = []
    for due_ms in fires(after_ms):
        if due_ms > now_ms:
            return DueFires(tuple(oldest), complete=True, next_due_ms=due_ms)
        if len(oldest) == COUNTED_FIRES:
            break
        oldest.append(due_ms)
    else:
        return DueFires(tuple(oldest), complete=True, next_due_ms=None)
    found = _newest(fires, after_ms=oldest[-1], until_ms=now_ms, number=newest)
    return DueFires((*oldest, *found), complete=False, next_due_ms=next(fires(now_ms), None))


def newest_needed(catch_up: CatchUp) -> int:
    """How many of the newest due fires may happen at most."""
    return _MOST_ON_TIME + (catch_up.max_fires if catch_up.policy == "all" else 1)


def undecided_after(cursor: ScheduleCursor) -> int:
    """Until when everything about a schedule that has a next fire is decided."""
    return max((cursor.next_due_ms or 0) - 1, cursor.since_ms)


def plan_fires(catch_up: CatchUp, due: DueFires, gate: Gate, now_ms: int) -> FiringPlan:
    """Decide about each fire that is due.

    Args:
        catch_up: the schedule's policy for late fires.
        due: what nobody has decided about.
        gate: the schedule's enablement.
        now_ms: the moment of the tick; it decides what is late.
    """
    against = {due_ms: gate.reason_against(due_ms) for due_ms in due.times_ms}
    allowed = [due_ms for due_ms, reason in against.items() if reason is None]
    late = [due_ms for due_ms in allowed if due_ms < now_ms - LATE_AFTER_SECONDS * 1000]
    on_time = allowed[len(late) :]
    made_up = _made_up(catch_up, late, now_ms, on_time=bool(on_time))
    made = {*made_up, *on_time}
    missed = tuple(
        MissedFire(due_ms, reason or _reason_of_late(catch_up, due_ms, now_ms))
        for due_ms, reason in against.items()
        if due_ms not in made
    )
    return FiringPlan((*made_up, *on_time), missed, due.complete, due.next_due_ms)


def _made_up(catch_up: CatchUp, late: list[int], now_ms: int, *, on_time: bool) -> tuple[int, ...]:
    """The late fires that are made all the same."""
    within = [due_ms for due_ms in late if not _is_too_old(catch_up, due_ms, now_ms)]
    if catch_up.policy == "all":
        return tuple(within[-catch_up.max_fires :])
    if catch_up.policy == "latest" and not on_time:
        return tuple(within[-1:])
    return ()


def _reason_of_late(catch_up: CatchUp, due_ms: int, now_ms: int) -> Missed:
    """Why a late fire was left out."""
    if catch_up.policy != "skip" and _is_too_old(catch_up, due_ms, now_ms):
        return Missed.WINDOW
    return Missed.CAP if catch_up.policy == "all" else Missed.LATE


def _is_too_old(catch_up: CatchUp, due_ms: int, now_ms: int) -> bool:
    return due_ms < now_ms - catch_up.window_seconds * 1000


def upcoming_fires(catch_up: CatchUp, due: DueFires, gate: Gate, now_ms: int, fires: Fires) -> Iterator[int]:
    """The fires that will happen, from now on and without end, if nothing is changed and a tick comes every minute.

    What is due already is planned as the next tick will plan it. None while the schedule is paused or disabled.
    """
    if gate.state is not Enablement.ENABLED:
        return
    yield from plan_fires(catch_up, due, gate, now_ms).fires
    yield from fires(now_ms)


def moved(
    cursor: ScheduleCursor,
    *,
    missed: tuple[MissedFire, ...],
    next_due_ms: int | None,
    nonce: str,
    **fields: object,
) -> ScheduleCursor:
    """The cursor after everything due was decided: misses are added up, the newest is kept. `fields` change too."""
    counts: Mapping[Missed, int] = Counter(cursor.missed) + Counter(one.reason for one in missed)
    newest = max(missed, key=lambda one: one.due_ms, default=None)
    if newest is not None:
        fields = {"last_missed_ms": newest.due_ms, "last_missed_reason": newest.reason} | fields
    return cursor.change(nonce=nonce, next_due_ms=next_due_ms, missed=dict(counts), **fields)


def _newest(fires: Fires, *, after_ms: int, until_ms: int, number: int) -> tuple[int, ...]:
    """The newest `number` fires in (`after_ms`, `until_ms`], oldest first: looked for ever further back."""
    span_ms = number * _MINUTE_MS
    while True:
        begin_ms = max(after_ms, until_ms - span_ms)
        found = deque(takewhile(lambda due_ms: due_ms <= until_ms, fires(begin_ms)), maxlen=number)
        if len(found) == number or begin_ms == after_ms:
            return tuple(found)
        span_ms *= _LOOK_BACK_FACTOR
