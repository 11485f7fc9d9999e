"""Which tenants there are, as this container knows it: the published file, cached so that no call costs a read.

read          at most every 60 s; without a file there is `default` alone
store fails   the last copy serves on and the store is tried every 10 s; without a copy the question stays open
unreadable    the last copy serves on and the fault is told; without a copy the question stays open, too: what the file
              forbids, to `default` for one, nobody may do because it cannot be read
"""

from __future__ import annotations

from dataclasses import dataclass, field

from workerflow.domain.errors import IntegrityError, StoreUnavailableError, TenantsError, TenantsUnreadableError
from workerflow.domain.tenants import Tenants
from workerflow.domain.tenants_file import read_tenants
from workerflow.ports.tenants import TenantsStore
from workerflow.ports.world import Clock, Faults

CACHE_SECONDS = 60
"""A published file holds within this time, everywhere."""
RETRY_SECONDS = 10
"""While the store fails: how often it is asked, so that an outage does not add its time-out to every call."""


@dataclass(slots=True)
class _Copy:
    """What this container knows; `text` is what `tenants` was read from."""

    tenants: Tenants | None = None
    text: str | None = None
    ask_again_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownTenants:
    """Answers for one container."""

    store: TenantsStore
    clock: Clock
    faults: Faults
    _copy: _Copy = field(default_factory=_Copy, init=False)

    def __call__(self) -> Tenants:
        """The declared tenants, at most CACHE_SECONDS old while the store answers.

        Raises:
            StoreUnavailableError: the store does not answer, and never has: ask again.
            TenantsUnreadableError: the same of a file that nobody can read.
        """
        now_ms = self.clock.now_ms()
        if now_ms >= self._copy.ask_again_ms:
            self._refresh(now_ms)
        if self._copy.tenants is None:
            raise TenantsUnreadableError("the published tenants file is unreadable, and no older one is known here")
        return self._copy.tenants

    def _refresh(self, now_ms: int) -> None:
        try:
            self._read()
        except StoreUnavailableError as error:
            if self._copy.tenants is None:
                raise
            self.faults.failure("the tenants file cannot be read: the last copy serves on", error)
            self._copy.ask_again_ms = now_ms + RETRY_SECONDS * 1000
        else:
            is_known = self._copy.tenants is not None
            self._copy.ask_again_ms = now_ms + (CACHE_SECONDS if is_known else RETRY_SECONDS) * 1000

    def _read(self) -> None:
        try:
            document = self.store.get()
            if document is None:
                self._copy.tenants, self._copy.text = Tenants(), None
            elif document.text != self._copy.text:
                self._copy.tenants, self._copy.text = read_tenants(document.text), document.text
        except (TenantsError, IntegrityError) as error:
            self.faults.failure("the published tenants file is unreadable: publish a valid one", error)
