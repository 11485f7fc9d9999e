"""All assets of a deployment, built together under one lock."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tools.package.functions import FUNCTIONS, Handlers, stage_function
from tools.package.manifest import build_manifest
from tools.package.staging import Source, stage
from tools.package.vendor import Platform, build_vendor_layer

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Assets:
    """Folders that are ready to be uploaded."""

    core_layer: Path
    vendor_layer: Path
    functions: Mapping[str, Path]


def build_assets(platform: Platform, extra_handlers: tuple[Path, ...] = (), build: Path = ROOT / ".build") -> Assets:
    """Bring the assets up to date. What has not changed is left alone.

    Args:
        platform: Where the vendor layer's native code will run.
        extra_handlers: Folders of handlers beside `functions/workflow/handlers`.
        build: Where functions are staged; layers are always shared, in `.build/`.

    Raises:
        PackagingError: a dependency cannot be had, or the handlers have faults (all of them are told).
    """
    layers = ROOT / ".build" / "layers"
    handlers = Handlers(shipped=ROOT / "functions/workflow/handlers", extra=extra_handlers)
    with _one_at_a_time(layers), _one_at_a_time(build):
        manifest = build_manifest(ROOT, handlers, build / "manifest.json")
        return Assets(
            core_layer=_stage_core_layer(layers / "core"),
            vendor_layer=build_vendor_layer(ROOT, platform, layers),
            functions={
                name: stage_function(ROOT, name, build / "functions" / name, manifest=manifest, handlers=handlers)
                for name in FUNCTIONS
            },
        )


def _stage_core_layer(target: Path) -> Path:
    core = ROOT / "layers/core/python/workerflow"
    return stage([Source(core, "python/workerflow")], target, imported_from=Path("/opt"))


@contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    """Keep two builds off one folder: `make up` and an end-to-end test may want it at the same time."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
