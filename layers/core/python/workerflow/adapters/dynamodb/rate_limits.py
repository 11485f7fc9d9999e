"""RateLimits on DynamoDB: one conditional update decides and counts.

    the bucket is full       SET tat = now + step      IF tat <= now, or there is none
    it has room              SET tat = tat + step      IF now < tat <= latest, and this call is not counted yet

An update that does not fit brings the bucket's number back, and the number tells which one does. What was seen of a
bucket is remembered: it tells which update to begin with, so that usually one write decides; and as the number never
goes back, a call that finds no room by what is remembered is refused without any write: a flood costs nothing.

Three writes are enough for certain. While one call is decided its time stands still: a bucket that is found not full
stays so, and one that is found without room has no room later.
"""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock

from workerflow.adapters.dynamodb import conditions
from workerflow.adapters.dynamodb.attributes import Value
from workerflow.adapters.dynamodb.database import Database, Refused
from workerflow.adapters.dynamodb.items import limit as codec
from workerflow.adapters.dynamodb.requests import Change
from workerflow.domain.errors import StoreUnavailableError
from workerflow.domain.rate_limit import RateVerdict, RateWindow, bucket_name
from workerflow.domain.tenants import RateLimit
from workerflow.ports.world import Ids

REMEMBERED = 10_000
"""Buckets that a container remembers: about 2 MB."""
_TRIES = 3
_UNUSED = 0


class DynamoRateLimits:
    """Buckets in `rate_limits`."""

    def __init__(self, database: Database, table: str, ids: Ids) -> None:
        self._database = database
        self._table = table
        self._ids = ids
        self._remembered: OrderedDict[tuple[str, str], int] = OrderedDict()
        self._lock = Lock()

    def take(self, tenant: str, limit: RateLimit, *, client: str, now_ms: int) -> RateVerdict:
        window, bucket, nonce = RateWindow.at(limit, now_ms), (tenant, bucket_name(limit, client)), self._ids.nonce()
        tat_us = self._remembered.get(bucket, _UNUSED)
        for _ in range(_TRIES):
            if not window.has_room(tat_us):
                return window.refused(tat_us)
            answer = self._database.update(self._count(bucket, window, tat_us, nonce))
            item = answer.old if isinstance(answer, Refused) else answer
            tat_us = _UNUSED if item is None else codec.tat_of(item)
            self._remember(bucket, tat_us)
            if item is not None and codec.is_counted(item, nonce):
                return window.passed(tat_us)
        raise StoreUnavailableError("a bucket was neither full nor without room, and would not count a call")

    def _count(self, bucket: tuple[str, str], window: RateWindow, tat_us: int, nonce: str) -> Change:
        """The update that fits a bucket at `tat_us`."""
        key, seen = codec.bucket_key(*bucket), codec.seen_attribute(nonce)
        sets: dict[str, Value] = {seen: nonce, "expires_at": codec.bucket_expires_at_s(window)}
        if window.is_full(tat_us):
            sets["tat"] = window.after_call(tat_us)
            return Change(self._table, key, sets=sets, condition=conditions.full(window.now_us))
        room = conditions.with_room(window.now_us, window.latest_us, seen=seen, nonce=nonce)
        return Change(self._table, key, sets=sets, adds={"tat": window.step_us}, condition=room)

    def _remember(self, bucket: tuple[str, str], tat_us: int) -> None:
        with self._lock:
            self._remembered[bucket] = tat_us
            self._remembered.move_to_end(bucket)
            if len(self._remembered) > REMEMBERED:
                self._remembered.popitem(last=False)
