"""Makers of runs, letters and replays for tests, on top of tests.support.tasks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.support.tasks import NOW_MS, an_acceptance
from workerflow.domain.audit import AuditEvent
from workerflow.domain.dead_letter import DeadLetter
from workerflow.domain.failure import Failure
from workerflow.domain.identity import TraceId, acceptance_hash
from workerflow.domain.replay import LineageEntry, ReplayRecord
from workerflow.domain.run import Attempt, AttemptResult, LetterClass, Run, RunState
from workerflow.domain.task import Acceptance, Lineage

A_FAILURE = Failure("retryable", "requests.Timeout", "no answer in 3 s", traceback="Traceback …\n" * 20, frame="f.py:g")


def a_run(acceptance: Acceptance | None = None, **changes: Any) -> Run:
    """The first version of a run: claimed."""
    run = Run.of_task(acceptance or an_acceptance()).change(
        nonce="c" * 16,
        now_ms=NOW_MS + 100,
        state=RunState.RUNNING,
        attempt=1,
        owner="0" * 16,
        claim="c" * 16,
        claimed_at_ms=NOW_MS + 100,
        lease_until_ms=NOW_MS + 60_000,
    )
    return replace(run, **changes)


def a_waiting_run(acceptance: Acceptance | None = None, *, due_at_ms: int, **changes: Any) -> Run:
    """The first version of a run that stands in the index of open runs."""
    return a_run(acceptance, state=RunState.PARKED, lease_until_ms=None, due_at_ms=due_at_ms, **changes)


def next_version(run: Run, nonce: str, **changes: Any) -> Run:
    """The version after `run`."""
    return run.change(nonce=nonce, now_ms=run.updated_at_ms + 1000, **changes)


def failed(run: Run, nonce: str = "f" * 16, **changes: Any) -> Run:
    """The version after `run` that has failed."""
    ended_at_ms = run.updated_at_ms + 1000
    attempt = Attempt(run.attempt, run.claimed_at_ms or ended_at_ms, ended_at_ms, AttemptResult.RETRYABLE)
    fields: dict[str, Any] = {
        "state": RunState.FAILED,
        "finished_at_ms": ended_at_ms,
        "lease_until_ms": None,
        "due_at_ms": None,
        "history": (*run.history, attempt),
        "letter_class": LetterClass.EXHAUSTED,
        "error": "requests.Timeout: no answer in 3 s",
    }
    return next_version(run, nonce, **fields | changes)


def letter_of(run: Run, acceptance: Acceptance | None = None) -> DeadLetter:
    """The letter of a failed run."""
    return DeadLetter.of_failed_run(run, A_FAILURE, acceptance or an_acceptance())


def a_child(parent: Acceptance, generation: int, *, nonce: str = "1" * 16) -> Acceptance:
    """The acceptance of a replay of `parent`."""
    key_hash = acceptance_hash(parent.tenant, f"replay:{parent.trace_id}", str(generation))
    trace_id = TraceId.mint(NOW_MS + generation, key_hash).value
    return replace(
        parent,
        key_hash=key_hash,
        trace_id=trace_id,
        key=f"replay-{generation}",
        nonce=nonce,
        accepted_at_ms=NOW_MS + generation,
        not_before_ms=NOW_MS + generation,
        lineage=Lineage(parent.root, parent.trace_id, generation, parent.root, edited=False),
    )


def a_replay(
    parent: Acceptance, generation: int, *, nonce: str = "1" * 16, letter: DeadLetter | None = None
) -> ReplayRecord:
    """All that a replay of `parent` writes."""
    child = a_child(parent, generation, nonce=nonce)
    entry = LineageEntry(
        tenant=parent.tenant,
        root=parent.root,
        parent=parent.trace_id,
        generation=generation,
        child=child.trace_id,
        actor="ops (token 7)",
        reason="the provider is back",
        edited=False,
        at_ms=child.accepted_at_ms,
        nonce=nonce,
        expires_at_s=child.expires_at_s,
    )
    audit = AuditEvent(parent.tenant, entry.at_ms, nonce, entry.actor, "run.replayed", parent.trace_id, entry.reason)
    return ReplayRecord(child, entry, letter, audit)
