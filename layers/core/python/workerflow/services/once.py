"""Carry an operator's order out once: the same order with the same key again is answered alike.

    find --the same order--> its answer again
      |  `--another order--> OrderKeyReused
      `--none--> do it --> find: what was recorded with it is the answer
                       `-- nothing was recorded: it was refused, and the next one with this key is looked at anew

What is done records itself, in the transaction of its effect (AuditEvent.operation); nothing here writes. So a process
that dies anywhere in between leaves either both or neither.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from workerflow.domain.audit import AuditEvent
from workerflow.domain.errors import OperationRepeatedError
from workerflow.domain.operation import Operation, OperationKey
from workerflow.ports.operations import OperationStore
from workerflow.ports.world import Clock


@runtime_checkable
class Refusal(Protocol):
    """An order's outcome that says why it was not carried out."""

    @property
    def code(self) -> str:
        """A stable reason."""

    @property
    def detail(self) -> str:
        """A sentence for people."""


@dataclass(frozen=True, slots=True)
class CarriedOut:
    """What was recorded with the order; `repeated`: by an earlier one with its key."""

    operation: Operation
    repeated: bool


@dataclass(frozen=True, slots=True)
class OrderKeyReused:
    """The key stands for another order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CarryOutOnce:
    """Carries an order out, unless that was done already."""

    operations: OperationStore
    clock: Clock

    def __call__[R](self, tenant: str, key: OperationKey, do: Callable[[], R]) -> CarriedOut | OrderKeyReused | R:
        """Do it, or tell what came of it when it was done.

        Args:
            tenant: in whose name the order is.
            key: the order's; `do` hands it on, as `operation` of what it orders.
            do: carries the order out, and records it with its effect unless it is refused.

        Returns:
            CarriedOut, OrderKeyReused, or what `do` returned if it recorded nothing: why it was refused.

        Raises:
            StoreUnavailableError: unknown whether it was done; the same order again finds out.
        """
        found = self._find(tenant, key, repeated=True)
        if found is not None:
            return found
        try:
            outcome = do()
        except OperationRepeatedError:
            found = self._find(tenant, key, repeated=True)
            if found is None:
                raise
            return found
        # An order that its own twin made impossible (a run is cancelled once) is answered as the twin was.
        return self._find(tenant, key, repeated=isinstance(outcome, Refusal)) or outcome

    def _find(self, tenant: str, key: OperationKey, *, repeated: bool) -> CarriedOut | OrderKeyReused | None:
        operation = self.operations.find(tenant, key, now_ms=self.clock.now_ms())
        if operation is None:
            return None
        if operation.key.order_digest != key.order_digest:
            return OrderKeyReused()
        return CarriedOut(operation, repeated)


def record_unchanged(operations: OperationStore | None, event: AuditEvent) -> None:
    """Record an order that found all as it asks for, under its key; one without a key leaves nothing behind.

    Args:
        operations: None where no order has a key.
        event: what the order's audit event says.

    Raises:
        OperationRepeatedError: another order was faster with the key.
    """
    if event.operation is None:
        return
    if operations is None:
        raise ValueError("this function takes no orders with keys")
    operations.record(event)
