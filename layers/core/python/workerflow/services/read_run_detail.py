"""Read everything that is known of one task: for the operator who looks into it.

Whatever cannot be read is told as a text and hides nothing else: a row that was edited by hand, a payload that is gone
from the bucket, an output that no code of ours wrote.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from workerflow.domain.dead_letter import DeadLetter
from workerflow.domain.errors import IntegrityError, InvalidIdentifierError, PlatformError
from workerflow.domain.failure import Failure
from workerflow.domain.identity import TraceId
from workerflow.domain.output import HandlerOutput
from workerflow.domain.run import Attempt, AttemptResult, Run, RunState
from workerflow.domain.stored import StoredBytes
from workerflow.domain.task import Acceptance
from workerflow.ports.stores import AcceptanceStore, AttemptRecord, BlobStore, ReplayStore, RunStore, Seen
from workerflow.ports.world import Clock
from workerflow.services.read_lineage import LineageTree, ReadLineage


@dataclass(frozen=True, slots=True)
class AttemptView:
    """One attempt.

    Attributes:
        started_at_ms: None for an old one, of which only the failure is kept.
        ended_at_ms: None while it runs, and where it is not known.
        result: None while it runs, and where it is not known.
        failure: with its traceback, if it left one behind.
        is_running: whether it is the current attempt of a run that is running.
    """

    number: int
    started_at_ms: int | None
    ended_at_ms: int | None
    result: AttemptResult | None
    failure: Failure | None = None
    is_running: bool = False


@dataclass(frozen=True, slots=True)
class RunDetail:
    """A task with all that hangs on it.

    Attributes:
        run: the ledger row; for a task that was not claimed yet, the queued row that it does not have yet.
        acceptance: None when its key is forgotten; the row outlives it by 7 days.
        attempts: all that began, by number.
        payload: byte for byte; None where it is not kept any more, or cannot be read.
        payload_fault: why there is none; empty if there is one.
        content_type: of the payload.
        output: of a success; None else, and where it cannot be read.
        output_fault: why a success has none; empty if nothing is wrong.
        letter: of a failed run.
        tree: the lineage; of one task if it was never replayed.
        faults: what else cannot be read, and why.
    """

    run: Run
    acceptance: Acceptance | None
    accepted_at_ms: int
    attempts: Sequence[AttemptView]
    payload: bytes | None
    payload_fault: str
    content_type: str
    output: HandlerOutput | None
    output_fault: str
    letter: DeadLetter | None
    tree: LineageTree
    faults: Sequence[str] = ()


@dataclass(slots=True)
class _Reader:
    """Reads parts of one task, and keeps why some cannot be read."""

    faults: list[str] = field(default_factory=list)

    def read[T](self, what: str, read: Callable[[], T | None]) -> T | None:
        try:
            return read()
        except IntegrityError as error:
            self.faults.append(f"{what} cannot be read: {error}")
            return None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadRunDetail:
    """Reads a task's items, at most 25 attempts among them, its payload, its output, and its lineage."""

    acceptances: AcceptanceStore
    runs: RunStore
    replays: ReplayStore
    blobs: BlobStore
    read_lineage: ReadLineage
    clock: Clock

    def __call__(self, tenant: str, trace_id: str) -> RunDetail | None:
        """A task, or None for anything that is not this tenant's: malformed, foreign, forgotten.

        Raises:
            StoreUnavailableError: ask again.
        """
        try:
            trace = TraceId.parse(trace_id)
        except InvalidIdentifierError:
            return None
        reader = _Reader()
        acceptance = reader.read("the acceptance", lambda: self._acceptance(tenant, trace))
        row = reader.read("the row", lambda: self.runs.get(tenant, trace.value))
        run = row or (None if acceptance is None else Run.of_task(acceptance))
        if run is None or run.expires_at_s * 1000 <= self.clock.now_ms():
            return None
        return self._detail(run, acceptance, reader)

    def _acceptance(self, tenant: str, trace: TraceId) -> Acceptance | None:
        acceptance = self.acceptances.get(tenant, trace.key_hash)
        if acceptance is None or acceptance.trace_id != trace.value:
            return None
        return None if acceptance.is_expired(self.clock.now_ms()) else acceptance

    def _detail(self, run: Run, acceptance: Acceptance | None, reader: _Reader) -> RunDetail:
        letter = reader.read("the dead letter", lambda: self.replays.get_letter(run.tenant, run.trace_id))
        records = self.runs.view_attempts(run.tenant, run.trace_id) if leaves_attempts(run) else Seen({}, {})
        reader.faults += [f"attempt {number} cannot be read: {why}" for number, why in records.unreadable.items()]
        payload, payload_fault = self._payload(acceptance, letter)
        output, output_fault = self._output(run, records.readable)
        origin = acceptance or letter
        return RunDetail(
            run=run,
            acceptance=acceptance,
            accepted_at_ms=TraceId(run.trace_id).accepted_at_ms,
            attempts=attempts_of(run, records.readable),
            payload=payload,
            payload_fault=payload_fault,
            content_type=origin.content_type if origin else "",
            output=output,
            output_fault=output_fault,
            letter=letter,
            tree=self.read_lineage.tree(run.tenant, origin.root if origin else run.trace_id, run),
            faults=tuple(reader.faults),
        )

    def _payload(self, acceptance: Acceptance | None, letter: DeadLetter | None) -> tuple[bytes | None, str]:
        stored = acceptance.payload if acceptance else letter.payload if letter else None
        if stored is None:
            return None, "the payload is no longer kept"
        return self._bytes(stored)

    def _bytes(self, stored: StoredBytes) -> tuple[bytes | None, str]:
        try:
            return self.blobs.get(stored), ""
        except PlatformError as error:
            return None, str(error)

    def _output(self, run: Run, records: Mapping[int, AttemptRecord]) -> tuple[HandlerOutput | None, str]:
        if run.state is not RunState.SUCCEEDED:
            return None, ""
        encoded, fault = run.output, ""
        if run.has_output_item:
            record = records.get(run.attempt)
            if record is None or record.output is None:
                return None, "the output is no longer kept, or cannot be read"
            encoded, fault = self._bytes(record.output)
        if encoded is None:
            return None, fault
        try:
            return HandlerOutput.decode(encoded), ""
        except PlatformError as error:
            return None, str(error)


def leaves_attempts(run: Run) -> bool:
    """Whether there may be items of attempts beside the row: not where the first one succeeded with a small output."""
    return run.attempt > 0 and not (run.state is RunState.SUCCEEDED and run.attempt == 1 and not run.has_output_item)


def attempts_of(run: Run, records: Mapping[int, AttemptRecord]) -> Sequence[AttemptView]:
    """Every attempt that began: from the row's short history, and older ones from what they left behind."""
    history = {attempt.number: attempt for attempt in run.history}
    return [
        _attempt_view(run, number, history.get(number), records.get(number)) for number in range(1, run.attempt + 1)
    ]


def _attempt_view(run: Run, number: int, ended: Attempt | None, record: AttemptRecord | None) -> AttemptView:
    failure = record.failure if record else None
    if ended is not None:
        return AttemptView(number, ended.started_at_ms, ended.ended_at_ms, ended.result, failure)
    if number == run.attempt and run.state is RunState.RUNNING:
        return AttemptView(number, run.claimed_at_ms, None, None, failure, is_running=True)
    return AttemptView(number, None, record.at_ms if record else None, _result_of(failure), failure)


def _result_of(failure: Failure | None) -> AttemptResult | None:
    if failure is None:
        return None
    if failure.kind == "cancelled":
        return AttemptResult.CANCELLED
    return AttemptResult.RETRYABLE if failure.retryable else AttemptResult.PERMANENT
