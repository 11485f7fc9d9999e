"""Have the manifest built, in a process of its own: handlers are imported there, and nowhere else while packaging."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tools.package.errors import PackagingError
from tools.package.functions import Handlers


def build_manifest(root: Path, handlers: Handlers, output: Path) -> Path:
    """Build the manifest of all routes into `output`.

    Raises:
        PackagingError: with every fault of every handler, as `file:line: fault`.
    """
    environment = os.environ | {"PYTHONPATH": f"{root}:{root / 'layers/core/python'}", "WORKERFLOW_HANDLERS": ""}
    folders = [str(handlers.shipped), *(str(folder) for folder in handlers.extra)]
    done = subprocess.run(
        [sys.executable, "-m", "tools.build_manifest", *folders, str(output)],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise PackagingError(f"the handlers have faults:\n{done.stderr.strip()}")
    return output
