"""Read a page of rows, whatever stands in one of them, and tell what cannot be read.

Whoever works through pages meets the same page again and again, so a row that no code of ours wrote (an edit by hand,
a newer version that was rolled back) would hold up its neighbours for ever.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from workerflow.domain.errors import IntegrityError
from workerflow.domain.run import Run
from workerflow.ports.stores import RunStore
from workerflow.ports.world import Signals


def readable_rows(runs: RunStore, tenant: str, trace_ids: Sequence[str]) -> Mapping[str, Run]:
    """Up to 100 rows, read strongly and at once; those that are absent or unreadable are left out.

    Raises:
        StoreUnavailableError: ask again.
    """
    try:
        return runs.get_many(tenant, trace_ids)
    except IntegrityError:
        found = (_readable_row(runs, tenant, trace_id) for trace_id in trace_ids)
        return {run.trace_id: run for run in found if run is not None}


def _readable_row(runs: RunStore, tenant: str, trace_id: str) -> Run | None:
    try:
        return runs.get(tenant, trace_id)
    except IntegrityError:
        return None


def tell_unreadable(signals: Signals, what: str, unreadable: Mapping[str, str]) -> None:
    """Count entries that a walk passes because they cannot be read, which rings, and log why of the first."""
    if unreadable:
        signals.count("UnreadableRow", len(unreadable))
        signals.failure(
            f"{len(unreadable)} {what} cannot be read, and are passed", IntegrityError(min(unreadable.values()))
        )
