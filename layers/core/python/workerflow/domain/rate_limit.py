"""A rate limit's arithmetic: the generic cell rate algorithm, GCRA, in whole microseconds.

A bucket is one number, the time at which it is full again (`tat`, the "theoretical arrival time"). A call moves it
on by one step, and may pass while the bucket has room for it:

    step = seconds / requests          full bucket: tat <= now          empty bucket: tat = now + requests * step

    now                   latest       now + requests * step
    |--------------------------|--------|
       tat here: passes, tat += step    tat beyond latest: refused until tat - latest has gone by

So a bucket that was full lets `requests` calls pass at once, and one more for every step that goes by. The number never
goes back, which makes what a process remembers of it a lower bound: what was refused once stays refused until then.

Source: ITU-T I.371, annex A (virtual scheduling); B. Leibowitz, "Rate limiting, cells, and GCRA".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workerflow.domain.tenants import RateLimit

_SECOND_US = 1_000_000
_MILLISECOND_US = 1000


@dataclass(frozen=True, slots=True)
class RateVerdict:
    """What a bucket says to one call.

    Attributes:
        allowed: whether the call may pass; if so, it was counted.
        remaining: calls that could pass right now, after this one.
        wait_seconds: 0 if it may pass, else when the next one may.
        full_after_seconds: until the bucket is full again.
    """

    allowed: bool
    remaining: int
    wait_seconds: float
    full_after_seconds: float


@dataclass(frozen=True, slots=True)
class RateWindow:
    """A limit at a moment: what the bucket's number is compared with.

    Attributes:
        step_us: what one call moves the bucket's number by.
        now_us: the bucket is full if its number is not beyond this.
        latest_us: a call may pass if the bucket's number is not beyond this.
    """

    step_us: int
    now_us: int
    latest_us: int

    @classmethod
    def at(cls, limit: RateLimit, now_ms: int) -> RateWindow:
        """The limit at `now_ms`. The step is rounded up: never more than `requests` pass in `seconds`."""
        step_us = -(-limit.seconds * _SECOND_US // limit.requests)
        now_us = now_ms * _MILLISECOND_US
        return cls(step_us, now_us, now_us + step_us * (limit.requests - 1))

    def is_full(self, tat_us: int) -> bool:
        """Whether a bucket with this number has all of its calls left."""
        return tat_us <= self.now_us

    def has_room(self, tat_us: int) -> bool:
        """Whether one more call may pass."""
        return tat_us <= self.latest_us

    def after_call(self, tat_us: int) -> int:
        """The bucket's number after a call that passes."""
        return max(tat_us, self.now_us) + self.step_us

    def passed(self, tat_us: int) -> RateVerdict:
        """The answer to a call that left the bucket at `tat_us`."""
        return RateVerdict(
            allowed=True,
            remaining=self._remaining(tat_us),
            wait_seconds=0.0,
            full_after_seconds=self._seconds_until(tat_us),
        )

    def refused(self, tat_us: int) -> RateVerdict:
        """The answer to a call that found the bucket at `tat_us`, without room for it."""
        return RateVerdict(
            allowed=False,
            remaining=0,
            wait_seconds=(tat_us - self.latest_us) / _SECOND_US,
            full_after_seconds=self._seconds_until(tat_us),
        )

    def _remaining(self, tat_us: int) -> int:
        # A clock a little behind the one that moved the number finds less than nothing left.
        return max(0, (self.latest_us + self.step_us - tat_us) // self.step_us)

    def _seconds_until(self, tat_us: int) -> float:
        return max(0, tat_us - self.now_us) / _SECOND_US


def bucket_name(limit: RateLimit, client: str) -> str:
    """What tells a tenant's buckets apart: the limit itself, so that an edited one begins full, its route, the client.

    Args:
        limit: as the tenant's policy has it.
        client: the caller's source address; counts only where the limit is one of each client.
    """
    shared_by = client if limit.per == "client" else ""
    return f"{limit.requests}/{limit.seconds}/{limit.per}#{limit.route}#{shared_by}"
