"""Whether a source (a route, a schedule) may run: the manifest's static answer and the run-time switch."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Enablement(StrEnum):
    """`disabled` refuses and dead-letters, `paused` accepts and parks."""

    ENABLED = "enabled"
    DISABLED = "disabled"
    PAUSED = "paused"


@dataclass(frozen=True, slots=True)
class Switch:
    """A run-time decision about a source, with who took it and why.

    A switch stays after it was set back to `enabled`: it tells the tick which sources may still have parked tasks.

    Attributes:
        resumed_at_ms: of one that is `enabled`: when it was set back from `paused` or `disabled`; None if it never was.
        version: increases by one with every write, from 1.
        nonce: of the write that made this version.
    """

    tenant: str
    source: str
    state: Enablement
    reason: str
    actor: str
    changed_at_ms: int
    version: int
    nonce: str
    resumed_at_ms: int | None = None


def effective(*, declared: bool | None, switch: Switch | None) -> Enablement:
    """Combine the manifest's answer (None: no such source) with the switch, the stricter one winning."""
    if not declared:
        return Enablement.DISABLED
    return switch.state if switch else Enablement.ENABLED
