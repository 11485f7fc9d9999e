"""Failed credentials, limited per source, in the memory of one container.

A limit before the comparison makes guessing slow without a single write. It is no promise across containers (secrets
are long enough not to be guessed at any rate); it keeps a broken or hostile sender from costing work.
"""

from __future__ import annotations

import hashlib
import math
from collections import OrderedDict

from workerflow.domain.source_address import client_of

BURST = 30
"""Failures that a source may make at once: room for a wrong deployment behind one address."""
SECONDS_PER_FAILURE = 2
"""After that, one more each of these."""
SOURCES_KEPT = 16_384
"""The memory is bounded: beyond it the source that failed longest ago is forgotten."""
TENANT_BUCKETS = 16
"""Of one client: a tenant's wrong deployment seldom blocks another tenant behind the same address."""


def failure_bucket(source_address: str, tenant: str) -> str:
    """The source that a failure counts for: the client behind the address, and one of its few buckets by tenant.

    A tenant that does not exist gets its bucket in the same way as one that does. Were all those that do not exist one
    source, then whoever used up its failures could ask which tenants exist: those that are still looked at.
    """
    number = hashlib.sha256(tenant.encode()).digest()[0] % TENANT_BUCKETS
    return f"{client_of(source_address)}#{number}"


class FailureLimit:
    """A leaking bucket per source: each failure fills it by one, it leaks one every SECONDS_PER_FAILURE."""

    def __init__(self) -> None:
        self._empty_at_ms: OrderedDict[str, float] = OrderedDict()

    def wait_seconds(self, source: str, now_ms: int) -> int:
        """How long `source` has to wait until its next try is looked at; 0 if it need not wait."""
        over_ms = self._empty_at_ms.get(source, 0) - now_ms - (BURST - 1) * SECONDS_PER_FAILURE * 1000
        return max(0, math.ceil(over_ms / 1000))

    def record_failure(self, source: str, now_ms: int) -> None:
        """Remember that a try of `source` failed."""
        empty_at_ms = max(self._empty_at_ms.pop(source, 0), now_ms) + SECONDS_PER_FAILURE * 1000
        self._empty_at_ms[source] = empty_at_ms
        while len(self._empty_at_ms) > SOURCES_KEPT:
            self._empty_at_ms.popitem(last=False)
