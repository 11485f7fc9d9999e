"""INIT: everything that a process does before its first call.

import of functions/<name>/__init__.py -> begin() -> imports, wiring, clients -> complete() -> first call

Importing the SDK and making its clients allocates half a million objects, nearly all of which live as long as the
process. Python's cyclic collector traverses them again and again meanwhile, and finds nothing: a fifth of INIT's CPU
(measured by `make bench`). So it rests until INIT is over, and what exists then is not looked at any more (gc.freeze).
"""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Mapping


def is_on_lambda(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether this process is a Lambda function (or its emulator), which had better be ready before its first call."""
    return "AWS_LAMBDA_FUNCTION_NAME" in environ


def begin() -> None:
    """INIT begins. Whoever calls this calls `complete`, or cycles are never collected again."""
    if is_on_lambda():
        gc.disable()


def complete(wire: Callable[[], object]) -> None:
    """INIT ends with the wiring, which has more CPU now than in the first call; elsewhere the first call wires."""
    if is_on_lambda():
        wire()
        gc.freeze()
        gc.enable()
