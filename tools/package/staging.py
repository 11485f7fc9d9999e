"""Copy sources into an asset folder, byte-compiled, and only when they have changed.

Byte code goes along because Lambda's disk is read-only: without it, every cold start would compile every module again.
It is unchecked (PEP 552): it does not look at the source's time stamp, which a zip file would change.
"""

from __future__ import annotations

import hashlib
import json
import py_compile
import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tools.package.errors import PackagingError

_LEFT_OUT = frozenset({"__pycache__", "tests", ".DS_Store"})


@dataclass(frozen=True, slots=True)
class Source:
    """A file or folder, and where it goes inside the asset.

    `without` names paths below a folder that stay out.
    """

    path: Path
    to: str
    without: frozenset[str] = field(default_factory=frozenset)

    def files(self) -> Iterator[tuple[str, Path]]:
        """Each file with its place in the asset, in a fixed order."""
        if self.path.is_file():
            yield self.to, self.path
            return
        for file in sorted(path for path in self.path.rglob("*") if path.is_file()):
            relative = file.relative_to(self.path)
            if not _LEFT_OUT.intersection(relative.parts) and not self._leaves_out(relative):
                yield f"{self.to}/{relative.as_posix()}", file

    def _leaves_out(self, relative: Path) -> bool:
        return any(relative.is_relative_to(path) for path in self.without)


def stage(sources: Sequence[Source], target: Path, *, imported_from: Path) -> Path:
    """Make `target` hold exactly the sources' files and their byte code.

    Args:
        sources: What goes in. Two sources may not claim one place.
        target: The asset's folder; its fingerprint is kept beside it.
        imported_from: Where Lambda unpacks the asset; tracebacks show it.

    Returns:
        `target`.
    """
    files = _placed(sources)
    fingerprint = fingerprint_of(files.items())
    if is_current(target, fingerprint):
        return target
    fresh = target.with_name(f"{target.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    for place, file in files.items():
        copy = fresh / place
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, copy)
    compile_folder(fresh, imported_from)
    return put_in_place(fresh, target, fingerprint)


def compile_folder(folder: Path, imported_from: Path) -> None:
    """Add byte code to every module of a folder."""
    for module in sorted(folder.rglob("*.py")):
        py_compile.compile(
            str(module),
            dfile=str(imported_from / module.relative_to(folder)),
            doraise=True,
            invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
        )


def fingerprint_of(files: Iterable[tuple[str, Path]]) -> str:
    """Stands for the files' places and contents, and for the Python whose byte code is packaged."""
    seen = [[place, hashlib.sha256(file.read_bytes()).hexdigest()] for place, file in sorted(files)]
    return hashlib.sha256(json.dumps([sys.implementation.cache_tag, seen]).encode()).hexdigest()


def is_current(target: Path, fingerprint: str) -> bool:
    """Whether `target` was built from exactly this."""
    stamp = _stamp_of(target)
    return target.is_dir() and stamp.is_file() and stamp.read_text() == fingerprint


def put_in_place(fresh: Path, target: Path, fingerprint: str) -> Path:
    """Replace `target`. The stamp goes first and comes last: a build that is cut short is never taken for a whole."""
    _stamp_of(target).unlink(missing_ok=True)
    shutil.rmtree(target, ignore_errors=True)
    fresh.rename(target)
    _stamp_of(target).write_text(fingerprint)
    return target


def _stamp_of(target: Path) -> Path:
    return target.with_name(f"{target.name}.stamp")


def _placed(sources: Sequence[Source]) -> dict[str, Path]:
    files: dict[str, Path] = {}
    for place, file in (pair for source in sources for pair in source.files()):
        if place in files and files[place] != file:
            raise PackagingError(f"{file} and {files[place]} would both become {place}.")
        files[place] = file
    return files
