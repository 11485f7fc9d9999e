"""What a schedule may be, beside what every source may be.

Functions read the manifest at every cold start, and hold it against these rules again. So the one rule that takes the
time zone data stands apart, `domain.cron.zone_faults`: the manifest's builder asks it, beside these.
"""

from __future__ import annotations

from typing import get_args

from workerflow.domain.cron_expression import cron_faults
from workerflow.domain.errors import InvalidIdentifierError
from workerflow.domain.identity import require_tenant
from workerflow.domain.schedule import (
    EVERY_TENANT,
    MAX_CATCH_UP_FIRES,
    MAX_CATCH_UP_WINDOW_SECONDS,
    CatchUp,
    CatchUpPolicy,
    Overlap,
    Schedule,
)
from workerflow.domain.source_rules import choice_faults, is_whole, source_faults


def schedule_faults(schedule: Schedule) -> list[str]:
    """Everything that is wrong with one schedule by itself but its zone, in words for its author."""
    return [
        *source_faults(schedule),
        *cron_faults(schedule.cron),
        *_catch_up_faults(schedule.catch_up),
        *choice_faults("overlap", schedule.overlap, get_args(Overlap)),
        *_mixture_faults(schedule.catch_up, schedule.overlap),
        *_tenants_faults(schedule.tenants),
    ]


def _catch_up_faults(catch_up: object) -> list[str]:
    if not isinstance(catch_up, CatchUp):
        return [f"catch_up is a CatchUp, not {type(catch_up).__name__}"]
    return [
        *choice_faults("catch_up: policy", catch_up.policy, get_args(CatchUpPolicy)),
        *_bound_faults("catch_up: max_fires", catch_up.max_fires, MAX_CATCH_UP_FIRES),
        *_bound_faults("catch_up: window_seconds", catch_up.window_seconds, MAX_CATCH_UP_WINDOW_SECONDS),
    ]


def _bound_faults(what: str, value: object, most: int) -> list[str]:
    return (
        []
        if is_whole(value) and 1 <= value <= most
        else [f"{what} {value!r:.80} is not a whole number from 1 to {most}"]
    )


def _mixture_faults(catch_up: object, overlap: object) -> list[str]:
    if isinstance(catch_up, CatchUp) and catch_up.policy == "all" and overlap == "skip":
        return ["catch_up 'all' with overlap 'skip': fires that are caught up with would skip one another"]
    return []


def _tenants_faults(tenants: object) -> list[str]:
    if not isinstance(tenants, tuple | list):
        return [f'tenants is a tuple of tenants, as in ("default",), not {type(tenants).__name__}']
    if not tenants:
        return ["tenants is empty: nobody would have the schedule"]
    if tuple(tenants) == (EVERY_TENANT,):
        return []
    faults = [fault for tenant in tenants for fault in _tenant_faults(tenant)]
    return faults or (["tenants names one of them twice"] if len(set(tenants)) < len(tenants) else [])


def _tenant_faults(tenant: object) -> list[str]:
    if tenant == EVERY_TENANT:
        return [f"{EVERY_TENANT!r} in tenants stands for all of them, and alone"]
    try:
        require_tenant(tenant if isinstance(tenant, str) else "")
    except InvalidIdentifierError:
        return [f"the tenant {tenant!r:.80} is not [a-z0-9][a-z0-9-]{{0,62}}"]
    return []
