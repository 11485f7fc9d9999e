"""One invocation of `workflow` as a process of its own: it may die, vanish, or go on when nobody waits for it any more.

It runs in a thread, and only ever one thread runs: whoever starts or continues it waits until it has ended or has let
go. So histories stay determined.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ReadTimeoutError

from tests.support.faults import ProcessDied

_local = threading.local()


class VanishedError(BaseException):
    """The process died and nobody will ever be told."""


class Suspended:
    """An invocation that goes on, `seconds` later, with nobody waiting for it."""

    def __init__(self, process: LambdaProcess, seconds: float) -> None:
        self.seconds = seconds
        self._process = process

    def go_on(self) -> None:
        """Let it go on to its end."""
        self._process.resume()


class LambdaProcess:
    """One invocation.

    Args:
        work: runs the function and gives its JSON answer.
        died: called when the process has ended before its time: the next invocation needs a new one.
        for_caller: a sync caller waits for it.
    """

    def __init__(self, work: Callable[[], dict[str, Any]], died: Callable[[], None], *, for_caller: bool) -> None:
        self.for_caller = for_caller
        self._work = work
        self._died = died
        self._outcome: tuple[dict[str, str], bytes] | None = None
        self._suspended: Suspended | None = None
        self._mine, self._others = threading.Semaphore(0), threading.Semaphore(0)
        self._thread = threading.Thread(target=self._run, daemon=True)

    @staticmethod
    def current() -> LambdaProcess:
        """The invocation whose thread this is."""
        process: LambdaProcess = _local.process
        return process

    def start(self) -> Suspended | None:
        """Run until it ends, or until it lets go of its invoker."""
        self._thread.start()
        self._others.acquire()
        return self._suspended

    def resume(self) -> None:
        """Run on to the end."""
        self._mine.release()
        self._others.acquire()

    def suspend(self, seconds: float) -> None:
        """Called in the process: let go of the invoker, and go on later."""
        self._suspended = Suspended(self, seconds)
        self._others.release()
        self._mine.acquire()

    def vanish(self) -> None:
        """Called in the process: end without a word."""
        raise VanishedError

    def answer(self, url: str) -> tuple[int, dict[str, str], bytes]:
        """What Lambda tells the invoker. Raises ReadTimeoutError if there is nothing to tell."""
        if self._suspended is not None or self._outcome is None:
            raise ReadTimeoutError(endpoint_url=url)
        headers, body = self._outcome
        return 200, headers, body

    def _run(self) -> None:
        _local.process = self
        try:
            self._outcome = {}, json.dumps(self._work()).encode()
        except VanishedError:
            self._died()
        except ProcessDied as death:
            self._died()
            self._outcome = _function_error("Runtime.ExitError", str(death))
        except Exception as error:  # noqa: BLE001 - Lambda tells the invoker of every exception
            self._outcome = _function_error(type(error).__name__, str(error))
        finally:
            self._others.release()


def _function_error(kind: str, message: str) -> tuple[dict[str, str], bytes]:
    told = {"errorType": kind, "errorMessage": message}
    return {"X-Amz-Function-Error": "Unhandled"}, json.dumps(told).encode()
