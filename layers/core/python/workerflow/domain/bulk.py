"""Bulk jobs: replay or resolve many dead letters, as an object that is counted first, paced, and may be aborted.

    counted --start--> running --all visited--> done
       |                  |--abort--> aborted     (within one batch)
       `--abort--> aborted

A running job is worked on by the tick, a batch at a time. The batch is written into the job before it is worked on, by
compare-and-swap; its letters are told in the job's next version, together with the next batch. So a tick that dies in
the middle, or two at once, leave nothing out and count nothing twice: a letter that was replayed unseen is found to be
the job's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from workerflow.domain.dead_letter import letter_position
from workerflow.domain.run import LetterClass

BATCH = 100
"""Letters of one batch: their trace ids fit into the job's item, and an abort is heard after so many at the latest."""
KEPT_SECONDS = 90 * 24 * 3600
"""How long a job is told of after its last change."""


class BulkAction(StrEnum):
    """What is done with each letter."""

    REPLAY = "replay"
    RESOLVE = "resolve"


class BulkState(StrEnum):
    """States of a job; `done` and `aborted` are its ends."""

    COUNTED = "counted"
    RUNNING = "running"
    DONE = "done"
    ABORTED = "aborted"

    @property
    def is_terminal(self) -> bool:
        return self in {BulkState.DONE, BulkState.ABORTED}


@dataclass(frozen=True, slots=True)
class LetterFilter:
    """Which open letters: all that fit every condition that is set.

    Attributes:
        from_ms, until_ms: failed at or after, and before.
    """

    letter_class: LetterClass | None = None
    source: str | None = None
    fingerprint: str | None = None
    from_ms: int = 0
    until_ms: int = 9_999_999_999_999

    @property
    def after(self) -> str:
        """The position that all fitting letters are behind."""
        return letter_position(self.from_ms)

    @property
    def until(self) -> str:
        """The position that all fitting letters are before."""
        return letter_position(self.until_ms)

    def fits(self, letter_class: LetterClass, source: str, fingerprint: str) -> bool:
        """Whether a letter within the time is meant."""
        return (
            self.letter_class in {None, letter_class}
            and self.source in {None, source}
            and self.fingerprint in {None, fingerprint}
        )


@dataclass(frozen=True, slots=True)
class BulkJob:
    """One bulk replay or bulk resolve.

    Attributes:
        job_id: 28 hex digits: 48 bits of time, then 64 random ones; sorts by time.
        filter: `until_ms` is no later than the count: what fails afterwards is not meant.
        reason: why; a resolve's note.
        actor: who made it.
        new_effects: replays only: children get effect keys of their own.
        matched: letters that fitted when it was counted.
        is_exact: False: the count stopped at a limit, or met letters that cannot be read; `matched` is a lower bound.
        position: letters up to it were taken into a batch.
        batch: trace ids that are being worked on.
        succeeded: letters that were replayed or resolved by this job.
        refused: letters that could not be, by reason code, and why: a stable code such as `payload_gone`; letters that
            somebody else was faster with are `not_open`, and those that cannot be read, which may not fit, `integrity`.
    """

    tenant: str
    job_id: str
    action: BulkAction
    filter: LetterFilter
    reason: str
    actor: str
    state: BulkState
    created_at_ms: int
    matched: int
    is_exact: bool
    version: int
    nonce: str
    updated_at_ms: int
    new_effects: bool = False
    position: str = ""
    batch: tuple[str, ...] = ()
    succeeded: int = 0
    refused: Mapping[str, int] = field(default_factory=dict)
    started_at_ms: int | None = None
    ended_at_ms: int | None = None

    @property
    def visited(self) -> int:
        """Letters that the job is done with."""
        return self.succeeded + sum(self.refused.values())

    @property
    def worker(self) -> str:
        """Who acts on a letter, as its lineage and audit row tell it: unlike any other job's, or a person's own act."""
        return f"{self.actor} bulk {self.job_id}"

    def change(self, *, nonce: str, now_ms: int, **fields: object) -> BulkJob:
        """The next version with `fields` changed."""
        return replace(self, version=self.version + 1, nonce=nonce, updated_at_ms=now_ms, **fields)  # type: ignore[arg-type]
