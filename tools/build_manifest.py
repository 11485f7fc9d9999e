"""Build the manifest from the handlers' decorators: `python -m tools.build_manifest FOLDER [FOLDER...] OUTPUT.json`.

Every `*.py` of every folder is imported, under the very name that it has in Lambda, and all faults of all files are
reported at once, as `file:line: fault`; then nothing is written and the command exits with 1.

Which name that is follows from one rule, `handler_folders`:

    functions/workflow/handlers/orders.py   -> functions.workflow.handlers.orders     (the repository's own folder)
    any/other/folder/orders.py              -> extra_handlers.orders                  (every other folder)
    functions/workflow/builtin/pulse.py     -> functions.workflow.builtin.pulse       (the platform's; always searched)

Other folders are given as arguments or by WORKERFLOW_HANDLERS (paths, joined by `:`). Packaging copies their files,
not their subfolders, into one folder `extra_handlers` beside `functions`, so a file name may occur only once among
them. Files that begin with `_` are for the handlers' own use: packaged, importable, not searched. What the platform
itself runs is found in the same way, and its names are taken.
"""

from __future__ import annotations

import importlib
import inspect
import os
import re
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import jsonschema_rs

from workerflow.domain.cron import zone_faults
from workerflow.domain.errors import ManifestError
from workerflow.domain.manifest import Manifest, repeated_names
from workerflow.domain.route import Route
from workerflow.domain.route_rules import route_faults
from workerflow.domain.schedule import Schedule
from workerflow.domain.schedule_rules import schedule_faults
from workerflow.domain.source import Source
from workerflow.handlers.declaration import collecting, declarations_of

SHIPPED_FOLDER = Path("functions/workflow/handlers")
SHIPPED_PACKAGE = "functions.workflow.handlers"
BUILTIN_FOLDER = Path("functions/workflow/builtin")
BUILTIN_PACKAGE = "functions.workflow.builtin"
EXTRA_PACKAGE = "extra_handlers"
EXTRA_FOLDERS_VARIABLE = "WORKERFLOW_HANDLERS"
DRAFT = "https://json-schema.org/draft/2020-12/schema"

_USAGE = "usage: python -m tools.build_manifest FOLDER [FOLDER...] OUTPUT.json"


@dataclass(frozen=True, slots=True)
class HandlerFolder:
    """A folder of handlers and the package as which Lambda sees its files."""

    path: Path
    package: str

    def files(self) -> list[Path]:
        """The files that are searched for routes and schedules."""
        return sorted(path for path in self.path.glob("*.py") if not path.name.startswith("_"))


@dataclass(frozen=True, slots=True)
class Found:
    """A route or schedule, and where its handler is."""

    source: Source
    file: str
    line: int

    @property
    def place(self) -> str:
        return f"{self.file}:{self.line}"

    @property
    def is_built_in(self) -> bool:
        return self.source.module.startswith(f"{BUILTIN_PACKAGE}.")


@dataclass(slots=True)
class Findings:
    """What the search has found so far."""

    found: list[Found] = field(default_factory=list)
    faults: list[tuple[str, int, str]] = field(default_factory=list)

    def fault(self, file: str, line: int, text: str) -> None:
        self.faults.append((file, line, " ".join(text.split())))

    def lines(self) -> list[str]:
        """The faults as they are printed, in the order of files and lines."""
        return [f"{file}:{line}: {text}" for file, line, text in sorted(set(self.faults))]

    def of_kind[S: Source](self, kind: type[S]) -> list[S]:
        return [one.source for one in self.found if isinstance(one.source, kind)]


def handler_folders(root: Path, paths: Sequence[Path], environment: Mapping[str, str]) -> list[HandlerFolder]:
    """Which folders are searched and packaged, and as what: `paths`, the environment's, and the platform's own.

    Args:
        root: the repository.
        paths: folders, relative to `root` or absolute.
        environment: WORKERFLOW_HANDLERS may name more folders.
    """
    named = [Path(path) for path in environment.get(EXTRA_FOLDERS_VARIABLE, "").split(os.pathsep) if path]
    resolved = dict.fromkeys((root / path).resolve() for path in (*paths, *named, BUILTIN_FOLDER))
    own = {(root / BUILTIN_FOLDER).resolve(): BUILTIN_PACKAGE, (root / SHIPPED_FOLDER).resolve(): SHIPPED_PACKAGE}
    return [HandlerFolder(path, own.get(path, EXTRA_PACKAGE)) for path in resolved]


def build(folders: Sequence[HandlerFolder], root: Path) -> Manifest:
    """Build the manifest of all handlers in `folders`.

    Args:
        folders: as `handler_folders` tells them.
        root: what the places of faults are relative to.

    Raises:
        ManifestError: with every fault of every file, as `file:line: fault`.
    """
    findings = Findings()
    for folder in folders:
        if not folder.path.is_dir():
            findings.fault(_shown(folder.path, root), 1, "there is no such folder")
    _find_clashes(folders, root, findings)
    with _importable(folders, root), collecting() as declared:
        for folder in folders:
            for file in folder.files():
                _search_file(file, folder.package, declared, _shown(file, root), findings)
        _find_unpackaged(root, findings)
    _find_repeats(findings)
    if findings.faults:
        raise ManifestError(findings.lines())
    return Manifest.build(findings.of_kind(Route), findings.of_kind(Schedule))


def main(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run the command; returns its exit code."""
    if len(arguments) < 2 or not arguments[-1].endswith(".json"):  # noqa: PLR2004 - a folder and the output
        print(_USAGE, file=sys.stderr)
        return 2
    root = Path.cwd()
    output = Path(arguments[-1])
    try:
        manifest = build(handler_folders(root, [Path(path) for path in arguments[:-1]], environment), root)
    except ManifestError as error:
        print(f"{error}\n{len(error.faults)} fault(s): no manifest was written", file=sys.stderr)
        return 1
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(manifest.to_json(), encoding="utf-8")
    counts = f"{len(manifest.routes)} route(s), {len(manifest.schedules)} schedule(s)"
    print(f"{output}: {counts}, {manifest.digest[:12]}")
    return 0


@contextmanager
def _importable(folders: Sequence[HandlerFolder], root: Path) -> Iterator[None]:
    """Make the folders importable under their packages, freshly: from the files, not from an earlier import."""
    before, path, unwritten = dict(sys.modules), list(sys.path), sys.dont_write_bytecode
    sys.dont_write_bytecode = True  # leaves no traces in other people's folders, and finds no stale ones
    _forget_handlers()
    extra = ModuleType(EXTRA_PACKAGE)
    extra.__path__ = [str(folder.path) for folder in folders if folder.package == EXTRA_PACKAGE]
    sys.modules[EXTRA_PACKAGE] = extra
    sys.path.insert(0, str(root))
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path[:] = path
        sys.dont_write_bytecode = unwritten
        _forget_handlers()
        sys.modules.update({name: module for name, module in before.items() if _is_handler(name)})


def _is_handler(name: str) -> bool:
    packages = (BUILTIN_PACKAGE, SHIPPED_PACKAGE, EXTRA_PACKAGE)
    return name == EXTRA_PACKAGE or name.startswith(tuple(f"{package}." for package in packages))


def _forget_handlers() -> None:
    for name in [name for name in sys.modules if _is_handler(name)]:
        del sys.modules[name]


def _shown(path: Path, root: Path) -> str:
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)


def _find_clashes(folders: Sequence[HandlerFolder], root: Path, findings: Findings) -> None:
    seen: dict[str, Path] = {}
    for file in (file for folder in folders if folder.package == EXTRA_PACKAGE for file in folder.path.glob("*.py")):
        first = seen.setdefault(file.name, file)
        if first != file and file.name != "__init__.py":
            findings.fault(_shown(file, root), 1, f"{_shown(first, root)} has the same name: extra folders share one")


def _find_unpackaged(root: Path, findings: Findings) -> None:
    """Report what handlers imported from folders inside of extra folders: it would be missing in Lambda."""
    for name, module in list(sys.modules.items()):
        if name.startswith(f"{EXTRA_PACKAGE}.") and name.count(".") > 1 and module.__file__:
            findings.fault(
                _shown(Path(module.__file__), root), 1, f"{name}: of an extra folder only files are packaged"
            )


def _search_file(file: Path, package: str, declared: list[Callable[..., Any]], shown: str, findings: Findings) -> None:
    """Import one file and add its routes and schedules, or what is wrong with it, to the findings."""
    if not file.stem.isidentifier():
        findings.fault(shown, 1, f"{file.stem!r} is no name of a Python module")
        return
    name = f"{package}.{file.stem}"
    try:
        module = importlib.import_module(name)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever a handler's module raises is its fault
        findings.fault(shown, _line_in(file, error), f"cannot be imported: {type(error).__name__}: {error}")
        return
    functions = [function for function in declared if function.__module__ == name]
    if not functions:
        findings.fault(shown, 1, "declares neither route nor schedule (a file that only helps others begins with _)")
    for function in functions:
        _search_function(function, module, shown, findings)


def _line_in(file: Path, error: BaseException) -> int:
    """The line of `file` that the import failed at."""
    if isinstance(error, SyntaxError) and error.filename and Path(error.filename) == file:
        return error.lineno or 1
    frames = traceback.extract_tb(error.__traceback__)
    return next((frame.lineno or 1 for frame in reversed(frames) if Path(frame.filename) == file), 1)


def _search_function(function: Callable[..., Any], module: ModuleType, shown: str, findings: Findings) -> None:
    line = inspect.unwrap(function).__code__.co_firstlineno
    if function.__qualname__ != function.__name__:
        findings.fault(shown, line, f"{function.__qualname__} is not at the top of its module")
        return
    reached = getattr(module, function.__name__, None)
    if declarations_of(reached) != declarations_of(function):
        findings.fault(shown, line, f"{function.__name__} is replaced further down by another of the same name")
    for source in declarations_of(function):
        findings.found.append(Found(source, shown, line))
        for text in (*source_faults_of(source), *signature_faults(function, source)):
            findings.fault(shown, line, f"{_called(source)}: {text}")


def source_faults_of(source: Source) -> list[str]:
    """Everything that is wrong with a route or schedule by itself."""
    if isinstance(source, Route):
        return [*route_faults(source), *schema_faults(source.schema)]
    if isinstance(source, Schedule):
        return [*schedule_faults(source), *zone_faults(source.zone)]
    raise TypeError(f"no rules for {type(source).__name__}")


def _called(source: Source) -> str:
    kind = "route" if isinstance(source, Route) else "schedule"
    return f"{kind} {source.name!r:.80}"


def _find_repeats(findings: Findings) -> None:
    """Report every declaration of a name that occurs more than once, each with the place of another.

    A name that the platform uses is its own: only who takes it is told.
    """
    for kind in (Route, Schedule):
        for name in repeated_names(findings.of_kind(kind)):
            same = [one for one in findings.found if isinstance(one.source, kind) and one.source.name == name]
            for here, there in zip(same, (*same[1:], same[0]), strict=True):
                _report_repeat(here, there, next((one for one in same if one.is_built_in), None), findings)


def _report_repeat(here: Found, there: Found, built_in: Found | None, findings: Findings) -> None:
    if built_in is None or (here.is_built_in and there.is_built_in):
        text = f"declared more than once, also at {there.place}"
    elif here.is_built_in:
        return
    else:
        text = f"the name is the platform's own, at {built_in.place}"
    findings.fault(here.file, here.line, f"{_called(here.source)}: {text}")


def signature_faults(function: Callable[..., Any], source: Source) -> list[str]:
    """What keeps `workflow` from calling `function(payload, context)` and using what it returns."""
    if inspect.iscoroutinefunction(function) or inspect.isgeneratorfunction(function) or _is_async_generator(function):
        return ["the handler is a plain function, not `async def` and no generator"]
    signature = inspect.signature(function)
    faults = []
    try:
        signature.bind("payload", "context")
    except TypeError as error:
        faults.append(f"the handler is called as f(payload, context): {error}")
    returns = inspect.formatannotation(signature.return_annotation)
    if not source.answers_caller and re.search(r"\bHttpResponse\b", returns):
        whoever, choice = ("an async route", ", or make it sync") if isinstance(source, Route) else ("a schedule", "")
        faults.append(f"{whoever} has nobody to send an HttpResponse to: return a dict{choice}")
    return faults


def _is_async_generator(function: Callable[..., Any]) -> bool:
    return inspect.isasyncgenfunction(function)


def schema_faults(schema: Any) -> list[str]:  # noqa: ANN401 - an author's value, of any type
    """What is wrong with a payload schema: not Draft 2020-12, or it refers to what is not in it."""
    if not isinstance(schema, dict):
        return []  # None is none, and anything else is a fault of the route's own rules
    if schema.get("$schema", DRAFT) != DRAFT:
        return [f"schema: $schema is {schema['$schema']!r:.120}, only {DRAFT} is read"]
    meta = jsonschema_rs.Draft202012Validator({"$ref": DRAFT}, validate_formats=True, offline=True)
    try:
        found = [_schema_fault(error) for error in meta.iter_errors(schema)]
        if not found:
            jsonschema_rs.Draft202012Validator(schema, offline=True)  # as ingress does
    except jsonschema_rs.ValidationError as error:
        found = [_schema_fault(error)]
    except (ValueError, TypeError, RecursionError) as error:
        found = [f"schema: {error}"]
    return sorted(found)


def _schema_fault(error: jsonschema_rs.ValidationError) -> str:
    return f"schema: {_pointer(error.instance_path)}: {error.message}"


def _pointer(path: Iterable[str | int]) -> str:
    """A JSON pointer (RFC 6901); `#` is the schema itself."""
    return "#" + "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
