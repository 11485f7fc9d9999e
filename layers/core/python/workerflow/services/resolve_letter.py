"""Resolve a dead letter: somebody has seen to it, and says how."""

from __future__ import annotations

from dataclasses import dataclass, replace

from workerflow.domain.audit import AuditEvent
from workerflow.domain.dead_letter import DeadLetter, LetterState
from workerflow.domain.errors import InvalidIdentifierError
from workerflow.domain.identity import TraceId
from workerflow.domain.operation import OperationKey
from workerflow.ports.operations import OperationStore
from workerflow.ports.stores import ReplayStore, Written
from workerflow.ports.world import Clock, Ids
from workerflow.services.once import record_unchanged


@dataclass(frozen=True, slots=True)
class ResolveOrder:
    """What an operator asks for.

    Attributes:
        trace_id: of the failed run.
        note: what was done about it.
        actor: a token's name and id, never any part of the token; or a bulk job's worker.
        address: where the order came from.
        operation: under which it is remembered.
    """

    tenant: str
    trace_id: str
    actor: str
    note: str
    address: str = ""
    operation: OperationKey | None = None


@dataclass(frozen=True, slots=True)
class Resolved:
    """The letter as it stands; `changed` is False if it was resolved before, as its `resolved_by` tells."""

    letter: DeadLetter
    changed: bool


@dataclass(frozen=True, slots=True)
class NotResolved:
    """Why not. `code` is one of: not_found, not_open."""

    code: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolveLetter:
    """Resolves one letter. `operations` is None where no order has a key."""

    replays: ReplayStore
    clock: Clock
    ids: Ids
    operations: OperationStore | None = None

    def __call__(self, order: ResolveOrder) -> Resolved | NotResolved:
        """Resolve it, or tell that it is resolved already, or why it cannot be.

        Raises:
            StoreUnavailableError: unknown whether it was resolved; the same order again finds out.
            OperationRepeatedError: another order was faster with the key.
        """
        letter = self._find(order)
        if letter is None:
            return NotResolved("not_found", "there is no such dead letter")
        if letter.state is LetterState.OPEN:
            resolved = self._resolved(letter, order)
            outcome = self.replays.resolve_letter(resolved, _audit(order, letter, resolved))
            if outcome == Written():
                return Resolved(resolved, changed=True)
            letter = self._find(order)
        return self._found(order, letter)

    def _find(self, order: ResolveOrder) -> DeadLetter | None:
        try:
            trace = TraceId.parse(order.trace_id)
        except InvalidIdentifierError:
            return None
        letter = self.replays.get_letter(order.tenant, trace.value)
        return None if letter is None or letter.expires_at_s * 1000 <= self.clock.now_ms() else letter

    def _resolved(self, letter: DeadLetter, order: ResolveOrder) -> DeadLetter:
        return replace(
            letter,
            state=LetterState.RESOLVED,
            note=order.note,
            resolved_by=order.actor,
            resolved_at_ms=self.clock.now_ms(),
            resolution=self.ids.nonce(),
        )

    def _found(self, order: ResolveOrder, letter: DeadLetter | None) -> Resolved | NotResolved:
        """What there is to say of a letter that is not open."""
        if letter is None:
            return NotResolved("not_found", "there is no such dead letter")
        if letter.state is not LetterState.RESOLVED:
            return NotResolved("not_open", f"the letter's run was replayed: see {letter.child}")
        event = _audit(order, letter, letter)
        record_unchanged(self.operations, replace(event, at_ms=self.clock.now_ms(), nonce=self.ids.nonce()))
        return Resolved(letter, changed=False)


def _audit(order: ResolveOrder, before: DeadLetter, after: DeadLetter) -> AuditEvent:
    return AuditEvent(
        tenant=order.tenant,
        at_ms=after.resolved_at_ms or 0,
        nonce=after.resolution,
        actor=order.actor,
        action="letter.resolved",
        target=order.trace_id,
        reason=order.note,
        details={
            "before": before.state.value,
            "after": after.state.value,
            "note": after.note,
            "resolvedBy": after.resolved_by,
        },
        address=order.address,
        operation=order.operation,
    )
