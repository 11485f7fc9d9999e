"""Pause, resume, disable, enable a source at run time, with a reason."""

from __future__ import annotations

from dataclasses import dataclass

from workerflow.domain.audit import AuditEvent
from workerflow.domain.enablement import Enablement, Switch
from workerflow.domain.errors import StoreUnavailableError
from workerflow.domain.manifest import Manifest
from workerflow.domain.operation import OperationKey
from workerflow.ports.operations import OperationStore
from workerflow.ports.stores import SwitchStore, Written
from workerflow.ports.world import Clock, Ids
from workerflow.services.ledger import MAX_TRIES
from workerflow.services.once import record_unchanged
from workerflow.services.tenants import KnownTenants


@dataclass(frozen=True, slots=True)
class SwitchOrder:
    """What an operator asks for.

    Attributes:
        actor: a token's name and id, never any part of the token.
        address: where the order came from.
        operation: under which it is remembered.
    """

    tenant: str
    source: str
    state: Enablement
    actor: str
    reason: str
    address: str = ""
    operation: OperationKey | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SetSwitch:
    """Sets one switch; it holds everywhere within the enablement cache's 10 s.

    A tenant that was retired still has switches: its tasks that were accepted go on to their end, or wait for a resume.
    So do those of a route that its policy hides by now: what is shut there can be set, and what is open is not there.
    `operations` is None where no order has a key.
    """

    switches: SwitchStore
    manifest: Manifest
    tenants: KnownTenants
    clock: Clock
    ids: Ids
    operations: OperationStore | None = None

    def __call__(self, order: SwitchOrder) -> Switch | None:
        """The switch as it stands now, or None if there is no such tenant, or it has no such source.

        Raises:
            StoreUnavailableError: unknown whether it was set; setting it again is harmless.
            OperationRepeatedError: another order was faster with the key.
        """
        source = self.manifest.find(order.source)
        if source is None or not source.serves(order.tenant) or order.tenant not in self.tenants().looked_after:
            return None
        is_shown = self.tenants().shows(order.tenant, order.source)
        for _ in range(MAX_TRIES):
            before = self._find(order)
            if not is_shown and (before is None or before.state is Enablement.ENABLED):
                return None
            if before is not None and (before.state, before.reason) == (order.state, order.reason):
                record_unchanged(self.operations, self._audit(order, before, self._next(order, before)))
                return before
            switch = self._next(order, before)
            if self.switches.put_switch(switch, self._audit(order, before, switch)) == Written():
                return switch
        raise StoreUnavailableError("a switch is contended")

    def _find(self, order: SwitchOrder) -> Switch | None:
        switches = self.switches.list_switches(order.tenant)
        return next((switch for switch in switches if switch.source == order.source), None)

    def _next(self, order: SwitchOrder, before: Switch | None) -> Switch:
        now_ms = self.clock.now_ms()
        return Switch(
            tenant=order.tenant,
            source=order.source,
            state=order.state,
            reason=order.reason,
            actor=order.actor,
            changed_at_ms=now_ms,
            version=(before.version if before else 0) + 1,
            nonce=self.ids.nonce(),
            resumed_at_ms=_resumed_at_ms(order, before, now_ms),
        )

    def _audit(self, order: SwitchOrder, before: Switch | None, switch: Switch) -> AuditEvent:
        return AuditEvent(
            tenant=order.tenant,
            at_ms=switch.changed_at_ms,
            nonce=switch.nonce,
            actor=order.actor,
            action="switch.set",
            target=order.source,
            reason=order.reason,
            details={"before": (before.state if before else Enablement.ENABLED).value, "after": order.state.value},
            address=order.address,
            operation=order.operation,
        )


def _resumed_at_ms(order: SwitchOrder, before: Switch | None, now_ms: int) -> int | None:
    """Only what was shut is resumed: another reason for what is open anyway ends no pause."""
    if order.state is not Enablement.ENABLED or before is None:
        return None
    return before.resumed_at_ms if before.state is Enablement.ENABLED else now_ms
