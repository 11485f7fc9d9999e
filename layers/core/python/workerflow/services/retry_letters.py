"""Replay of dead letters by a schedule: of some classes, for some time, a few times.

    failed ----- min age ----------------------------- max age
                 |--- replayed, oldest first, up to a number a run ---|   later: a person's matter

Only an open letter is replayed. A letter whose task was replayed is not open any more, and its child's letter stands
in for it: so the leaves of lineages are replayed and nothing else, and a root not beyond its number of generations.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from workerflow.domain.dead_letter import letter_position
from workerflow.domain.errors import PlatformError, RetryableError
from workerflow.domain.run import LetterClass
from workerflow.ports.stores import LetterEntry, ReplayStore
from workerflow.ports.world import Clock, Faults
from workerflow.services.replay_task import NotReplayable, Replayed, ReplayOrder, ReplayTask

PAGE = 200
LETTERS_READ = 10_000
"""Entries of the index that one run reads at most: 2 MB, a second."""
LETTERS_TRIED = 1_000
"""Letters of the right class that one run tries at most; those that may not be replayed cost reads, too."""


@dataclass(frozen=True, slots=True)
class RetryRules:
    """Which letters are replayed.

    Attributes:
        classes: of letters.
        min_age_seconds, max_age_seconds: since the task failed.
        per_run: replays of one run, at most.
        generations: replays under one root, at most.
    """

    classes: frozenset[LetterClass]
    min_age_seconds: int
    max_age_seconds: int
    per_run: int
    generations: int


@dataclass(slots=True)
class _Tally:
    """What a run has done so far."""

    read: int = 0
    tried: int = 0
    replayed: int = 0
    failed: int = 0
    refused: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryLetters:
    """Replays one tenant's letters."""

    replays: ReplayStore
    replay: ReplayTask
    rules: RetryRules
    clock: Clock
    faults: Faults

    def __call__(self, tenant: str, *, actor: str, until_ms: int) -> dict[str, Any]:
        """Replay what the rules allow, oldest first.

        Args:
            tenant: whose letters.
            actor: who is told to have replayed, in lineage and audit.
            until_ms: begin with no further letter after this time.

        Returns:
            How many letters were `replayed`, how many may not be by reason (`refused`), and whether there was `more`.

        Raises:
            RetryableError: some replays failed; the others stand, and trying again replays none of them twice.
        """
        tally, more = _Tally(), False
        for entry in self._letters(tenant, tally):
            if self._is_enough(tally, until_ms):
                more = True
                break
            self._try(entry, actor, tally)
        if tally.failed:
            raise RetryableError(f"{tally.failed} of {tally.tried} replays failed, {tally.replayed} were made")
        return {
            "replayed": tally.replayed,
            "refused": dict(sorted(tally.refused.items())),
            "more": more or tally.read >= LETTERS_READ,
        }

    def _letters(self, tenant: str, tally: _Tally) -> Iterator[LetterEntry]:
        """Open letters of the right class and age, oldest first, as far as a run reads."""
        now_ms = self.clock.now_ms()
        after = letter_position(now_ms - self.rules.max_age_seconds * 1000)
        until = letter_position(now_ms - self.rules.min_age_seconds * 1000)
        while tally.read < LETTERS_READ:
            page = self.replays.list_letters(tenant, open_only=True, after=after, until=until, limit=PAGE)
            tally.read += len(page)
            yield from (entry for entry in page if entry.letter_class in self.rules.classes)
            if len(page) < PAGE:
                return
            after = page[-1].position

    def _is_enough(self, tally: _Tally, until_ms: int) -> bool:
        is_full = tally.replayed >= self.rules.per_run or tally.tried >= LETTERS_TRIED
        return is_full or self.clock.now_ms() >= until_ms

    def _try(self, entry: LetterEntry, actor: str, tally: _Tally) -> None:
        tally.tried += 1
        try:
            outcome = self.replay(self._order(entry, actor))
        except PlatformError as error:
            self.faults.failure("a dead letter was not replayed", error)
            tally.failed += 1
            return
        if isinstance(outcome, Replayed):
            tally.replayed += outcome.created
        else:
            tally.refused[outcome.code if isinstance(outcome, NotReplayable) else "invalid_payload"] += 1

    def _order(self, entry: LetterEntry, actor: str) -> ReplayOrder:
        return ReplayOrder(
            tenant=entry.tenant,
            trace_id=entry.trace_id,
            actor=actor,
            reason=f"dead letter of class {entry.letter_class.value}",
            max_generations=self.rules.generations,
        )
