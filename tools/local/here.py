"""Where the stack of `make up` is on this machine, for every command that has to do with it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from tools.local.emulator import ROOT, LocalStackError
from tools.local.stack import LocalStack

STATE = ROOT / ".local/stack"
DEFAULT_PORT = 4566
HIGHEST_PORT = 65535


def port_of(state: Path) -> int:
    """WORKERFLOW_PORT; without it, the port that the stack was deployed for, or the usual one.

    Raises:
        LocalStackError: WORKERFLOW_PORT is no port.
    """
    kept = state / "port"
    text = os.environ.get("WORKERFLOW_PORT") or (kept.read_text() if kept.is_file() else str(DEFAULT_PORT))
    if not (text.isascii() and text.isdigit() and 0 < int(text) <= HIGHEST_PORT):
        raise LocalStackError(f"WORKERFLOW_PORT is {text!r}, which is no port.")
    return int(text)


def client_here(service: str) -> Any:  # noqa: ANN401 - boto's clients have no common type
    """A client of the running stack for one AWS service.

    Raises:
        LocalStackError: it does not run.
    """
    stack = LocalStack(port_of(STATE), STATE)
    if stack.emulator.pid() is None:
        raise LocalStackError("WorkerFlow is not running here: run `make up`.")
    return stack.client(service)
