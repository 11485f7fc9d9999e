"""Everything that a deployment is made from, as one fingerprint: what has not changed is not deployed again."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from tools.local.emulator import ROOT
from tools.package.staging import fingerprint_of

_FOLDERS = ("functions", "infra", "layers", "tools/package", "tools/local")
_FILES = ("cdk.json", "uv.lock", "package-lock.json", "tools/build_manifest.py", "tools/emulator/uv.lock")


def fingerprint_of_deployment(handlers: tuple[Path, ...], settings: Mapping[str, str]) -> str:
    """Stands for all sources, the extra handlers and the settings of a deployment."""
    return json.dumps([fingerprint_of(_files(handlers)), sorted(settings.items())])


def _files(handlers: tuple[Path, ...]) -> Iterator[tuple[str, Path]]:
    for name in _FILES:
        yield name, ROOT / name
    for folder in (*(ROOT / name for name in _FOLDERS), *handlers):
        for file in folder.rglob("*"):
            if file.is_file() and "__pycache__" not in file.parts:
                yield str(file), file
