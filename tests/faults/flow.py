"""A story of a task's life, and what is said of its end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.faults.promise import run_of
from tests.support.aws import AwsWorld
from tests.support.faults import Call
from tests.support.script import Script
from tests.support.world import MANIFEST, Story, World
from workerflow.domain.manifest import Manifest
from workerflow.domain.run import LetterClass, RunState

DAY_S = 24 * 3600
FAILED = frozenset({RunState.FAILED})
SUCCEEDED = frozenset({RunState.SUCCEEDED})
ABANDONED = frozenset({RunState.ABANDONED})
CANCELLED = frozenset({RunState.CANCELLED})
HANDLER_ERROR = (LetterClass.HANDLER_ERROR,)

ALL_WELL = Script()


def _look_away(_call: Call) -> None:
    """Watch nothing."""


@dataclass(frozen=True, slots=True)
class Flow:
    """One story.

    Attributes:
        play: what happens from outside; the world goes on to its rest afterwards.
        ends: the states in which every task of the story may end.
        classes: of the letters of failed tasks; without a fault only the first.
        check: what else is wrong at the end, in words.
        lasts_seconds: how long the story takes when nothing fails, at least and at most.
        manifest: what is deployed when the story begins.
        strikes: part of the callers whose calls fail, `RollUp` for one; the others fail in stories of their own, and
            here only with `--every-call`. None lets all of them fail.
    """

    name: str
    play: Callable[[World], None]
    script: Script = ALL_WELL
    ends: frozenset[RunState] = frozenset({RunState.SUCCEEDED})
    classes: tuple[LetterClass, ...] = ()
    check: Callable[[World], Iterator[str]] = lambda _world: iter(())
    lasts_seconds: tuple[float, float] = (0, 2 * DAY_S)
    manifest: Manifest = MANIFEST
    strikes: str | None = None

    def world(self, aws: AwsWorld, story: Story = Story(), watch: Callable[[Call], None] = _look_away) -> World:  # noqa: B008 - a value
        """An empty world in which the story may begin."""
        return World(aws, self.script, story, watch, self.manifest)

    def mistakes_without_fault(self, world: World) -> list[str]:
        """What did not end as it must where nothing failed, in words."""
        classes = [run.letter_class for run in world.kept.runs().values() if run.letter_class is not None]
        wrong = [f"a letter of class {found}" for found in classes if found not in self.classes[:1]]
        if not self.lasts_seconds[0] <= world.seconds <= self.lasts_seconds[1]:
            wrong.append(f"took {world.seconds} s")
        return [*wrong, *self.mistakes(world)]

    def mistakes(self, world: World) -> list[str]:
        """What did not end as it must, in words."""
        return [*self._wrong_ends(world), *self.check(world)]

    def _wrong_ends(self, world: World) -> Iterator[str]:
        for run in world.kept.runs().values():
            if run.state not in self.ends and not _was_given_up(world, run.trace_id, run.state):
                yield f"{run.trace_id} ended as {run.state}: {run.error}"
            if run.letter_class is not None and run.letter_class not in self.classes:
                yield f"{run.trace_id} has a letter of class {run.letter_class}: {run.error}"


def _was_given_up(world: World, trace_id: str, state: RunState) -> bool:
    """A sync task whose caller never came back."""
    gone = (caller for caller in world.callers if not caller.returns and caller.route == "ask")
    tasks = (run_of(world, caller) for caller in gone)
    return state is RunState.ABANDONED and trace_id in {run.trace_id for run in tasks if run is not None}
