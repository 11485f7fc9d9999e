"""Commands for whoever develops and operates, run from the project's folder as `.venv/bin/python -m tools.<name>`.

Functions find the core in their layer. So does a command here, whatever the shell's PYTHONPATH is.
"""

from __future__ import annotations

import sys
from pathlib import Path

_LAYER = str(Path(__file__).resolve().parents[1] / "layers/core/python")
if _LAYER not in sys.path:
    sys.path.append(_LAYER)
