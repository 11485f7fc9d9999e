"""What a test does to a world in memory from underneath: poisoned rows, lost answers, refused calls."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import count
from typing import override

from tests.fakes.memory import Memory
from tests.fakes.stores import FakeRuns
from workerflow.domain.audit import AuditEvent
from workerflow.domain.dead_letter import DeadLetter
from workerflow.domain.errors import IntegrityError, PlatformError, StoreUnavailableError
from workerflow.domain.run import Run
from workerflow.ports.stores import Conflict, Written


class TrickyRuns(FakeRuns):
    """The run store with what a test cannot do from outside.

    Attributes:
        poison: trace ids of rows that no code of ours can have written; whoever meets one fails, as on the adapter.
        away: trace ids of rows that the store does not answer for.
        vanishes: the row that stands in the way of the next write is gone when it is looked at.
        between_tries: called once, when a write was applied and its answer lost, before the SDK repeats it.
    """

    def __init__(self, memory: Memory) -> None:
        super().__init__(memory)
        self.poison: set[str] = set()
        self.away: set[str] = set()
        self.vanishes = False
        self.between_tries: Callable[[], object] | None = None

    @override
    def get(self, tenant: str, trace_id: str) -> Run | None:
        self._taste(trace_id)
        return super().get(tenant, trace_id)

    @override
    def get_many(self, tenant: str, trace_ids: Iterable[str]) -> Mapping[str, Run]:
        wanted = list(trace_ids)
        for trace_id in wanted:
            self._taste(trace_id)
        return super().get_many(tenant, wanted)

    @override
    def write(
        self,
        run: Run,
        *,
        letter: DeadLetter | None = None,
        resolves: str | None = None,
        audit: AuditEvent | None = None,
    ) -> Written | Conflict[Run]:
        self._taste(run.trace_id)
        outcome = super().write(run, letter=letter, resolves=resolves, audit=audit)
        if self.vanishes and isinstance(outcome, Conflict):
            self.vanishes = False
            del self._memory.runs[run.tenant, run.trace_id]
            return Conflict(None)
        if self.between_tries is not None:
            happens, self.between_tries = self.between_tries, None
            happens()
            outcome = super().write(run, letter=letter, resolves=resolves, audit=audit)
        return outcome

    def _taste(self, trace_id: str) -> None:
        if trace_id in self.poison:
            raise IntegrityError(f"{trace_id} is no run")
        if trace_id in self.away:
            raise StoreUnavailableError(f"{trace_id} is not to be had")


def nothing(_name: str) -> None:
    """Let the call pass."""


def failing(name: str, numbers: range, error: type[PlatformError]) -> Callable[[str], None]:
    counter = count()

    def hook(called: str) -> None:
        if called == name and next(counter) in numbers:
            raise error(f"{name} is cut off")

    return hook
