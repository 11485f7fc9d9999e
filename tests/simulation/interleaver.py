"""Runs several actors as one: at every call to a port, chance decides who goes on.

Each actor is a thread, but only one of them runs at any time, so that a history is determined by its seed, on a plain
in-memory store as well as on moto. Time passes between the steps, also inside an invocation: without that, a missing
fencing token would never be seen.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from random import Random
from typing import Any


class Interleaver:
    """One history.

    Attributes:
        chance: decides who goes on.
        between: called before each step, with nobody running; lets time pass.
    """

    def __init__(self, chance: Random, between: Callable[[], None]) -> None:
        self._chance = chance
        self._between = between
        self._turn = threading.Semaphore(0)
        self._local = threading.local()
        self._faults: list[BaseException] = []
        self.steps = 0

    def run(self, actors: Sequence[Callable[[], object]]) -> None:
        """Run all actors to their end; raises what one of them raised."""
        waiting = [_Actor(self, actor) for actor in actors]
        while waiting:
            self._between()
            actor = self._chance.choice(waiting)
            self.steps += 1
            if actor.go_on():
                waiting.remove(actor)
        if self._faults:
            raise self._faults[0]

    def pause(self) -> None:
        """Called by an actor before it touches the world: others may go first. Outside of actors, nothing happens."""
        actor: _Actor | None = getattr(self._local, "actor", None)
        if actor is not None:
            self._turn.release()
            actor.gate.acquire()

    def wrap(self, port: Any) -> Any:
        """The port, with a pause before each call."""
        return _Paused(self, port)


class _Actor:
    def __init__(self, interleaver: Interleaver, work: Callable[[], object]) -> None:
        self._interleaver = interleaver
        self._work = work
        self.gate = threading.Semaphore(0)
        self._ended = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def go_on(self) -> bool:
        """Let it run up to its next pause; True if it has ended."""
        self.gate.release()
        self._interleaver._turn.acquire()
        return self._ended

    def _run(self) -> None:
        self._interleaver._local.actor = self
        self.gate.acquire()
        try:
            self._work()
        except BaseException as error:  # noqa: BLE001 - told by `run`, on the test's own thread
            self._interleaver._faults.append(error)
        finally:
            self._ended = True
            self._interleaver._turn.release()


class _Paused:
    def __init__(self, interleaver: Interleaver, port: Any) -> None:
        self._interleaver = interleaver
        self._port = port

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._port, name)

        def paused(*args: Any, **named: Any) -> Any:
            self._interleaver.pause()
            return method(*args, **named)

        return paused
