"""Dead letters: one per failed run, typed, with a payload copy of their own."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from workerflow.domain.failure import Failure
from workerflow.domain.run import LetterClass, Run
from workerflow.domain.stored import StoredBytes
from workerflow.domain.task import Acceptance, Kind


class LetterState(StrEnum):
    """`open` wants attention; `replayed` has a child that is not finished well yet; `resolved` is done with."""

    OPEN = "open"
    REPLAYED = "replayed"
    RESOLVED = "resolved"


def letter_position(failed_at_ms: int, trace_id: str = "") -> str:
    """Where a letter stands among its tenant's, as text that sorts by time; without trace id, before all of a moment.

    The time has 13 digits, which is good until the year 2286.
    """
    return f"{failed_at_ms:013d}#{trace_id}"


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """Why a run failed, with all that is needed to replay it.

    Attributes:
        note: what whoever resolved it wrote.
        resolved_by: a token's name and id, a bulk job's worker, or the trace id of the replay that succeeded.
        resolution: nonce of the write that resolved it.
    """

    tenant: str
    trace_id: str
    source: str
    kind: Kind
    letter_class: LetterClass
    fingerprint: str
    error_class: str
    message: str
    traceback: str
    attempts: int
    failed_at_ms: int
    expires_at_s: int
    payload: StoredBytes | None
    content_type: str
    root: str
    effect_root: str
    generation: int
    state: LetterState = LetterState.OPEN
    child: str | None = None
    note: str = ""
    resolved_by: str = ""
    resolved_at_ms: int | None = None
    resolution: str = ""

    @classmethod
    def of_failed_run(cls, run: Run, failure: Failure, acceptance: Acceptance | None) -> DeadLetter:
        """The letter of a run that is about to be written as `failed`.

        Without its acceptance (which expired: a run that old was never looked at for a month) it has no payload.

        Raises:
            ValueError: the run is not failed, or names no class.
        """
        if run.letter_class is None or run.finished_at_ms is None:
            raise ValueError("a dead letter belongs to a failed run")
        return cls(
            tenant=run.tenant,
            trace_id=run.trace_id,
            source=run.source,
            kind=run.kind,
            letter_class=run.letter_class,
            fingerprint=failure.fingerprint(run.source),
            error_class=failure.error_class,
            message=failure.message,
            traceback=failure.traceback,
            attempts=run.attempt,
            failed_at_ms=run.finished_at_ms,
            expires_at_s=run.expires_at_s,
            payload=acceptance.payload if acceptance else None,
            content_type=acceptance.content_type if acceptance else "",
            root=acceptance.root if acceptance else run.trace_id,
            effect_root=acceptance.effect_root if acceptance else run.trace_id,
            generation=acceptance.lineage.generation if acceptance and acceptance.lineage else 0,
        )
