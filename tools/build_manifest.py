"""Build the manifest from the handlers' decorators: `python -m tools.build_manifest FOLDER [FOLDER...] OUTPUT.json`.

Every `*.py` of every folder is imported, under the very name that it has in Lambda, and all faults of all files are
reported at once, as `file:line: fault`; then nothing is written and the command exits with 1.

Which name that is follows from one rule, `handler_folders`:

    functions/workflow/handlers/orders.py   -> functions.workflow.handlers.orders     (the repository's own folder)
    any/other/folder/orders.py              -> extra_handlers.orders                  (every other folder)

Other folders are given as arguments or by WORKERFLOW_HANDLERS (paths, joined by `:`). Packaging copies their files,
not their subfolders, into one folder `extra_handlers` beside `functions`, so a file name may occur only once among
them. Files that begin with `_` are for the handlers' own use: packaged, importable, not searched for routes.
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

from workerflow.domain.errors import ManifestError
from workerflow.domain.manifest import Manifest, repeated_names
from workerflow.domain.route import Route
from workerflow.domain.route_rules import route_faults
from workerflow.handlers.declaration import Declaration, collecting, declarations_of

SHIPPED_FOLDER = Path("functions/workflow/handlers")
SHIPPED_PACKAGE = "functions.workflow.handlers"
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
        """The files that are searched for routes."""
        return sorted(path for path in self.path.glob("*.py") if not path.name.startswith("_"))


@dataclass(slots=True)
class Findings:
    """What the search has found so far."""

    routes: list[tuple[Route, str]] = field(default_factory=list)
    faults: list[tuple[str, int, str]] = field(default_factory=list)

    def fault(self, file: str, line: int, text: str) -> None:
        self.faults.append((file, line, " ".join(text.split())))

    def lines(self) -> list[str]:
        """The faults as they are printed, in the order of files and lines."""
        return [f"{file}:{line}: {text}" for file, line, text in sorted(set(self.faults))]


def handler_folders(root: Path, paths: Sequence[Path], environment: Mapping[str, str]) -> list[HandlerFolder]:
    """Which folders are searched and packaged, and as what: `paths` and those that the environment names.

    Args:
        root: the repository.
        paths: folders, relative to `root` or absolute.
        environment: WORKERFLOW_HANDLERS may name more folders.
    """
    named = [Path(path) for path in environment.get(EXTRA_FOLDERS_VARIABLE, "").split(os.pathsep) if path]
    resolved = dict.fromkeys((root / path).resolve() for path in (*paths, *named))
    shipped = (root / SHIPPED_FOLDER).resolve()
    return [HandlerFolder(path, SHIPPED_PACKAGE if path == shipped else EXTRA_PACKAGE) for path in resolved]


def build(folders: Sequence[HandlerFolder], root: Path) -> Manifest:
    """Build the manifest of all handlers in `folders`.

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
    return Manifest.build(route for route, _ in findings.routes)


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
    print(f"{output}: {len(manifest.routes)} route(s), {manifest.digest[:12]}")
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
    return name == EXTRA_PACKAGE or name.startswith((f"{SHIPPED_PACKAGE}.", f"{EXTRA_PACKAGE}."))


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
    """Import one file and add its routes, or what is wrong with it, to the findings."""
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
        findings.fault(shown, 1, "declares no route (a file that only helps others begins with _)")
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
    for declaration in declarations_of(function):
        route = _route_of(declaration, function)
        findings.routes.append((route, f"{shown}:{line}"))
        for text in (*route_faults(route), *schema_faults(route.schema), *signature_faults(function, route)):
            findings.fault(shown, line, f"route {route.name!r:.80}: {text}")


def _route_of(declaration: Declaration, function: Callable[..., Any]) -> Route:
    secrets: Any = declaration.secrets
    return Route(
        name=declaration.name,
        module=function.__module__,
        function=function.__name__,
        mode=declaration.mode,
        authentication=declaration.authentication,
        timeout_seconds=declaration.timeout_seconds,
        retry=declaration.retry,
        schema=declaration.schema,
        enabled=declaration.enabled,
        disabled_reason=declaration.disabled_reason,
        description=(inspect.getdoc(function) or "").partition("\n")[0],
        secrets=tuple(secrets) if isinstance(secrets, list) else secrets,
    )


def _find_repeats(findings: Findings) -> None:
    """Report every declaration of a name that occurs more than once, each with the place of another."""
    for name in repeated_names(route for route, _ in findings.routes):
        places = [place for route, place in findings.routes if route.name == name]
        for here, there in zip(places, (*places[1:], places[0]), strict=True):
            file, _, line = here.rpartition(":")
            findings.fault(file, int(line), f"route {name!r:.80}: declared more than once, also at {there}")


def signature_faults(function: Callable[..., Any], route: Route) -> list[str]:
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
    if route.mode == "async" and re.search(r"\bHttpResponse\b", returns):
        faults.append("an async route has nobody to send an HttpResponse to: return a dict, or make it sync")
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
