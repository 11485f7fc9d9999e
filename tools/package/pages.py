"""What the dashboard's pages are made of: compiled templates, and htmx as npm's lock file names it.

functions/dashboard/templates/*.html --compiled--> functions/dashboard/compiled/*.py
node_modules/htmx.org/dist/htmx.min.js ----------> functions/dashboard/assets/htmx.min.js
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tools.package.errors import PackagingError
from tools.package.staging import Source, fingerprint_of, is_current, put_in_place

HTMX = "node_modules/htmx.org/dist/htmx.min.js"
TEMPLATES = "templates"
"""Below the function's folder; left out of its asset, which has the compiled ones."""
_MADE_BY = (
    "tools/compile_templates.py",
    "functions/dashboard/pages/rendering.py",
    "functions/dashboard/pages/words.py",
    "uv.lock",
)


def page_sources(root: Path, build: Path) -> list[Source]:
    """What goes into the asset of `dashboard` beside its own folder.

    Args:
        root: of the repository.
        build: where compiled templates are kept until something changes that they are made of.

    Raises:
        PackagingError: a template is faulty, or htmx is not installed.
    """
    htmx = root / HTMX
    if not htmx.is_file():
        raise PackagingError("htmx is not installed: run `make setup`.")
    compiled = _compiled(root, build / "compiled-templates")
    return [
        Source(compiled, "functions/dashboard/compiled"),
        Source(htmx, "functions/dashboard/assets/htmx.min.js"),
    ]


def _compiled(root: Path, target: Path) -> Path:
    templates = Source(root / "functions/dashboard" / TEMPLATES, TEMPLATES)
    fingerprint = fingerprint_of([*templates.files(), *((name, root / name) for name in _MADE_BY)])
    if is_current(target, fingerprint):
        return target
    fresh = target.with_name(f"{target.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    _compile(root, fresh)
    return put_in_place(fresh, target, fingerprint)


def _compile(root: Path, target: Path) -> None:
    """Compile in a process of its own: the template engine is imported there, and nowhere else while packaging."""
    path = f"{root}:{root / 'layers/core/python'}"
    done = subprocess.run(
        [sys.executable, "-m", "tools.compile_templates", str(target)],
        cwd=root,
        env=os.environ | {"PYTHONPATH": path, "PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise PackagingError(f"the dashboard's templates cannot be compiled:\n{done.stderr.strip()}")
