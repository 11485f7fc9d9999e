"""Stage the functions: each gets its own folder, the manifest if it reads it, and only `workflow` gets handlers."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tools.package.pages import TEMPLATES, page_sources
from tools.package.staging import Source, stage

FUNCTIONS = ("ingress", "consumer", "workflow", "scheduler", "dashboard")
READ_THE_MANIFEST = frozenset(FUNCTIONS)
# What Lambda's disk calls the place into which an asset is unpacked.
TASK_ROOT = Path("/var/task")


@dataclass(frozen=True, slots=True)
class Handlers:
    """Where handlers are: the folder of the repository, and other folders that become the package `extra_handlers`."""

    shipped: Path
    extra: tuple[Path, ...] = ()

    def sources(self) -> list[Source]:
        """What of them goes into the asset of `workflow`, beside its own folder."""
        return [
            Source(file, f"extra_handlers/{file.name}") for folder in self.extra for file in sorted(folder.glob("*.py"))
        ]


def extra_folders(environ: Mapping[str, str]) -> tuple[Path, ...]:
    """The folders that WORKERFLOW_HANDLERS names, joined like PATH."""
    return tuple(Path(path).resolve() for path in environ.get("WORKERFLOW_HANDLERS", "").split(os.pathsep) if path)


def stage_function(root: Path, name: str, target: Path, *, manifest: Path, handlers: Handlers) -> Path:
    """Bring the asset of the function `name` up to date; returns `target`."""
    left_out = frozenset({TEMPLATES}) if name == "dashboard" else frozenset[str]()
    sources = [
        Source(root / "functions/__init__.py", "functions/__init__.py"),
        Source(root / "functions" / name, f"functions/{name}", without=left_out),
    ]
    if name in READ_THE_MANIFEST:
        sources.append(Source(manifest, f"functions/{name}/manifest.json"))
    if name == "workflow":
        sources += handlers.sources()
    if name == "dashboard":
        sources += page_sources(root, target.parent)
    return stage(sources, target, imported_from=TASK_ROOT)
