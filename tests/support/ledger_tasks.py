"""The tasks of a ledger of any size: each is made of its number when somebody asks for it.

    number <-> trace id      times are even steps, the hash is a multiplication modulo 2**128, which can be undone
    number --> what it is    acceptance, row, attempts, dead letter

One task every STEP_MS up to the present. Every 17th has failed, the newest of those are open, and one was replayed
three times; the newest tasks of all are queued or running, and a few wait for their next attempt.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from tests.support.tasks import DAY_MS
from workerflow.domain.audit import AuditEvent
from workerflow.domain.dead_letter import DeadLetter, LetterState, letter_position
from workerflow.domain.failure import Failure
from workerflow.domain.identity import TraceId
from workerflow.domain.output import HandlerOutput
from workerflow.domain.run import Attempt, AttemptResult, LetterClass, Run, RunState
from workerflow.domain.stored import StoredBytes
from workerflow.domain.task import Acceptance, Lineage
from workerflow.ports.stores import AttemptRecord

TENANT = "default"
STEP_MS = 2_592
"""A million tasks in thirty days."""
NOW_MS = 1_760_000_400_000 + 7 * 60_000
"""Seven minutes into a quarter of an hour: the one before it was counted once and is not settled."""
FAILS_EVERY = 17
QUEUED, RUNNING, RECENT = 20, 10, 200
OPEN_LETTERS = 60
GROUPS = 40
FAILURE = Failure("retryable", "requests.exceptions.Timeout", "no answer in 3 s", "Traceback …\n" * 40, frame="f.py:g")
OUTPUT = HandlerOutput("document", b'{"done":true,"order":4711}').encode()
SOURCES = ("route:echo",) * 7 + ("route:ask",) * 2 + ("schedule:report",)

_FACTOR = 0x9E3779B97F4A7C15F39CC0605CEDC835
"""1 modulo 4, so that a number's shard is that of the number after it."""
_MODULUS = 1 << 128
_BACK = pow(_FACTOR, -1, _MODULUS)


class LedgerTasks:
    """`number` tasks of one tenant, with all that belongs to them.

    Attributes:
        all_open: every dead letter is open, instead of the newest OPEN_LETTERS.
    """

    def __init__(self, number: int, *, all_open: bool = False) -> None:
        self.number = number
        self.all_open = all_open
        self.root = (number - 150) // FAILS_EVERY * FAILS_EVERY
        self.tree = [self.root + generation * FAILS_EVERY for generation in range(4)]

    # Names.

    def accepted_at_ms(self, number: int) -> int:
        return NOW_MS - (self.number - number) * STEP_MS

    def trace_id(self, number: int) -> str:
        return TraceId.mint(self.accepted_at_ms(number), self.key_hash(number)).value

    @staticmethod
    def key_hash(number: int) -> str:
        return f"{(number + 1) * _FACTOR % _MODULUS:032x}"

    def number_of(self, key_hash: str) -> int | None:
        """The task whose acceptance has that key; None if there is none."""
        number = int(key_hash, 16) * _BACK % _MODULUS - 1
        return number if 0 <= number < self.number else None

    def number_of_task(self, trace_id: str) -> int | None:
        """The task of that name; None if there is none."""
        number = self.number_of(trace_id[-32:])
        return number if number is not None and self.trace_id(number) == trace_id else None

    def position(self, number: int) -> str:
        """Where its letter stands in order of time."""
        return letter_position(self.failed_at_ms(number), self.trace_id(number))

    def failed_at_ms(self, number: int) -> int:
        return self.accepted_at_ms(number) + 1_500

    # What a task is.

    def state(self, number: int) -> RunState:
        if number >= self.number - QUEUED:
            return RunState.QUEUED
        if number >= self.number - QUEUED - RUNNING:
            return RunState.RUNNING
        if number >= self.number - RECENT and number % FAILS_EVERY == 5:
            return RunState.WAITING
        return RunState.FAILED if number % FAILS_EVERY == 0 else RunState.SUCCEEDED

    def acceptance(self, number: int) -> Acceptance:
        accepted_at_ms = self.accepted_at_ms(number)
        source = SOURCES[number % 10]
        return Acceptance(
            tenant=TENANT,
            key_hash=self.key_hash(number),
            trace_id=self.trace_id(number),
            source=source,
            kind="scheduled_job" if source.startswith("schedule") else "http_route",
            mode="async",
            key=f"order-{number}",
            nonce=f"{number:016x}",
            accepted_at_ms=accepted_at_ms,
            not_before_ms=accepted_at_ms,
            deadline_ms=accepted_at_ms + DAY_MS,
            expires_at_s=(accepted_at_ms + 31 * DAY_MS) // 1000,
            payload=StoredBytes.inlined(b'{"order":%d,"customer":"c-0815"}' % number),
            content_type="application/json",
            lineage=self._lineage(number),
        )

    def _lineage(self, number: int) -> Lineage | None:
        if number not in self.tree[1:]:
            return None
        generation = self.tree.index(number)
        root = self.trace_id(self.root)
        return Lineage(root, self.trace_id(number - FAILS_EVERY), generation, root, edited=False)

    def run(self, number: int) -> Run | None:
        """The row; None for a queued task, which has none."""
        state = self.state(number)
        if state is RunState.QUEUED:
            return None
        begun_ms = self.accepted_at_ms(number) + 40
        attempts = 2 if state is RunState.FAILED or number % FAILS_EVERY == 1 else 1
        run = Run.of_task(self.acceptance(number)).change(
            nonce=f"{number:016x}",
            now_ms=begun_ms,
            state=state,
            attempt=attempts,
            owner=f"{number:016x}",
            claim=f"{number:016x}",
            claimed_at_ms=begun_ms,
        )
        return replace(run, **self._end(number, state, attempts))  # type: ignore[arg-type]

    def _end(self, number: int, state: RunState, attempts: int) -> Mapping[str, object]:
        if state is RunState.RUNNING:
            return {"lease_until_ms": NOW_MS + 60_000}
        history = self._history(number, state, attempts)
        if state is RunState.WAITING:
            return {"history": history, "due_at_ms": NOW_MS + number % 600 * 1000, "error": "no answer in 3 s"}
        if state is RunState.FAILED:
            why = {"letter_class": LetterClass.EXHAUSTED, "error": "requests.exceptions.Timeout: no answer in 3 s"}
            return {"history": history, "finished_at_ms": self.failed_at_ms(number), **why}
        return {"history": history, "finished_at_ms": history[-1].ended_at_ms, "output": OUTPUT}

    def _history(self, number: int, state: RunState, attempts: int) -> tuple[Attempt, ...]:
        begun_ms = self.accepted_at_ms(number) + 40
        last = AttemptResult.SUCCEEDED if state is RunState.SUCCEEDED else AttemptResult.RETRYABLE
        results = [AttemptResult.RETRYABLE] * (attempts - 1) + [last]
        return tuple(
            Attempt(at + 1, begun_ms + at * 700, begun_ms + at * 700 + duration_ms(number), result)
            for at, result in enumerate(results)
        )

    def attempts(self, number: int) -> Iterator[AttemptRecord]:
        """What attempts left behind: the failed ones."""
        run = self.run(number)
        for attempt in run.history if run else ():
            if attempt.result is AttemptResult.RETRYABLE:
                expires_at_s = run.expires_at_s if run else 0
                yield AttemptRecord(
                    TENANT, self.trace_id(number), attempt.number, attempt.ended_at_ms, expires_at_s, failure=FAILURE
                )

    def letter(self, number: int) -> DeadLetter | None:
        run = self.run(number)
        if run is None or run.state is not RunState.FAILED:
            return None
        letter = DeadLetter.of_failed_run(run, FAILURE, self.acceptance(number))
        letter = replace(letter, fingerprint=f"{number // FAILS_EVERY % GROUPS:016x}")
        return letter if self.is_open(number) else replace(letter, state=LetterState.RESOLVED)

    def is_open(self, number: int) -> bool:
        return self.all_open or number >= self.number - OPEN_LETTERS * FAILS_EVERY

    def audit_event(self, number: int) -> AuditEvent:
        return AuditEvent(
            tenant=TENANT,
            at_ms=self.accepted_at_ms(number),
            nonce=f"{number:016x}",
            actor="on call (wfd_abcdefghijkl)",
            action="run.replayed",
            target=self.trace_id(number),
            reason="the provider is back",
            details={"child": self.trace_id(number), "generation": "1", "edited": "false", "newEffects": "false"},
            address="203.0.113.7",
        )


def duration_ms(number: int) -> int:
    """How long its attempts take."""
    return 80 + 40 * (number % FAILS_EVERY)
