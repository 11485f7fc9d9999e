"""Any service, joined to a world in memory by the types of what it needs; a new one is joined without being told of."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import typing
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any

import workerflow.services
from tests.fakes.world import FakeWorld
from workerflow.domain.access_keys import MASTER_BYTES, AccessKeys
from workerflow.domain.manifest import Manifest
from workerflow.domain.run import LetterClass
from workerflow.ports import cleanup, error_groups, objects, operations, rollups, schedules, stores, tenants, world
from workerflow.services.accept_task import Retention
from workerflow.services.retry_letters import RetryRules

DAY_S = 24 * 3600
_PLACES: dict[type[Any], str] = {
    stores.AcceptanceStore: "acceptances",
    stores.RunStore: "runs",
    stores.ReplayStore: "replays",
    stores.SwitchStore: "switches",
    stores.CursorStore: "cursors",
    stores.AuditLog: "audit",
    stores.BlobStore: "blobs",
    objects.ObjectStore: "blobs",
    cleanup.CleanupStore: "cleanup",
    rollups.RollupStore: "rollups",
    operations.OperationStore: "operations",
    operations.TokenStore: "tokens",
    operations.SessionStore: "sessions",
    operations.BulkStore: "bulk",
    error_groups.ErrorGroupStore: "error_groups",
    schedules.ScheduleStore: "schedules",
    tenants.TenantsStore: "tenants",
    tenants.RateLimits: "rate_limits",
    tenants.SlotStore: "slots",
    tenants.RefusedCalls: "refused_calls",
    world.Clock: "clock",
    world.Ids: "ids",
    world.TaskQueue: "queue",
    world.QueueGauge: "queue_gauge",
    world.DeadMessageQueue: "dead_messages",
    world.WorkflowInvoker: "invoker",
    world.HandlerRunner: "runner",
    world.PayloadSchemas: "schemas",
    world.SecretNames: "secret_names",
    world.Faults: "faults",
    world.Signals: "signals",
}


@cache
def services() -> dict[str, type[Any]]:
    """Every service: what stands on a port, or on another service."""
    return {kind.__name__: kind for kind in _classes() if _needs(kind) & _joinable()}


def _classes() -> Iterator[type[Any]]:
    for found in pkgutil.iter_modules(workerflow.services.__path__):
        module = importlib.import_module(f"workerflow.services.{found.name}")
        for name, kind in vars(module).items():
            if inspect.isclass(kind) and kind.__module__ == module.__name__ and is_dataclass(kind) and name[0] != "_":
                yield kind


def _needs(kind: type[Any]) -> frozenset[Any]:
    return frozenset(hint for hint in typing.get_type_hints(kind).values() if inspect.isclass(hint))


@cache
def _joinable() -> set[Any]:
    known: set[Any] = set(_PLACES)
    for _ in range(4):  # services on services on services
        known |= {kind for kind in _classes() if _needs(kind) & known}
    return known


class Joined:
    """The services of one world, each made once."""

    def __init__(self, world: FakeWorld, manifest: Manifest) -> None:
        self.world = world
        self._values: dict[Any, Any] = {
            Manifest: manifest,
            AccessKeys: AccessKeys.derive(b"m" * MASTER_BYTES),
            Retention: Retention(retention_seconds=30 * DAY_S, deadline_seconds=DAY_S),
            RetryRules: RetryRules(frozenset(LetterClass), 0, 40 * DAY_S, 10, 20),
        }
        self._named: dict[str, Any] = {
            "retention_seconds": 30 * DAY_S,
            "wait_seconds": 1.0,
            "pages_a_keep": 1,
            "prefix": "workerflow/dev/",
        }
        self._special: dict[str, Callable[[], Any]] = {
            "RetryLetters.cursors": lambda: world.retry_cursors,
            "CappedRuns.queue": lambda: lambda: world.queue,
            "WorkBulk.act": lambda: self.get(services()["ActOnLetter"]),
            "Tick.tenants": lambda: self.get(services()["KnownTenants"]),
        }

    def get(self, kind: type[Any]) -> Any:
        """The service, or whatever else a service needs."""
        if kind in _PLACES:
            return getattr(self.world, _PLACES[kind])
        if kind not in self._values:
            self._values[kind] = self._make(kind)
        return self._values[kind]

    def _make(self, kind: type[Any]) -> Any:
        hints = typing.get_type_hints(kind)
        needed = [one.name for one in fields(kind) if one.init and not one.name.startswith("_")]
        return kind(**{name: self._value(kind, name, hints[name]) for name in needed})

    def _value(self, kind: type[Any], name: str, hint: Any) -> Any:
        special = f"{kind.__name__}.{name}"
        if special in self._special:
            return self._special[special]()
        if name in self._named:
            return self._named[name]
        hint = next((one for one in typing.get_args(hint) if one is not type(None)), hint)  # what may be left out
        assert inspect.isclass(hint), f"say what {special}: {hint} is"
        return self.get(hint)
