"""Publish a tenants file: from then on it is the one that all functions go by, within a minute.

The file replaces the published one as a whole, in one transaction with an audit row that tells who did it and what it
changed. Who publishes on top of what somebody else has just published is told so, and nothing is overwritten unseen.
"""

from __future__ import annotations

from dataclasses import dataclass

from workerflow.domain.audit import TENANTS_PUBLISHED, AuditEvent
from workerflow.domain.errors import TenantsError
from workerflow.domain.identity import DEFAULT_TENANT
from workerflow.domain.tenants import Tenants, TenantsChange
from workerflow.domain.tenants_file import MAX_FILE_BYTES, read_tenants
from workerflow.ports.stores import Written
from workerflow.ports.tenants import TenantsDocument, TenantsStore
from workerflow.ports.world import Clock, Ids

NAMES_TOLD = 20
"""Ids that an audit row lists; of more it tells the number."""


@dataclass(frozen=True, slots=True)
class TenantsOrder:
    """What an operator asks for.

    Attributes:
        text: the file.
        actor: who publishes it; never any part of a secret.
        force: replace a published file even if it is unreadable.
    """

    text: str
    actor: str
    reason: str = ""
    force: bool = False


@dataclass(frozen=True, slots=True)
class Published:
    """The file holds, as this version; `change` is what it changed. `healed`: what stood there was unreadable."""

    version: int
    change: TenantsChange
    healed: bool


@dataclass(frozen=True, slots=True)
class Unchanged:
    """The published file says the same already; nothing was written."""

    version: int


@dataclass(frozen=True, slots=True)
class PublishedMeanwhile:
    """Somebody else was faster; nothing was written. Look at what is published now, and decide again."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """What stands there cannot be read, and nothing was written: its tenants would be forgotten, and not retired."""

    version: int
    faults: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishTenants:
    """Publishes files."""

    store: TenantsStore
    clock: Clock
    ids: Ids

    def __call__(self, order: TenantsOrder) -> Published | Unchanged | PublishedMeanwhile | Unreadable:
        """Publish a file.

        Raises:
            TenantsError: the file has faults, or, with the tenants that were retired since, is too long.
            StoreUnavailableError: unknown whether it was published; the same order again tells.
        """
        wanted = read_tenants(order.text)
        standing = self.store.get()
        before = _read(standing)
        if isinstance(before, Unreadable) and not order.force:
            return before
        known = before if isinstance(before, Tenants) else Tenants()
        after = wanted.after(known, now_ms=self.clock.now_ms())
        if standing is not None and known.digest == after.digest:
            return Unchanged(standing.version)
        _require_room(after)
        document = TenantsDocument(after.to_text(), (standing.version if standing else 0) + 1, self.ids.nonce())
        change = after.change_from(known)
        replaced = before.version if isinstance(before, Unreadable) else None
        if self.store.publish(document, self._audit(order, document, change, replaced)) != Written():
            return PublishedMeanwhile()
        return Published(document.version, change, healed=replaced is not None)

    def _audit(
        self, order: TenantsOrder, document: TenantsDocument, change: TenantsChange, replaced: int | None
    ) -> AuditEvent:
        return AuditEvent(
            tenant=DEFAULT_TENANT,
            at_ms=self.clock.now_ms(),
            nonce=document.nonce,
            actor=order.actor,
            action=TENANTS_PUBLISHED,
            target=f"tenants:{document.version}",
            reason=order.reason,
            details={
                "added": _told(change.added),
                "removed": _told(change.removed),
                "changed": _told(change.changed),
                **({} if replaced is None else {"replaced": f"unreadable version {replaced}"}),
            },
        )


def _read(document: TenantsDocument | None) -> Tenants | Unreadable:
    """What stands there; nobody but `default` if nothing does."""
    if document is None:
        return Tenants()
    try:
        return read_tenants(document.text)
    except TenantsError as error:
        return Unreadable(document.version, tuple(error.faults))


def _require_room(tenants: Tenants) -> None:
    size = len(tenants.to_text())
    if size > MAX_FILE_BYTES:
        raise TenantsError([f"with {len(tenants.retired)} retired tenants the file has {size} bytes, over the limit"])


def _told(names: tuple[str, ...]) -> str:
    return ", ".join(names) if len(names) <= NAMES_TOLD else f"{len(names)} tenants"
