"""Which places of the code call AWS, as the source tells it; and which of them a history passed through.

A place is a function with the call that it makes: `dynamodb/database.py Database.get -> get_item` where a client is
called, `dynamodb/runs.py DynamoRuns.write -> transact` where a store calls the database, and
`services/sweep.py Sweep._move -> cursors.move_cursor` where a service calls a port behind which AWS is.
"""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import override

import botocore.session
from botocore import xform_name

import workerflow
from workerflow.ports.cleanup import CleanupStore
from workerflow.ports.error_groups import ErrorGroupStore
from workerflow.ports.objects import ObjectStore
from workerflow.ports.operations import BulkStore, OperationStore, SessionStore, TokenStore
from workerflow.ports.rollups import RollupStore
from workerflow.ports.schedules import ScheduleStore
from workerflow.ports.stores import (
    AcceptanceStore,
    AuditLog,
    BlobStore,
    CursorStore,
    ReplayStore,
    RunStore,
    SwitchStore,
)
from workerflow.ports.tenants import RateLimits, RefusedCalls, SlotStore, TenantsStore
from workerflow.ports.world import DeadMessageQueue, Deliveries, QueueGauge, SecretNames, TaskQueue, WorkflowInvoker

CORE = Path(workerflow.__file__).parent
FUNCTIONS = Path(__file__).parents[2] / "functions"
SERVICES = ("dynamodb", "sqs", "s3", "lambda", "secretsmanager")
PORTS_ON_AWS: tuple[type, ...] = (
    AcceptanceStore,
    RunStore,
    ReplayStore,
    SwitchStore,
    CursorStore,
    AuditLog,
    BlobStore,
    TaskQueue,
    QueueGauge,
    DeadMessageQueue,
    Deliveries,
    WorkflowInvoker,
    ScheduleStore,
    TenantsStore,
    RateLimits,
    SlotStore,
    RefusedCalls,
    RollupStore,
    ObjectStore,
    CleanupStore,
    BulkStore,
    ErrorGroupStore,
    OperationStore,
    TokenStore,
    SessionStore,
    SecretNames,
)
PURE = frozenset({"holds"})
"""Methods of these ports that call nobody."""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A function, by file and qualified name."""

    file: str
    function: str


@dataclass(frozen=True, slots=True, order=True)
class CallSite:
    """A function and what it calls."""

    place: Place
    callee: str

    @override
    def __str__(self) -> str:
        return f"{self.place.file} {self.place.function} -> {self.callee}"


def adapter_sites() -> set[CallSite]:
    """Every place in the adapters that calls an AWS client or the database."""
    return {site for path in sorted((CORE / "adapters").rglob("*.py")) for site in _sites(path, _aws_callee)}


def service_sites() -> set[CallSite]:
    """Every place in the services and doors that calls a port behind which AWS is."""
    paths = [*sorted((CORE / "services").glob("*.py")), *sorted(FUNCTIONS.glob("*/*.py"))]
    methods = _methods_by_name(paths)
    return {site for path in paths for site in _sites(path, lambda call: _port_callee(call, methods))}


def places_on_stack() -> frozenset[Place]:
    """Our own functions on the stack of the call that begins right now."""
    found = set()
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        path = frame.f_code.co_filename
        if path.startswith((str(CORE), str(FUNCTIONS))):
            found.add(Place(_short(Path(path)), frame.f_code.co_qualname.replace(".<locals>.<lambda>", "")))
        frame = frame.f_back
    return frozenset(found)


def _short(path: Path) -> str:
    root = CORE if path.is_relative_to(CORE) else FUNCTIONS.parent
    return str(path.relative_to(root))


def _sites(path: Path, callee_of: Callable[[ast.Call], str | None]) -> Iterator[CallSite]:
    for name, function in _functions(ast.parse(path.read_text()), ""):
        for node in ast.walk(function):
            callee = callee_of(node) if isinstance(node, ast.Call) else None
            if callee is not None:
                yield CallSite(Place(_short(path), name), callee)


def _functions(node: ast.AST, prefix: str) -> Iterator[tuple[str, ast.AST]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ClassDef):
            yield from _functions(child, f"{prefix}{child.name}.")
        elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"{prefix}{child.name}", child


def _aws_operations() -> frozenset[str]:
    session = botocore.session.get_session()
    models = (session.get_service_model(service) for service in SERVICES)
    return frozenset(xform_name(name) for model in models for name in model.operation_names)


OPERATIONS = _aws_operations()
DATABASE_VERBS = frozenset({"get", "get_many", "query", "count", "put", "update", "delete", "put_many", "transact"})


def _aws_callee(call: ast.Call) -> str | None:
    if not isinstance(call.func, ast.Attribute):
        return None
    receiver = ast.unparse(call.func.value)
    if receiver.endswith("database"):
        return call.func.attr if call.func.attr in DATABASE_VERBS else None
    if receiver.endswith("_trail"):  # a transaction that ends with what tells of it
        return "transact" if call.func.attr == "write" else None
    return call.func.attr if call.func.attr in OPERATIONS and "client" in receiver else None


def _methods_by_name(paths: Iterable[Path]) -> dict[str, frozenset[str]]:
    """The methods that may be called on a name: on every field and argument whose type is a port on AWS."""
    methods = {port.__name__: _methods_of(port) for port in PORTS_ON_AWS}
    found: dict[str, frozenset[str]] = {}
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.AnnAssign | ast.arg) and node.annotation is not None:
                name = ast.unparse(node.target) if isinstance(node, ast.AnnAssign) else node.arg
                found[name] = found.get(name, frozenset()) | methods.get(ast.unparse(node.annotation), frozenset())
    return found


def _methods_of(port: type) -> frozenset[str]:
    return frozenset(name for name, value in vars(port).items() if inspect.isfunction(value) and name[0] != "_") - PURE


def _port_callee(call: ast.Call, methods: Mapping[str, frozenset[str]]) -> str | None:
    if not isinstance(call.func, ast.Attribute):
        return None
    name = ast.unparse(call.func.value).rpartition(".")[2]
    return f"{name}.{call.func.attr}" if call.func.attr in methods.get(name, frozenset()) else None


@dataclass(frozen=True, slots=True)
class Passage:
    """One call of a history: its operation, and our functions on the way to it."""

    operation: str
    places: frozenset[Place]

    def went_through(self, site: CallSite) -> bool:
        """Whether this is a call of `site`."""
        return site.place in self.places and self._called(site.callee)

    def _called(self, callee: str) -> bool:
        method = callee.rpartition(".")[2]
        if method == xform_name(self.operation):
            return True
        return any(place.function.endswith(f".{method}") for place in self.places if "adapters/" in place.file)
