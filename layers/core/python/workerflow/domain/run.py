"""The mutable ledger row of a task. Every change is a new value with the next version, written by compare-and-swap.

    absent --claim--> running --success--> succeeded
                      |  ^  |--permanent, or no attempt left--> failed (with its dead letter)
                      |  |  `--any failure, where an operator asked for it--> cancelled
            retryable |  | claim: due, resent or lease expired
                      v  |
              waiting, parked, queued --> failed (disabled, expired) | cancelled | abandoned (sync) | skipped

Invariant: a run is terminal, or has a live lease, or has a due time within its deadline. A task without a run row, or
whose first attempt died, is found by the sweeper, which reads every task once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Self

from workerflow.domain.identity import shard_of
from workerflow.domain.route import Mode
from workerflow.domain.task import Acceptance, AcceptedTask, Kind

HISTORY_KEPT = 8
"""Attempts that the row itself remembers: it must stay under 1 KB. Older failures are in the attempts' own items."""

RUN_OUTLIVES_ACCEPTANCE_S = 7 * 24 * 3600
"""A row outlives its acceptance, so that no key is ever free again while its run still shows."""


class RunState(StrEnum):
    """States of a run; terminal ones are immutable."""

    QUEUED = "queued"
    RUNNING = "running"
    WAITING = "waiting"
    PARKED = "parked"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"
    ABANDONED = "abandoned"

    @property
    def is_terminal(self) -> bool:
        return self in _TERMINAL


_TERMINAL = frozenset({RunState.SUCCEEDED, RunState.FAILED, RunState.CANCELLED, RunState.SKIPPED, RunState.ABANDONED})


class LetterClass(StrEnum):
    """Why a run was dead-lettered."""

    INVALID_PAYLOAD = "invalid_payload"
    HANDLER_ERROR = "handler_error"
    EXHAUSTED = "exhausted"
    TIMEOUT = "timeout"
    CRASH = "crash"
    DISABLED = "disabled"
    EXPIRED = "expired"
    PLATFORM = "platform"


class AttemptResult(StrEnum):
    """How an attempt ended."""

    SUCCEEDED = "succeeded"
    PERMANENT = "permanent"
    RETRYABLE = "retryable"
    TIMEOUT = "timeout"
    CRASH = "crash"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt in the row's short history."""

    number: int
    started_at_ms: int
    ended_at_ms: int
    result: AttemptResult


@dataclass(frozen=True, slots=True)
class Run:
    """The ledger row.

    Attributes:
        version: increases by one with every write, from 1; 0 means "not written yet".
        nonce: of the write that made this version; a failed condition that shows our nonce is our own success.
        attempt: attempts begun; the fencing token of the current one.
        owner: nonce of whoever invoked the current attempt; a crash is recorded only by its owner.
        claim: nonce of the worker's claim; with `attempt` it decides who may record the outcome.
        lease_until_ms: until then no one else may claim.
        not_before_ms: the next attempt may not begin sooner.
        due_at_ms: when the tick looks at the run; None only on the success path and in terminal states.
        paused: parked until its source is resumed.
        capped: parked until one of the tenant's tasks in flight has ended, because so many as its cap allows were.
        handed_over: a sync task that now belongs to the queue.
        resends: messages that the tick sent for it; each doubles the distance to the next.
        cancel_asked_at_ms: when an operator asked that it ends: it has no further attempt.
        output: the encoded output if it fits into the row; else it is in the attempt's item (`has_output_item`).
        letter_class, error: why it failed, or the last failure of an attempt (at most 200 characters).
    """

    tenant: str
    trace_id: str
    source: str
    kind: Kind
    mode: Mode
    state: RunState
    version: int
    nonce: str
    deadline_ms: int
    expires_at_s: int
    updated_at_ms: int
    attempt: int = 0
    owner: str | None = None
    claim: str | None = None
    claimed_at_ms: int | None = None
    lease_until_ms: int | None = None
    not_before_ms: int | None = None
    due_at_ms: int | None = None
    paused: bool = False
    capped: bool = False
    handed_over: bool = False
    resends: int = 0
    cancel_asked_at_ms: int | None = None
    finished_at_ms: int | None = None
    history: tuple[Attempt, ...] = ()
    output: bytes | None = None
    has_output_item: bool = False
    letter_class: LetterClass | None = None
    error: str | None = None

    @classmethod
    def of_task(cls, task: Acceptance | AcceptedTask) -> Self:
        """A task's row before anything was written (version 0): queued, nobody's, not due."""
        return cls(
            tenant=task.tenant,
            trace_id=task.trace_id,
            source=task.source,
            kind=task.kind,
            mode=task.mode,
            state=RunState.QUEUED,
            version=0,
            nonce="",
            deadline_ms=task.deadline_ms,
            expires_at_s=task.expires_at_s + RUN_OUTLIVES_ACCEPTANCE_S,
            updated_at_ms=task.accepted_at_ms,
        )

    def change(self, *, nonce: str, now_ms: int, **fields: object) -> Run:
        """The next version with `fields` changed."""
        return replace(self, version=self.version + 1, nonce=nonce, updated_at_ms=now_ms, **fields)  # type: ignore[arg-type]

    @property
    def is_terminal(self) -> bool:
        return self.state.is_terminal

    @property
    def expected_version(self) -> int | None:
        """The version that this value replaces: None if there must be no row yet."""
        return self.version - 1 or None

    @property
    def belongs_to_caller(self) -> bool:
        """A sync task that was not handed over: it is executed for its waiting caller or not at all."""
        return self.mode == "sync" and not self.handed_over

    @property
    def open_partition(self) -> str | None:
        """The partition of `runs_open` in which the run waits, or None if it is not in that index."""
        if self.due_at_ms is None:
            return None
        shard = shard_of(self.trace_id)
        if self.paused:
            return paused_partition(self.tenant, self.source, shard)
        return capped_partition(self.tenant, shard) if self.capped else due_partition(self.tenant, shard)

    def has_live_lease(self, now_ms: int) -> bool:
        return self.state is RunState.RUNNING and (self.lease_until_ms or 0) > now_ms

    def with_attempt(self, result: AttemptResult, now_ms: int) -> tuple[Attempt, ...]:
        """The history with the current attempt added, the oldest dropped beyond HISTORY_KEPT."""
        ended = Attempt(self.attempt, self.claimed_at_ms or now_ms, now_ms, result)
        return (*self.history, ended)[-HISTORY_KEPT:]


def due_partition(tenant: str, shard: int) -> str:
    """Where runs wait for their due time."""
    return f"{tenant}#{shard:02x}"


def paused_partition(tenant: str, source: str, shard: int) -> str:
    """Where runs wait for their source to be resumed."""
    return f"{tenant}#paused#{source}#{shard:02x}"


def capped_partition(tenant: str, shard: int) -> str:
    """Where runs wait for another of the tenant's tasks in flight to end; the oldest is due first."""
    return f"{tenant}#capped#{shard:02x}"
