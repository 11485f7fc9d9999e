"""No tenant sees or disturbs another: every port and every service, called in one tenant's name with all of another's.

The calls are made from the methods' own parameters, so that a new port, method or parameter fails here until it is
said what a foreign value of it is. What a call finds must be what it would find if the other tenant did not exist.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
import typing
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest

import workerflow.ports
from tests.contract.worlds import Ports
from tests.fakes.world import FakeWorld
from tests.support.aws import aws_world
from tests.support.tenancy import Theft, World, belongings, rows_of, settle_in

PAIRS = [("a", "a-b"), ("a-b", "a"), ("a", "b"), ("acme", "acme-capped"), ("default", "a")]
"""Thief and owner. Their names begin alike, and like parts of keys."""

OF_NO_TENANT = {
    "Clock": "time is everybody's",
    "Ids": "so is chance",
    "TaskQueue": "a message names its task, which is looked up in its tenant's name",
    "QueueGauge": "how many messages of all tenants there are",
    "DeadMessageQueue": "as above",
    "Deliveries": "receipts of the batch in hand",
    "WorkflowInvoker": "a message names its task",
    "HandlerRunner": "gets the acceptance that was read in its tenant's name",
    "PayloadSchemas": "routes are of the deployment",
    "Secrets": "has its own tests below",
    "SecretNames": "asked by whole names, which begin with the tenant's",
    "Faults": "the operator's log",
    "Signals": "the operator's metrics",
    "TenantsStore": "the operator's file",
    "AccessKeySource": "the dashboard's keys, which are of the deployment",
    "TokenStore": "who comes with a token: whose name he may use is known then",
    "SessionStore": "as above",
}
OF_ALL_TENANTS = {
    "ScheduleStore.due": "the tick's index, which holds names and times of all tenants",
    "ScheduleStore.get_mark": "the tick's own",
    "ScheduleStore.write_mark": "the tick's own",
    "RunStore.holds": "pure",
    "BulkStore.list_running": "the tick's, which holds ids of jobs of all tenants",
}


@contextmanager
def in_memory() -> Iterator[World]:
    yield FakeWorld()


WORLDS: dict[str, Callable[[], AbstractContextManager[World]]] = {"in memory": in_memory, "on AWS": aws_world}
CASES = [(*pair, "in memory") for pair in PAIRS] + [
    pytest.param(*pair, "on AWS", marks=pytest.mark.slow) for pair in PAIRS[:2]
]


def modules_of(package: Any) -> Iterator[Any]:
    for found in pkgutil.iter_modules(package.__path__):
        yield importlib.import_module(f"{package.__name__}.{found.name}")


def protocols() -> dict[str, type[Any]]:
    return {
        name: kind
        for module in modules_of(workerflow.ports)
        for name, kind in vars(module).items()
        if inspect.isclass(kind) and kind.__module__ == module.__name__ and getattr(kind, "_is_protocol", False)
    }


def is_read(function: Callable[..., Any]) -> bool:
    return function.__name__.partition("_")[0] in {"get", "find", "list", "lineage", "held", "due", "count", "view"}


def methods() -> list[tuple[str, str, Callable[..., Any]]]:
    """Name, place in a world, and signature of every method that has to do with a tenant; reads come first."""
    return sorted(_methods(), key=lambda one: (not is_read(one[2]), one[0]))


def _methods() -> Iterator[tuple[str, str, Callable[..., Any]]]:
    places = {hint.__name__: name for name, hint in typing.get_type_hints(Ports).items() if inspect.isclass(hint)}
    for protocol, kind in protocols().items():
        if protocol in OF_NO_TENANT:
            continue
        for name, function in vars(kind).items():
            full = f"{protocol}.{name}"
            if inspect.isfunction(function) and not name.startswith("_") and full not in OF_ALL_TENANTS:
                yield full, places[protocol], function


def outcomes(world: World, theft: Theft) -> dict[str, str]:
    """What every call finds or does, in order; its owner's rows are looked at after each."""
    before, found = rows_of(world, theft.owned.tenant), {}
    for full, place, function in methods():
        port = getattr(world, "blobs" if place == "objects" else place)
        for number, arguments in enumerate(theft.arguments_of(function)):
            try:
                outcome = repr(getattr(port, function.__name__)(**arguments))
            except Exception as error:  # noqa: BLE001 - whatever it is, it must be the same without the other
                outcome = repr(error)
            found[f"{full} {number}: {arguments}"] = re.sub(r"modified_at_ms=\d+", "", outcome)
            if theft.thief != theft.owned.tenant:
                assert rows_of(world, theft.owned.tenant) == before, f"{full} changed what is another's: {arguments}"
    return found


def test_every_port_is_a_tenants_or_is_said_not_to_be() -> None:
    covered = {hint.__name__ for hint in typing.get_type_hints(Ports).values() if inspect.isclass(hint)}
    assert set(protocols()) == (covered & set(protocols())) | set(OF_NO_TENANT)
    assert {full.partition(".")[0] for full in OF_ALL_TENANTS} <= set(protocols())


@pytest.mark.parametrize(("thief", "owner", "where"), CASES)
def test_nothing_of_another_tenant_is_seen_or_changed_by_any_call_of_any_port(
    thief: str, owner: str, where: str
) -> None:
    theft = Theft(thief, belongings(owner))
    with WORLDS[where]() as alone:
        settle_in(alone, belongings(thief))
        expected = outcomes(alone, theft)
    with WORLDS[where]() as both:
        settle_in(both, belongings(thief))
        settle_in(both, theft.owned)
        found = outcomes(both, theft)
    assert found == expected


def test_the_same_reads_in_the_owners_name_do_find_what_is_there() -> None:
    """Else the test above would prove nothing."""
    theft = Theft("a-b", belongings("a-b"))
    nobody, somebody = FakeWorld(), FakeWorld()
    settle_in(somebody, theft.owned)
    without, having = outcomes(nobody, theft), outcomes(somebody, theft)
    seeing = {call.partition(" ")[0] for call in having if having[call] != without[call]}
    assert {full for full, _, function in methods() if is_read(function)} <= seeing
