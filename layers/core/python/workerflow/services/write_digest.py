"""The digest: what happened to a tenant's tasks on the day before, and what wants attention now."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from workerflow.domain.dead_letter import letter_position
from workerflow.domain.rollup import ALL_SOURCES, Rollup, Span, quantile_ms
from workerflow.domain.run import RunState
from workerflow.domain.schedule_cursor import ScheduleCursor
from workerflow.domain.timestamp import timestamp
from workerflow.ports.rollups import RollupStore
from workerflow.ports.schedules import ScheduleStore
from workerflow.ports.stores import ReplayStore
from workerflow.ports.world import Clock

SOURCES_TOLD = 20
LETTERS_COUNTED = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteDigest:
    """Writes one tenant's digest, from rollups, open letters and cursors: three queries and four for the letters."""

    rollups: RollupStore
    replays: ReplayStore
    schedules: ScheduleStore
    clock: Clock

    def __call__(self, tenant: str, *, due_at_ms: int) -> dict[str, Any]:
        """The digest of the day (UTC) before `due_at_ms`, as JSON.

        Raises:
            StoreUnavailableError: ask again.
        """
        until_ms = Span.DAY.start_of(due_at_ms)
        from_ms = until_ms - Span.DAY.ms
        found = self.rollups.list_rollups(tenant, Span.DAY, from_ms=from_ms, until_ms=until_ms)
        cursors = self.schedules.list_cursors(tenant)
        return {
            "tenant": tenant,
            "day": timestamp(from_ms)[:10],
            "tasks": next((_told(one) for one in found if one.source == ALL_SOURCES), None),
            "sources": _busiest([one for one in found if one.source != ALL_SOURCES]),
            "openLetters": self._open_letters(tenant),
            "missedFires": [_missed(one) for one in cursors.readable if _missed_since(one, from_ms)],
            "unreadableSchedules": sorted(cursors.unreadable),
        }

    def _open_letters(self, tenant: str) -> dict[str, Any]:
        """At least so many, unless these are all: no more than LETTERS_COUNTED are looked at."""
        now_ms = self.clock.now_ms()
        found = self.replays.list_letters(
            tenant, open_only=True, after=letter_position(0), until=letter_position(now_ms + 1), limit=LETTERS_COUNTED
        )
        entries = [entry for entry in found.entries if entry.expires_at_s * 1000 > now_ms]
        return {
            "count": len(entries) + len(found.unreadable),
            "isAll": found.is_over,
            "byClass": dict(sorted(Counter(entry.letter_class.value for entry in entries).items())),
            "unreadable": len(found.unreadable),
            "oldest": timestamp(entries[0].failed_at_ms) if entries else None,
        }


def _told(rollup: Rollup) -> dict[str, Any]:
    return {
        "accepted": rollup.tasks,
        "byState": dict(sorted(rollup.counts.items())),
        "p50Ms": _rounded(quantile_ms(rollup.durations, 0.5)),
        "p95Ms": _rounded(quantile_ms(rollup.durations, 0.95)),
        "countedAt": timestamp(rollup.counted_at_ms),
    }


def _rounded(duration_ms: float | None) -> int | None:
    return None if duration_ms is None else round(duration_ms)


def _busiest(rollups: Sequence[Rollup]) -> list[dict[str, Any]]:
    """Those with most failures, and then those with most tasks."""
    in_order = sorted(rollups, key=lambda one: (-one.counts.get(RunState.FAILED.value, 0), -one.tasks, one.source))
    return [{"source": one.source, **_told(one)} for one in in_order[:SOURCES_TOLD]]


def _missed_since(cursor: ScheduleCursor, from_ms: int) -> bool:
    return cursor.last_missed_ms is not None and cursor.last_missed_ms >= from_ms


def _missed(cursor: ScheduleCursor) -> dict[str, Any]:
    """The newest missed fire of a schedule, and how many there were since the schedule exists."""
    return {
        "schedule": cursor.name,
        "lastAt": None if cursor.last_missed_ms is None else timestamp(cursor.last_missed_ms),
        "lastReason": cursor.last_missed_reason.value if cursor.last_missed_reason else None,
        "everMissed": {reason.value: count for reason, count in sorted(cursor.missed.items())},
    }
