"""When a schedule fires: its cron expression in its time zone, with daylight saving.

The only module that knows croniter and tzdata. croniter steps through local times without a zone; how a local time
becomes an instant is decided here. Zones come from the pinned tzdata package, so that every place has the same rules.

    local clock    01:59 -> 03:00, a gap                   02:59 -> 02:00, a fold
    wall clock     what is due in it: once, at 03:00       once, at the first occurrence
    real time      what is due in it: not at all           at both occurrences

An expression is bound to the wall clock when its hour field has no `*`, otherwise it follows real time.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.resources import files
from typing import Any
from zoneinfo import ZoneInfo

import tzdata

from workerflow.domain.cron_expression import cron_faults, parse_cron

__all__ = ["Timing", "cron_faults", "zone_faults"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)
_FIRST_MS = (datetime(1900, 1, 1, tzinfo=UTC) - _EPOCH) // _MS
_END_MS = (datetime(9000, 1, 1, tzinfo=UTC) - _EPOCH) // _MS
_MAX_YEARS_BETWEEN_FIRES = 8
"""29 February, where a century is no leap year: 2096 to 2104."""


@dataclass(frozen=True, slots=True)
class Timing:
    """When an expression fires in a zone. Made by `of`, which checks both."""

    cron: str
    zone: str

    @staticmethod
    def of(cron: str, zone: str) -> Timing:
        """The timing of a faultless expression and zone, the same object for the same two.

        Raises:
            ValueError: with every fault.
        """
        return _timing(cron, zone)

    def next_fire(self, after_ms: int) -> int | None:
        """The first fire after `after_ms` and not at it, both in epoch milliseconds; None after the year 8999."""
        return next(self.fires(after_ms), None)

    def fires(self, after_ms: int) -> Iterator[int]:
        """All fires after `after_ms`, ascending, each once; those before 1900 are left out."""
        last = max(after_ms, _FIRST_MS)
        if last >= _END_MS:
            return
        for moment in self._moments(last):
            if moment >= _END_MS:
                return
            if moment > last:
                yield moment
                last = moment

    def local_time(self, moment_ms: int) -> datetime:
        """What the zone's clock shows at an instant, with its offset from UTC."""
        return (_EPOCH + moment_ms * _MS).astimezone(_zone(self.zone))

    def _moments(self, after_ms: int) -> Iterator[int]:
        """Every fire after `after_ms`, ascending; some before it, and some twice."""
        zone = _zone(self.zone)
        times = _local_times(parse_cron(self.cron).plain, _start(after_ms, zone))
        if parse_cron(self.cron).follows_real_time:
            return _in_real_time(times, zone)
        return (_on_the_wall(local, zone) for local in times)


def zone_faults(name: object) -> list[str]:
    """Everything that is wrong with a time zone's name, in words for its author; of whatever type it is."""
    if not isinstance(name, str):
        return [f"zone is a name such as 'Europe/Berlin', not {type(name).__name__}"]
    if name in _zone_names():
        return []
    meant = next((known for known in sorted(_zone_names()) if known.lower() == name.lower()), "")
    return [f"zone {name!r:.80} is not in the IANA time zone database" + (f": write {meant!r}" if meant else "")]


@cache
def _timing(cron: str, zone: str) -> Timing:
    if faults := [*cron_faults(cron), *zone_faults(zone)]:
        raise ValueError("; ".join(faults))
    return Timing(cron, zone)


@cache
def _zone_names() -> frozenset[str]:
    return frozenset((files(tzdata) / "zones").read_text().split())


@cache
def _zone(name: str) -> ZoneInfo:
    """The rules of a zone whose name was checked: it becomes a path."""
    with (files(tzdata) / "zoneinfo").joinpath(*name.split("/")).open("rb") as rules:
        return ZoneInfo.from_file(rules, key=name)


@cache
def _stepper(plain: str) -> Any:  # noqa: ANN401 - croniter ships no types
    """A croniter to be copied: making one takes seven times as long as a step."""
    from croniter import croniter  # noqa: PLC0415 - 40 ms that only the tick and the pages that show fires pay for

    return croniter(plain, 0.0, max_years_between_matches=_MAX_YEARS_BETWEEN_FIRES)


def _local_times(plain: str, start: datetime) -> Iterator[datetime]:
    """The local times after `start` that an expression names, without a zone, whether or not the zone has them."""
    times: Iterator[datetime] = copy(_stepper(plain)).all_next(datetime, start_time=start)
    return times


def _start(after_ms: int, zone: ZoneInfo) -> datetime:
    """The local time from which to step: that of `after_ms`, or, if it comes twice, one before the whole fold."""
    local = _local(after_ms, zone)
    return local - max(_instant(local, zone, fold=1) - _instant(local, zone, fold=0), 0) * _MS


def _in_real_time(times: Iterator[datetime], zone: ZoneInfo) -> Iterator[int]:
    """Every instant at which the local clock shows one of the `times`, which have no end."""
    again: deque[int] = deque()
    for local in times:
        first, second = _instant(local, zone, fold=0), _instant(local, zone, fold=1)
        if second < first:
            continue  # in a gap
        while again and again[0] < first:
            yield again.popleft()
        yield first
        if first < second:
            again.append(second)


def _on_the_wall(local: datetime, zone: ZoneInfo) -> int:
    """The first instant at which the local clock shows `local`, or, if it never does, is past it."""
    early, late = _instant(local, zone, fold=1), _instant(local, zone, fold=0)
    if late <= early:
        return late
    inside = range(early, late + 1)
    return inside[bisect_left(inside, local, key=lambda moment: _local(moment, zone))]


def _instant(local: datetime, zone: ZoneInfo, *, fold: int) -> int:
    """The instant of a local time. In a gap fold 0 gives one after it, and fold 1 one before it (PEP 495)."""
    return (local.replace(tzinfo=zone, fold=fold) - _EPOCH) // _MS


def _local(moment: int, zone: ZoneInfo) -> datetime:
    return (_EPOCH + moment * _MS).astimezone(zone).replace(tzinfo=None)
