"""Replay of dead letters by a schedule: of some classes, for some time, a few times.

    failed ----- min age ----------------------------- max age
                 |--- replayed, oldest first, up to a number a run ---|   later: a person's matter

Only an open letter is replayed. A letter whose task was replayed is not open any more, and its child's letter stands
in for it: so the leaves of lineages are replayed and nothing else, and a root not beyond its number of generations. The
letter of a sync task is a person's matter: its caller was told that it had failed.

A run that does not come to the end leaves its position, and the next one goes on behind it: letters that may not be
replayed are in nobody's way.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from workerflow.domain.dead_letter import letter_position
from workerflow.domain.errors import IntegrityError, PlatformError, RetryableError
from workerflow.domain.run import LetterClass
from workerflow.ports.stores import Cursor, CursorStore, LetterEntry, ReplayStore
from workerflow.ports.world import Clock, Faults, Ids
from workerflow.services.readable_rows import log_unreadable
from workerflow.services.replay_task import NotReplayable, Replayed, ReplayOrder, ReplayTask

PAGE = 200
LETTERS_READ = 10_000
"""Entries of the index that one run reads at most: 2 MB, a second."""
LETTERS_TRIED = 1_000
"""Letters of the right class that one run tries at most; those that may not be replayed cost reads, too."""
FAILURES_IN_A_ROW = 5
"""So many replays that fail, and none that is made in between: the store is away, and a run stops trying."""


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
    """What a run has done so far.

    Attributes:
        position: letters up to it were tried, or are not for it to try.
        disabled: the sources whose letters it need not try any more.
    """

    position: str
    read: int = 0
    tried: int = 0
    replayed: int = 0
    failed: int = 0
    failed_in_a_row: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    disabled: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryLetters:
    """Replays one tenant's letters."""

    replays: ReplayStore
    cursors: CursorStore
    replay: ReplayTask
    rules: RetryRules
    clock: Clock
    ids: Ids
    faults: Faults

    def __call__(self, tenant: str, *, actor: str, until_ms: int) -> dict[str, Any]:
        """Replay what the rules allow, oldest first, from the letter on that the last run came to.

        Args:
            tenant: whose letters.
            actor: who is told to have replayed, in lineage and audit.
            until_ms: begin with no further letter after this time.

        Returns:
            How many letters were `replayed`, how many replays `failed` and are left to the next run, how many may not
            be replayed by reason (`refused`), and whether there was `more`.

        Raises:
            RetryableError: no replay was made, and some failed. Were it raised beside replays that were made, the next
                attempt would make as many again, and a run would not be bounded by its number.
        """
        cursor = self.cursors.get_cursor(tenant, 0)
        tally = _Tally(cursor.position if cursor else "")
        more = False
        for entry in self._letters(tenant, tally):
            if self._is_enough(tally, until_ms):
                more = True
                break
            tally.position = entry.position
            if entry.letter_class in self.rules.classes:
                self._try(entry, actor, tally)
        more = more or tally.read >= LETTERS_READ
        self._keep(tenant, cursor, tally.position if more else "")
        if tally.failed and not tally.replayed:
            raise RetryableError(f"{tally.failed} of {tally.tried} replays failed, none was made")
        return {
            "replayed": tally.replayed,
            "failed": tally.failed,
            "refused": dict(sorted(tally.refused.items())),
            "more": more,
        }

    def _letters(self, tenant: str, tally: _Tally) -> Iterator[LetterEntry]:
        """Open letters of the right age, as far as a run reads: those behind the position, then those before it."""
        now_ms = self.clock.now_ms()
        oldest = letter_position(now_ms - self.rules.max_age_seconds * 1000)
        youngest = letter_position(now_ms - self.rules.min_age_seconds * 1000)
        start = max(tally.position, oldest)
        for after, until in ((start, youngest), (oldest, start)):
            yield from self._between(tenant, after, until, tally)

    def _between(self, tenant: str, after: str, until: str, tally: _Tally) -> Iterator[LetterEntry]:
        while after < until and tally.read < LETTERS_READ:
            page = self.replays.list_letters(tenant, open_only=True, after=after, until=until, limit=PAGE)
            tally.read += page.size
            self._pass(tenant, page.unreadable, tally)
            yield from page.entries
            if page.is_over:
                return
            after = tally.position = page.position

    def _pass(self, tenant: str, unreadable: Mapping[str, str], tally: _Tally) -> None:
        """Tell of letters that cannot be read: nobody knows whether the rules allow them, and they are left alone."""
        if unreadable:
            log_unreadable(self.faults, f"dead letters of {tenant}", unreadable)
            tally.refused[IntegrityError.code] += len(unreadable)

    def _is_enough(self, tally: _Tally, until_ms: int) -> bool:
        # A replay that failed may have been made: only its answer was lost.
        is_full = tally.replayed + tally.failed >= self.rules.per_run or tally.tried >= LETTERS_TRIED
        return is_full or tally.failed_in_a_row >= FAILURES_IN_A_ROW or self.clock.now_ms() >= until_ms

    def _try(self, entry: LetterEntry, actor: str, tally: _Tally) -> None:
        if entry.source in tally.disabled:
            tally.refused["disabled"] += 1
            return
        tally.tried += 1
        try:
            outcome = self.replay(self._order(entry, actor))
        except PlatformError as error:
            self.faults.failure("a dead letter was not replayed", error)
            if not error.retryable:  # what cannot be read is no better for the next attempt, or hour
                tally.refused[error.code] += 1
                return
            tally.failed += 1
            tally.failed_in_a_row += 1
            return
        if isinstance(outcome, Replayed):
            tally.replayed += outcome.created
            tally.failed_in_a_row = 0
            return
        code = outcome.code if isinstance(outcome, NotReplayable) else "invalid_payload"
        tally.refused[code] += 1
        if code == "disabled":
            tally.disabled.add(entry.source)

    def _keep(self, tenant: str, cursor: Cursor | None, position: str) -> None:
        """Leave the position for the next run. If another run was faster, its position stands: both have tried."""
        if position == (cursor.position if cursor else ""):
            return
        version = (cursor.version if cursor else 0) + 1
        try:
            self.cursors.move_cursor(Cursor(tenant, 0, position, version, self.ids.nonce()))
        except PlatformError as error:  # what was replayed stands: the run must not begin anew
            self.faults.failure("how far the retry of dead letters has come was not kept", error)

    def _order(self, entry: LetterEntry, actor: str) -> ReplayOrder:
        return ReplayOrder(
            tenant=entry.tenant,
            trace_id=entry.trace_id,
            actor=actor,
            reason=f"dead letter of class {entry.letter_class.value}",
            max_generations=self.rules.generations,
            by_itself=True,
        )
