"""A schedule, as its handler's decorator declares it: a cron expression in a time zone, bound to a function."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Literal, override

from workerflow.domain.identity import DEFAULT_TENANT
from workerflow.domain.source import Source
from workerflow.domain.timestamp import parse_timestamp

CatchUpPolicy = Literal["skip", "latest", "all"]
Overlap = Literal["allow", "skip"]

EVERY_TENANT = "*"
"""In `Schedule.tenants`: every tenant that is declared, also one that is declared later."""
MAX_CATCH_UP_FIRES = 100
MAX_CATCH_UP_WINDOW_SECONDS = 7 * 24 * 3600


@dataclass(frozen=True, slots=True)
class CatchUp:
    """What becomes of fires that no tick came for in time.

    Attributes:
        policy: `skip` makes up for none, `latest` for the newest, `all` for each, oldest first.
        max_fires: of `all`: so many of the newest, 1 to MAX_CATCH_UP_FIRES.
        window_seconds: of `latest` and `all`: none that was due longer ago, 1 to MAX_CATCH_UP_WINDOW_SECONDS.
    """

    policy: CatchUpPolicy = "latest"
    max_fires: int = MAX_CATCH_UP_FIRES
    window_seconds: int = 24 * 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule(Source):
    """One cron expression in a time zone, bound to a handler.

    Attributes:
        cron: five fields, or an alias such as `@hourly` (module domain.cron).
        zone: a name of the IANA time zone database.
        catch_up: what becomes of fires that no tick came for in time.
        overlap: `skip` skips a fire while the one before it has not ended; queued counts as running.
        tenants: whose schedule it is, each with runs and a switch of its own; EVERY_TENANT stands for all.
    """

    cron: str
    zone: str = "UTC"
    catch_up: CatchUp = field(default_factory=CatchUp)
    overlap: Overlap = "allow"
    tenants: tuple[str, ...] = (DEFAULT_TENANT,)

    @property
    @override
    def source(self) -> str:
        return f"schedule:{self.name}"

    @property
    def timing(self) -> str:
        """16 hex digits that change when the moments change at which it fires: cron expression and zone."""
        text = f"{' '.join(self.cron.lower().split())} {self.zone}"
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @override
    def serves(self, tenant: str) -> bool:
        return EVERY_TENANT in self.tenants or tenant in self.tenants

    def tenants_among(self, known: tuple[str, ...]) -> tuple[str, ...]:
        """Those of the declared tenants `known` whose schedule it is, in their order."""
        return tuple(one for one in known if self.serves(one))


def due_at_ms_of(payload: object) -> int | None:
    """When the fire was due that a handler's payload tells of (`dueAt`, RFC 3339), epoch milliseconds.

    Returns:
        None for a payload that tells of none: a manual run's, a call's, or one that an operator edited.
    """
    return parse_timestamp(payload.get("dueAt")) if isinstance(payload, dict) else None
