"""Handlers that do as they are told, attempt by attempt."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random

from workerflow.domain.errors import PermanentError, RetryableError
from workerflow.domain.source import Source
from workerflow.handlers.context import Context


@dataclass(frozen=True, slots=True)
class Ok:
    """Succeed, with an output of about `size` bytes that do not compress."""

    size: int = 0


@dataclass(frozen=True, slots=True)
class Fails:
    """Fail retryably; the other side may ask for a wait."""

    retry_after_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class FailsForGood:
    """Fail permanently."""


@dataclass(frozen=True, slots=True)
class Dies:
    """Take the process along; the invoker sees it."""


@dataclass(frozen=True, slots=True)
class Vanishes:
    """Take the process along, and nobody is told."""


@dataclass(frozen=True, slots=True)
class Overruns:
    """Run longer than the route allows: the watchdog ends the process."""


@dataclass(frozen=True, slots=True)
class Slow:
    """Go on for `seconds` after the invoker has lost sight of the attempt, then succeed.

    `heeds`: unless the task was cancelled meanwhile.
    """

    seconds: float
    heeds: bool = False


type Behaviour = Ok | Fails | FailsForGood | Dies | Vanishes | Overruns | Slow


@dataclass(frozen=True, slots=True)
class Script:
    """What handlers do: by generation of the task, one behaviour for each start; the last one for all that follow."""

    first: tuple[Behaviour, ...] = (Ok(),)
    replayed: tuple[Behaviour, ...] = (Ok(),)

    def behaviour(self, generation: int, start: int) -> Behaviour:
        """What the start-th start (from 0) of a task does."""
        behaviours = self.replayed if generation else self.first
        return behaviours[min(start, len(behaviours) - 1)]


@dataclass(frozen=True, slots=True)
class Start:
    """One handler was started."""

    trace_id: str
    generation: int
    attempt: int
    effect_key: str
    payload: object


@dataclass(slots=True)
class ScriptedHandlers:
    """Gives every route the scripted handler.

    Attributes:
        act: does what no handler can do by itself: dies, overruns, goes on unseen.
        real: what sources do that have a handler of their own, by name, instead of following the script.
        watch: told of every start, before anything else happens.
    """

    script: Script
    act: Mapping[type[Behaviour], Callable[[Behaviour, Source], None]]
    watch: Callable[[Start], None]
    starts: list[Start] = field(default_factory=list)
    real: Mapping[str, Callable[[Context], Mapping[str, object]]] = field(default_factory=dict)

    def load(self, source: Source) -> Callable[[object, Context], dict[str, object]]:
        def handler(payload: object, context: Context) -> dict[str, object]:
            return self._run(source, payload, context)

        return handler

    def _run(self, source: Source, payload: object, context: Context) -> dict[str, object]:
        number = sum(start.trace_id == context.trace_id for start in self.starts)
        start = Start(context.trace_id, context.generation, context.attempt, context.effect_key("charge"), payload)
        self.starts.append(start)
        self.watch(start)
        if source.name in self.real:
            return {**self.real[source.name](context), "attempt": context.attempt}
        behaviour = self.script.behaviour(context.generation, number)
        if (act := self.act.get(type(behaviour))) is not None:
            act(behaviour, source)
        match behaviour:
            case Fails(retry_after_seconds):
                raise RetryableError("the other side is busy", retry_after_seconds=retry_after_seconds)
            case FailsForGood():
                raise PermanentError("no such customer")
            case Slow(heeds=True):
                context.raise_if_cancelled()
                return {"done": True, "attempt": context.attempt}
            case Ok(size):
                return {"done": True, "attempt": context.attempt, "filling": filling(size)}
            case _:
                return {"done": True, "attempt": context.attempt}


def filling(size: int) -> str:
    """`size` characters that do not compress well, the same every time."""
    return Random(size).randbytes(size // 2).hex() if size else ""  # noqa: S311 - test data
