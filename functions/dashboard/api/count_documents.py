"""Counts as documents. `isExact` is false where a count is a lower bound, or older than what it counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from functions.dashboard.api.documents import Document, counts_document
from functions.dashboard.api.source_documents import switch_document
from workerflow.domain.timestamp import timestamp

if TYPE_CHECKING:
    from workerflow.services.read_summary import Summary
    from workerflow.services.read_timeline import Timeline, TimelineBucket


def summary_document(summary: Summary) -> Document:
    """A window's counts, and what stands open now."""
    queue = summary.queue
    return {
        "from": timestamp(summary.from_ms),
        "until": timestamp(summary.until_ms),
        "counts": counts_document(summary.counts),
        "successRate": summary.success_rate,
        "p50Ms": summary.p50_ms,
        "p95Ms": summary.p95_ms,
        "isExact": summary.is_exact,
        "openLetters": {"count": summary.open_letters, "isExact": summary.open_letters_exact},
        "queue": None
        if queue is None
        else {"visible": queue.visible, "inFlight": queue.in_flight, "delayed": queue.delayed},
        "oldestQueued": {"seconds": summary.oldest_queued_seconds, "isExact": summary.oldest_queued_exact},
        "nextFires": [{"schedule": one.schedule, "dueAt": timestamp(one.due_at_ms)} for one in summary.next_fires],
        "switches": [{"source": one.source, **switch_document(one)} for one in summary.switches],
    }


def timeline_document(timeline: Timeline) -> Document:
    """Counts of equally long stretches of time, in order."""
    return {"span": timeline.span.value, "buckets": [_bucket_document(one) for one in timeline.buckets]}


def _bucket_document(bucket: TimelineBucket) -> Document:
    return {
        "from": timestamp(bucket.start_ms),
        "until": timestamp(bucket.end_ms),
        "counts": counts_document(bucket.counts),
        "p50Ms": bucket.p50_ms,
        "p95Ms": bucket.p95_ms,
        "isExact": bucket.is_exact,
    }
