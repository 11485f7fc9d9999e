"""Everything that a tenant can own, the same for every tenant but for its name, and calls made of it in another's name.

belongings("a-b")                    acceptances, runs, letters, switches, slots, ... of `a-b`
as_if(belongings("a-b"), "a-b", "a") the same ids, keys, cursors and trace ids, in the name of `a`
"""

from __future__ import annotations

import inspect
import math
import types
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass, replace
from enum import Enum
from itertools import cycle, islice, product
from typing import Any

from tests.fakes.world import FakeWorld
from tests.support.aws import BUCKET, AwsWorld
from tests.support.bulk import a_bulk_job, an_error_group
from tests.support.runs import A_FAILURE, a_replay, a_run, a_waiting_run, failed, letter_of
from tests.support.schedules import a_cursor, a_fire, a_skipped_run
from tests.support.tasks import NOW_MS, an_acceptance
from workerflow.domain.audit import AuditEvent
from workerflow.domain.bulk import BulkJob, BulkState
from workerflow.domain.enablement import Enablement, Switch
from workerflow.domain.error_group import ErrorGroup
from workerflow.domain.identity import SHARDS
from workerflow.domain.operation import OperationKey
from workerflow.domain.refused_call import RefusedCall
from workerflow.domain.rollup import PartialCount, Rollup, Span
from workerflow.domain.run import Run, capped_partition, due_partition, paused_partition
from workerflow.domain.stored import StoredBytes
from workerflow.domain.task import Acceptance, TaskMessage
from workerflow.domain.tenants import RateLimit
from workerflow.ports.cleanup import CleanupMark
from workerflow.ports.stores import AttemptRecord, Cursor
from workerflow.ports.tenants import Slot
from workerflow.tables import TABLES

ACCEPTED_MS = NOW_MS - 600_000
END_MS = 9_999_999_999_999
AFTER_EVERYTHING = "~"
MANY = 40
LIMIT = RateLimit(1, 3600, per="client")
CLIENT = "203.0.113.7"

type World = FakeWorld | AwsWorld


@dataclass(frozen=True)
class Belongings:
    """What one tenant owns."""

    tenant: str
    things: tuple[Any, ...]

    def of(self, kind: type[Any]) -> list[Any]:
        """All of a kind, those that are a part of others included."""
        return [thing for thing in self.things if isinstance(thing, kind)]

    @property
    def trace_ids(self) -> list[str]:
        return [acceptance.trace_id for acceptance in self.of(Acceptance)]


def belongings(tenant: str) -> Belongings:
    """The things of a tenant. Keys, sources and times are the same for all; what is secret tells whose it is."""
    mark = f"secret of {tenant}"

    def task(key: str, **changes: Any) -> Acceptance:
        body = b'{"secret":"%s"}' % mark.encode()
        return an_acceptance(key, tenant=tenant, body=body, accepted_at_ms=ACCEPTED_MS, **changes)

    queued, dead, replayed, due, paused, capped = (
        task(key) for key in ("key", "key#1", "key#2", "a-b#key", "key/4", f"{tenant}#")
    )
    large = task("large", payload=StoredBytes.pointed(mark.encode(), f"{tenant}/large/{mark}"))
    dead_run, replayed_run = (failed(a_run(one), error=mark) for one in (dead, replayed))
    letters = [letter_of(dead_run, dead), letter_of(replayed_run, replayed)]
    replay = a_replay(replayed, 1, letter=letters[1])
    fire = a_fire(tenant=tenant)
    audit = AuditEvent(tenant, NOW_MS, "1" * 16, mark, "switch.set", "route:echo", mark)
    things = (
        *(queued, dead, replayed, due, paused, capped, large, fire, replay.acceptance),
        *(dead_run, replayed_run, *letters, replay, audit),
        a_waiting_run(due, due_at_ms=NOW_MS - 1, error=mark),
        a_waiting_run(paused, due_at_ms=NOW_MS - 1, paused=True, error=mark),
        a_waiting_run(capped, due_at_ms=NOW_MS - 1, capped=True, error=mark),
        a_skipped_run(fire),
        AttemptRecord(tenant, dead.trace_id, 1, NOW_MS, dead.expires_at_s, failure=replace(A_FAILURE, message=mark)),
        Switch(tenant, "route:echo", Enablement.PAUSED, mark, mark, NOW_MS, 1, "n"),
        Cursor(tenant, 0, queued.trace_id, 1, "n"),
        a_cursor(tenant=tenant, name="hourly", last_trace_id=fire.trace_id),
        Rollup(tenant, Span.QUARTER, Span.QUARTER.start_of(ACCEPTED_MS), "*", NOW_MS, {"succeeded": 7}),
        PartialCount(tenant, Span.QUARTER.start_of(ACCEPTED_MS), NOW_MS, 0, mark),
        Slot(tenant, 0, "holder", NOW_MS + 60_000),
        RefusedCall(tenant, "signature_mismatch", 0, NOW_MS, "r", 401, mark, "POST", "/api/echo", CLIENT),
        CleanupMark(tenant, mark, 1, "n"),
        a_bulk_job(tenant=tenant, reason=mark, state=BulkState.RUNNING),
        an_error_group(tenant=tenant, message=mark),
        OperationKey.of("t" * 12, "key", "order"),
        LIMIT,
        large.payload,
        TaskMessage(tenant, queued.trace_id),
    )
    return Belongings(tenant, things)


def settle_in(world: World, owned: Belongings) -> None:
    """Write all that a tenant owns into a world."""
    for acceptance in owned.of(Acceptance)[:-1]:  # the last one is written by its replay
        if acceptance.source.startswith("schedule:"):
            world.schedules.record_skip(acceptance, a_skipped_run(acceptance), now_ms=NOW_MS)
        else:
            world.acceptances.put(acceptance, now_ms=NOW_MS)
    letters = {letter.trace_id: letter for letter in owned.things if type(letter).__name__ == "DeadLetter"}
    for run in owned.of(Run):
        if run.version > 1:
            world.runs.write(replace(run, version=1, letter_class=None, nonce="first"))
        world.runs.write(run, letter=letters.get(run.trace_id))
    for kind, write in _writers(world, owned).items():
        for thing in owned.of(kind):
            write(thing)
    (large,) = owned.of(StoredBytes)
    world.blobs.put(large.pointer or "", f"secret of {owned.tenant}".encode())
    world.rate_limits.take(owned.tenant, LIMIT, client=CLIENT, now_ms=NOW_MS)


def _writers(world: World, owned: Belongings) -> Mapping[type[Any], Callable[[Any], object]]:
    from workerflow.domain.replay import ReplayRecord  # noqa: PLC0415
    from workerflow.domain.schedule_cursor import ScheduleCursor  # noqa: PLC0415

    audit = AuditEvent("of-nobody", NOW_MS, "2" * 16, "ops", "switch.set", "route:echo")
    return {
        ReplayRecord: world.replays.record_replay,
        AttemptRecord: world.runs.put_attempt,
        AuditEvent: world.audit.append,
        Switch: lambda switch: world.switches.put_switch(switch, audit),
        Cursor: lambda cursor: [
            world.cursors.move_cursor(cursor),
            world.retry_cursors.move_cursor(cursor),
            world.error_groups.write_walk(cursor, owned.of(ErrorGroup)),
        ],
        BulkJob: lambda job: world.bulk.write_job(job, audit),
        OperationKey: lambda key: world.operations.record(replace(audit, tenant=owned.tenant, operation=key)),
        ScheduleCursor: world.schedules.write_cursor,
        Rollup: lambda rollup: world.rollups.put_many([rollup]),
        PartialCount: world.rollups.keep_partial,
        Slot: lambda slot: world.slots.take(slot, now_ms=NOW_MS),
        RefusedCall: world.refused_calls.put,
        CleanupMark: world.cleanup.write_mark,
    }


def as_if[T](value: T, owner: str, thief: str) -> T:
    """The same value with the name of another tenant wherever a tenant's name stands; ids and keys stay the owner's."""
    found: Any = value
    if isinstance(value, str):
        found = thief if value == owner else _pointer(value, owner, thief)
    elif isinstance(value, list | tuple):
        found = type(value)(as_if(one, owner, thief) for one in value)
    elif is_dataclass(value) and not isinstance(value, type):
        changes = {one.name: as_if(getattr(value, one.name), owner, thief) for one in fields(value) if one.init}
        found = replace(value, **changes)
    return found  # type: ignore[no-any-return]


def _pointer(text: str, owner: str, thief: str) -> str:
    return thief + text.removeprefix(owner) if text.startswith(f"{owner}/") else text


def rows_of(world: World, tenant: str) -> Mapping[str, str]:
    """All that stands in a world in a tenant's name, table by table, as it is kept."""
    return _rows_in_memory(world, tenant) if isinstance(world, FakeWorld) else _rows_on_aws(world, tenant)


def _rows_in_memory(world: FakeWorld, tenant: str) -> Mapping[str, str]:
    found = {}
    for one in fields(world.memory):
        kept = getattr(world.memory, one.name)
        if isinstance(kept, dict):
            mine = {key: value for key, value in kept.items() if _is_of(key, tenant)}
            found[one.name] = repr(sorted(mine.items(), key=repr))
    return found


def _is_of(key: object, tenant: str) -> bool:
    if isinstance(key, tuple):
        return bool(key[0] == tenant)
    return key == tenant or (isinstance(key, str) and key.startswith(f"{tenant}/"))


def _rows_on_aws(world: AwsWorld, tenant: str) -> Mapping[str, str]:
    found = {}
    for table in TABLES:
        mine = [item for item in world.items(table) if item["pk"].partition("#")[0] == tenant]
        found[table.name] = repr(sorted(mine, key=repr))
    listed = world.clients.s3().list_objects_v2(Bucket=BUCKET, Prefix=f"{tenant}/").get("Contents", [])
    found["objects"] = repr([(one["Key"], one["ETag"]) for one in listed])
    return found


# Calls, made of what their parameters are called and what they take.


class UnknownParameterError(Exception):
    """Nothing is declared that a foreign value of this parameter could be."""


@dataclass(frozen=True)
class Theft:
    """One tenant that uses all that is another's.

    Attributes:
        typed: makes values of further types, anew for every call.
        named: values of further parameters, by their names.
    """

    thief: str
    owned: Belongings
    typed: Mapping[type[Any], Callable[[], Sequence[Any]]] = field(default_factory=dict)
    named: Mapping[str, Sequence[Any]] = field(default_factory=dict)

    def arguments_of(self, function: Callable[..., Any]) -> Iterator[dict[str, Any]]:
        """Combinations of foreign values for a method's parameters: all, or each value once where they are many."""
        hints = typing.get_type_hints(function)
        names = [name for name in inspect.signature(function).parameters if name != "self"]
        choices = [self._values(name, hints[name]) for name in names]
        combinations: Iterable[tuple[Any, ...]] = product(*choices)
        if math.prod(map(len, choices)) > MANY:
            most = max(map(len, choices))
            combinations = islice(zip(*map(cycle, choices), strict=True), most)
        for values in combinations:
            yield dict(zip(names, values, strict=True))

    def _values(self, name: str, hint: Any) -> Sequence[Any]:
        if name in self.named:
            return self.named[name]
        for kind in _kinds_of(hint):
            if kind in self.typed:
                return self.typed[kind]()
            if kind in {str, int, bool, object, float} or isinstance(kind, type(Callable)):
                continue
            if isinstance(kind, type) and issubclass(kind, Enum):
                return list(kind)
            if isinstance(kind, type) and (found := self.owned.of(kind)):
                foreign = as_if(found, self.owned.tenant, self.thief)
                return [[one] for one in foreign] if _is_many(hint) else foreign
        try:
            return self._named(name)
        except KeyError:
            raise UnknownParameterError(f"say what a foreign {name}: {hint} is") from None

    def _named(self, name: str) -> Sequence[Any]:
        traces, tenant = self.owned.trace_ids, self.thief
        partitions = [
            partition
            for shard in range(SHARDS)
            for partition in (
                due_partition(tenant, shard),
                paused_partition(tenant, "route:echo", shard),
                capped_partition(tenant, shard),
            )
        ]
        pointers = [as_if(one.pointer, self.owned.tenant, tenant) for one in self.owned.of(StoredBytes)]
        known: dict[str, Sequence[Any]] = {
            "tenant": [tenant],
            "trace_id": traces,
            "root": traces,
            "resolves": [None, *traces[:1]],
            "trace_ids": [traces],
            "key_hash": [trace[12:] for trace in traces],
            "shard": range(SHARDS),
            "after": ["", min(traces)],
            "until": [AFTER_EVERYTHING],
            "since": ["0"],
            "before": [AFTER_EVERYTHING],
            "from_ms": [0],
            "until_ms": [END_MS],
            "now_ms": [NOW_MS],
            "limit": [100],
            "open_only": [True, False],
            "attempt": [1],
            "client": [CLIENT],
            "partition": partitions,
            "pointer": pointers,
            "source": pointers,
            "target": [f"{pointers[0]}.copy"],
            "pointers": [pointers],
            "prefix": [f"{tenant}/"],
            "body": [b"another's"],
            "names": [[(tenant, "hourly")]],
            "job_id": [job.job_id for job in self.owned.of(BulkJob)],
            "fingerprints": [[group.fingerprint for group in self.owned.of(ErrorGroup)]],
        }
        return known[name]


def _kinds_of(hint: Any) -> Iterator[Any]:
    """The types that a hint is made of: `Sequence[Rollup] | None` of Rollup."""
    arguments: Iterable[Any] = typing.get_args(hint)
    if typing.get_origin(hint) is None or isinstance(hint, types.GenericAlias):
        yield hint if not arguments else typing.get_origin(hint)
    for one in arguments:
        if one is not type(None) and not isinstance(one, list):  # a callable's parameters
            yield from _kinds_of(one)


def _is_many(hint: Any) -> bool:
    origin = typing.get_origin(hint)
    return isinstance(origin, type) and issubclass(origin, Iterable)
