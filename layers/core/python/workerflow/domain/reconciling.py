"""How a schedule's cursor follows its definition, after a deploy or a new tenants file.

    cursor     definition             becomes
    none       enabled                since = now, next due = its first fire after now
    any        other moments          the same: what the old definition would have fired is not made up for
    retired    enabled (again)        the same: what was due in between does not exist
    live       gone                   retired: no next fire, its history stays
    live       the same moments       stays; new time zone data may move a next fire that is still to come
    any        changed by a newer     stays: a tick that began earlier may be an older version's, on its way out
               tick

"Gone" is: removed, disabled by the manifest, or no longer the tenant's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from workerflow.domain.firing import MissedFire, moved
from workerflow.domain.schedule_cursor import Missed, ScheduleCursor


@dataclass(frozen=True, slots=True)
class Definition:
    """The moments at which a live schedule fires: `Schedule.timing`, and its first fire after a moment."""

    timing: str
    next_fire: Callable[[int], int | None]


@dataclass(frozen=True, slots=True)
class Reconciled:
    """The cursor's next version, and the fire that was due and is not made."""

    cursor: ScheduleCursor
    missed: tuple[MissedFire, ...] = ()


def first_cursor(tenant: str, name: str, definition: Definition, *, now_ms: int, nonce: str) -> ScheduleCursor:
    """The cursor of a schedule that the tenant never had."""
    return ScheduleCursor(
        tenant=tenant,
        name=name,
        timing=definition.timing,
        since_ms=now_ms,
        next_due_ms=definition.next_fire(now_ms),
        version=1,
        nonce=nonce,
    )


def in_step(cursor: ScheduleCursor, definition: Definition | None) -> bool:
    """Whether the cursor stands as the definition (None: gone) wants it."""
    if definition is None:
        return cursor.next_due_ms is None
    return cursor.timing == definition.timing and cursor.next_due_ms is not None


def reconcile_cursor(
    cursor: ScheduleCursor, definition: Definition | None, *, now_ms: int, nonce: str
) -> Reconciled | None:
    """What the cursor becomes under the definition (None: gone); None if it stays as it is, in step or not."""
    if in_step(cursor, definition):
        return _followed(cursor, definition, now_ms, nonce)
    if cursor.since_ms >= now_ms:
        return None
    return _retired(cursor, now_ms, nonce) if definition is None else _restarted(cursor, definition, now_ms, nonce)


def _followed(cursor: ScheduleCursor, definition: Definition | None, now_ms: int, nonce: str) -> Reconciled | None:
    """The cursor after the time zone data, if they move a fire that is still to come."""
    if definition is None or cursor.next_due_ms is None or cursor.next_due_ms <= now_ms:
        return None
    next_due_ms = definition.next_fire(now_ms)
    return (
        None if next_due_ms == cursor.next_due_ms else Reconciled(cursor.change(nonce=nonce, next_due_ms=next_due_ms))
    )


def _retired(cursor: ScheduleCursor, now_ms: int, nonce: str) -> Reconciled:
    missed = _pending(cursor, now_ms, Missed.DISABLED)
    return Reconciled(moved(cursor, missed=missed, next_due_ms=None, nonce=nonce, since_ms=now_ms), missed)


def _restarted(cursor: ScheduleCursor, definition: Definition, now_ms: int, nonce: str) -> Reconciled:
    missed = _pending(cursor, now_ms, Missed.LATE)
    after = moved(
        cursor,
        missed=missed,
        next_due_ms=definition.next_fire(now_ms),
        nonce=nonce,
        timing=definition.timing,
        since_ms=now_ms,
    )
    return Reconciled(after, missed)


def _pending(cursor: ScheduleCursor, now_ms: int, reason: Missed) -> tuple[MissedFire, ...]:
    """The one fire that is known to have been due: the definition that would tell of others is gone."""
    if cursor.next_due_ms is None or cursor.next_due_ms > now_ms:
        return ()
    return (MissedFire(cursor.next_due_ms, reason),)
