"""A caller of the deployed API, as a test needs one: signs, keeps the key, waits for runs, counts executions."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.local import Answer, LocalStack

ENDED = frozenset({"succeeded", "failed", "cancelled", "skipped", "abandoned"})
PATIENCE_SECONDS = 90.0
PAUSE_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Execution:
    """One attempt that a handler really began, as it marked it itself."""

    trace_id: str
    attempt: int
    process: int


@dataclass(frozen=True, slots=True)
class Call:
    """A call that was made, its answer, and how long that took."""

    route: str
    key: str
    body: bytes
    marks: Path
    answer: Answer
    seconds: float

    @property
    def trace_id(self) -> str:
        """The task's name, as the answer tells it."""
        return self.answer.headers["x-trace-id"]

    @property
    def executions(self) -> list[Execution]:
        """Every attempt that began, in order."""
        if not self.marks.is_file():
            return []
        lines = (line.split() for line in self.marks.read_text().splitlines())
        return [Execution(trace_id, int(attempt), int(process)) for trace_id, attempt, process in lines]

    @property
    def attempts(self) -> list[int]:
        """The numbers of the attempts that began."""
        return [execution.attempt for execution in self.executions]


@dataclass(frozen=True, slots=True)
class Api:
    """Calls routes of the stack. `folder` is where handlers leave their marks, a file for each key."""

    stack: LocalStack
    folder: Path

    def call(self, route: str, *, key: str | None = None, **payload: Any) -> Call:
        """POST a signed call; `payload` also tells the handler where to leave its marks."""
        key = key or f"{route}-{uuid.uuid4().hex[:12]}"
        return self.call_with(route, key, self.payload(key, **payload))

    def payload(self, key: str, **payload: Any) -> bytes:
        """A payload that tells the handler where to leave its marks."""
        return json.dumps({"marks": str(self.folder / key), **payload}).encode()

    def call_with(self, route: str, key: str, body: bytes) -> Call:
        """POST a signed call with exactly this key and body."""
        begun = time.monotonic()
        answer = self.stack.post_signed(f"/api/{route}", body, key)
        return Call(route, key, body, self.folder / key, answer, time.monotonic() - begun)

    def repeat(self, call: Call) -> Call:
        """The same call once more: same key, same body."""
        return self.call_with(call.route, call.key, call.body)

    def start(self, route: str, **payload: Any) -> Call:
        """POST to an async route, which takes it: 202."""
        call = self.call(route, **payload)
        assert call.answer.status == 202, call.answer
        return call

    def run(self, trace_id: str) -> dict[str, Any]:
        """The run as the API tells it."""
        answer = self.stack.run(trace_id)
        assert answer.status == 200, answer
        document: dict[str, Any] = answer.json()
        return document

    def ended(self, trace_id: str, seconds: float = PATIENCE_SECONDS) -> dict[str, Any]:
        """The run, when it has ended."""
        return self.run_when(trace_id, lambda run: run["state"] in ENDED, seconds)

    def run_when(
        self, trace_id: str, is_so: Callable[[dict[str, Any]], bool], seconds: float = PATIENCE_SECONDS
    ) -> dict[str, Any]:
        """The run, as soon as `is_so` of it."""
        return eventually(lambda: self.run(trace_id), is_so, seconds)


def eventually[T](look: Callable[[], T], is_so: Callable[[T], bool], seconds: float = PATIENCE_SECONDS) -> T:
    """What `look` sees, as soon as `is_so` of it; the test fails with the last sight if it never is."""
    deadline = time.monotonic() + seconds
    while not is_so(seen := look()):
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {seen}"
        time.sleep(PAUSE_SECONDS)
    return seen
