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
from dataclasses import dataclass, replace

from workerflow.domain.firing import MadeFire, MissedFire, moved
from workerflow.domain.schedule_cursor import Missed, ScheduleCursor


@dataclass(frozen=True, slots=True)
class Definition:
    """The moments at which a live schedule fires: `Schedule.timing`, and its first fire after a moment."""

    timing: str
    next_fire: Callable[[int], int | None]


@dataclass(frozen=True, slots=True)
class Reconciled:
    """The cursor's next version, and the fire that was due and is missed."""

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
    cursor: ScheduleCursor,
    definition: Definition | None,
    *,
    now_ms: int,
    nonce: str,
    made: MadeFire | None = None,
) -> Reconciled | None:
    """What the cursor becomes under the definition (None: gone); None if it stays as it is, in step or not.

    Args:
        cursor: as it stands.
        definition: what it shall follow.
        now_ms: the moment of the tick.
        nonce: of the write.
        made: the fire that `pending_fire` tells of, if a tick has made it that did not move the cursor.
    """
    if in_step(cursor, definition):
        return _followed(cursor, definition, now_ms, nonce)
    if cursor.since_ms >= now_ms:
        return None
    return _begun_anew(cursor, definition, made, now_ms, nonce)


def pending_fire(cursor: ScheduleCursor, definition: Definition | None, *, now_ms: int) -> int | None:
    """When the one fire was due that the cursor's old definition leaves undecided; None if there is none.

    There may be more of them, but the definition that would tell of them is gone.
    """
    if in_step(cursor, definition) or cursor.since_ms >= now_ms:
        return None
    return None if cursor.next_due_ms is None or cursor.next_due_ms > now_ms else cursor.next_due_ms


def _followed(cursor: ScheduleCursor, definition: Definition | None, now_ms: int, nonce: str) -> Reconciled | None:
    """The cursor after the time zone data, if they move a fire that is still to come."""
    if definition is None or cursor.next_due_ms is None or cursor.next_due_ms <= now_ms:
        return None
    next_due_ms = definition.next_fire(now_ms)
    return (
        None if next_due_ms == cursor.next_due_ms else Reconciled(cursor.change(nonce=nonce, next_due_ms=next_due_ms))
    )


def _begun_anew(
    cursor: ScheduleCursor, definition: Definition | None, made: MadeFire | None, now_ms: int, nonce: str
) -> Reconciled:
    due_ms = pending_fire(cursor, definition, now_ms=now_ms)
    reason = Missed.DISABLED if definition is None else Missed.LATE
    if made is not None and made.skipped:
        reason = Missed.OVERLAP
    is_task = made is not None and not made.skipped
    missed = () if due_ms is None or is_task else (MissedFire(due_ms, reason),)
    after = moved(
        cursor,
        missed=missed,
        next_due_ms=None if definition is None else definition.next_fire(now_ms),
        nonce=nonce,
        timing=cursor.timing if definition is None else definition.timing,
        since_ms=now_ms,
    )
    if made is not None and is_task:
        after = replace(after, last_due_ms=made.due_ms, last_trace_id=made.trace_id)
    return Reconciled(after, missed)
