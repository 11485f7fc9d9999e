"""Read a page of rows, whatever stands in one of them, and tell what cannot be read.

Whoever works through pages meets the same page again and again, so a row that no code of ours wrote (an edit by hand,
a newer version that was rolled back) would hold up its neighbours for ever.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from workerflow.domain.errors import IntegrityError
from workerflow.domain.run import Run
from workerflow.ports.stores import RunStore, Seen
from workerflow.ports.world import Faults, Signals

NAMED = 3
"""Of those that are passed together the first ones are named: a log line has its limit."""


def readable_rows(runs: RunStore, tenant: str, trace_ids: Sequence[str]) -> Seen[str, Run]:
    """Up to 100 rows by trace id, read strongly and at once.

    Raises:
        StoreUnavailableError: ask again.
    """
    try:
        return Seen(runs.get_many(tenant, trace_ids), {})
    except IntegrityError:
        return _one_by_one(runs, tenant, trace_ids)


def _one_by_one(runs: RunStore, tenant: str, trace_ids: Sequence[str]) -> Seen[str, Run]:
    readable: dict[str, Run] = {}
    unreadable: dict[str, str] = {}
    for trace_id in trace_ids:
        try:
            run = runs.get(tenant, trace_id)
        except IntegrityError as error:
            unreadable[trace_id] = str(error)
        else:
            readable |= {} if run is None else {trace_id: run}
    return Seen(readable, unreadable)


def tell_unreadable(signals: Signals, what: str, unreadable: Mapping[str, str]) -> None:
    """Count what is passed because it cannot be read, which rings, and log which and why, by place."""
    if unreadable:
        signals.count("UnreadableRow", len(unreadable))
        log_unreadable(signals, what, unreadable)


def log_unreadable(faults: Faults, what: str, unreadable: Mapping[str, str]) -> None:
    """The log's part of it alone; there is something to tell."""
    why = "; ".join(f"{place}: {reason}" for place, reason in sorted(unreadable.items())[:NAMED])
    faults.failure(f"{len(unreadable)} {what} cannot be read, and are passed", IntegrityError(why))


def tell_unreadable_one(signals: Signals, what: str, error: IntegrityError) -> None:
    """The same of one that was met by itself; so it is told if it cannot be written as it stands."""
    signals.count("UnreadableRow")
    signals.failure(f"{what} cannot be read or written, and is passed", error)
