"""What a tenant has, all of it distinguishable, and how each endpoint of the dashboard is asked for it.

Every text that belongs to a tenant carries its mark, so that one look at an answer tells whose things it shows.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from functions.dashboard.endpoint import Endpoint
from tests.integration.dashboard_world import DashboardWorld
from workerflow.domain.audit import AuditEvent
from workerflow.domain.bulk import BulkAction, BulkJob, BulkState, LetterFilter
from workerflow.domain.enablement import Enablement, Switch
from workerflow.domain.failure import Failure
from workerflow.domain.rollup import ALL_SOURCES, Rollup, Span
from workerflow.domain.run import Run
from workerflow.domain.stored import StoredBytes
from workerflow.ports.stores import Written

ROUTE, SCHEDULE = "webhook_echo", "report"


def mark_of(tenant: str) -> str:
    """A text that stands in everything of a tenant's, and in nothing else."""
    return f"only-{tenant}-knows"


@dataclass(frozen=True, slots=True)
class Ask:
    """How an endpoint is asked for something that there is.

    Attributes:
        path: values of the template's parts, by name.
        body: of an order.
        form: fields of a page's form, without its secret and its key.
    """

    path: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    form: Mapping[str, str] = field(default_factory=dict)

    def target(self, endpoint: Endpoint) -> str:
        """The path."""
        return endpoint.template.format(**self.path)


@dataclass(frozen=True, slots=True)
class Things:
    """Of one tenant. Each order has something of its own to be carried out on."""

    tenant: str
    succeeded: str
    failed: tuple[str, ...]
    waiting: tuple[str, ...]
    queued: tuple[str, ...]
    counted: tuple[str, ...]

    @property
    def mark(self) -> str:
        """What stands in all of it."""
        return mark_of(self.tenant)

    @property
    def ids(self) -> tuple[str, ...]:
        """Everything that an id can be asked for."""
        return (self.succeeded, *self.failed, *self.waiting, *self.queued, *self.counted)

    def ask(self, endpoint: Endpoint, *, number: int = 0) -> Ask:
        """Ask an endpoint for something of this tenant's; orders with different numbers, for different things."""
        return self._asks(number).get(endpoint.name) or Ask(self._reading(endpoint))

    def _reading(self, endpoint: Endpoint) -> Mapping[str, str]:
        values = {"traceId": self.succeeded, "jobId": self.counted[-1], "name": ROUTE}
        return {name: value for name, value in values.items() if f"{{{name}}}" in endpoint.template}

    def _asks(self, number: int) -> dict[str, Ask]:
        """The orders, of the API and of pages."""
        why, note = {"reason": self.mark}, {"note": self.mark}
        paused = {"state": "paused", **why}
        replayed, resolved = self.failed[2 * number], self.failed[2 * number + 1]
        started, aborted = self.counted[2 * number], self.counted[2 * number + 1]
        run, job = _named("traceId"), _named("jobId")
        count = {"action": "replay", "filter": {}, **why}
        on_runs = {
            "replayRun": run(replayed, why),
            "cancelRun": run(self.queued[number], why),
            "retryRun": run(self.waiting[number], why),
            "resolveLetter": run(resolved, note),
            "startBulkJob": job(started, {}),
            "abortBulkJob": job(aborted, {}),
            "countBulkJob": Ask({}, count, {"action": "replay", **why}),
            "runSchedule": Ask({"name": SCHEDULE}, why, why),
            "switchRoute": Ask({"name": ROUTE}, paused, paused),
            "switchSchedule": Ask({"name": SCHEDULE}, paused, paused),
        }
        pages = {form: on_runs[order] for form, order in FORMS.items()}
        return on_runs | pages | {"editReplay": run(replayed, {}), "readAsset": Ask({"name": "app.css"})}


FORMS: Mapping[str, str] = {
    "submitReplay": "replayRun",
    "submitCancel": "cancelRun",
    "submitRetry": "retryRun",
    "submitResolve": "resolveLetter",
    "submitBulkJob": "countBulkJob",
    "submitStart": "startBulkJob",
    "submitAbort": "abortBulkJob",
    "submitRunNow": "runSchedule",
    "submitScheduleSwitch": "switchSchedule",
    "submitRouteSwitch": "switchRoute",
}
"""The pages' forms, and the orders that they are of."""


def _named(name: str) -> Any:
    return lambda value, body: Ask({name: value}, body, body)


def seed(world: DashboardWorld, tenant: str, *, orders: int = 1) -> Things:
    """Give a tenant some of everything; `orders`: how often each order can be carried out."""
    mark = mark_of(tenant)
    things = Things(
        tenant=tenant,
        succeeded=world.seeds.succeeded(_task(world, tenant), output={"output": mark}).trace_id,
        failed=tuple(_failed(world, tenant).trace_id for _ in range(2 * orders)),
        waiting=tuple(world.seeds.waiting(_task(world, tenant)).trace_id for _ in range(orders)),
        queued=tuple(_task(world, tenant).trace_id for _ in range(orders)),
        counted=tuple(_job(world, tenant, number).job_id for number in range(2 * orders + 1)),
    )
    world.seeds.audit(tenant, reason=mark, target=f"route:{ROUTE}", details={"told": mark})
    world.seeds.refused_call(tenant)
    _refused_call(world, tenant)
    _switch(world, tenant)
    _rollups(world, tenant)
    return things


def _task(world: DashboardWorld, tenant: str) -> Any:
    payload = StoredBytes.inlined(json.dumps({"payload": mark_of(tenant)}).encode())
    return world.seeds.queued(f"route:{ROUTE}", tenant=tenant, payload=payload)


def _failed(world: DashboardWorld, tenant: str) -> Run:
    failure = Failure("permanent", "ValueError", mark_of(tenant), traceback=f"{mark_of(tenant)}\n", frame="x.py:run")
    return world.seeds.failed(_task(world, tenant), failure=failure)


def _job(world: DashboardWorld, tenant: str, number: int) -> BulkJob:
    now_ms = world.now_ms()
    job = BulkJob(
        tenant=tenant,
        job_id=f"{now_ms:012x}{number:08x}{sum(tenant.encode()):08x}",
        action=BulkAction.RESOLVE,
        filter=LetterFilter(until_ms=now_ms, fingerprint="0" * 16),
        reason=mark_of(tenant),
        actor="ada (abcdefghij23)",
        state=BulkState.COUNTED,
        created_at_ms=now_ms,
        matched=0,
        is_exact=True,
        version=1,
        nonce=f"{number:016x}",
        updated_at_ms=now_ms,
    )
    assert world.aws.bulk.write_job(job) == Written()
    return job


def _refused_call(world: DashboardWorld, tenant: str) -> None:
    [call] = world.aws.refused_calls.list_calls(tenant)
    world.aws.refused_calls.put(replace(call, slot=1, detail=mark_of(tenant)))


def _switch(world: DashboardWorld, tenant: str) -> None:
    now_ms = world.now_ms()
    switch = Switch(tenant, "route:order_created", Enablement.PAUSED, mark_of(tenant), "ada (x)", now_ms, 1, "5" * 16)
    event = AuditEvent(tenant, now_ms, "5" * 16, "ada (x)", "switch.set", "route:order_created", mark_of(tenant))
    assert world.aws.switches.put_switch(switch, event) == Written()


def _rollups(world: DashboardWorld, tenant: str) -> None:
    """As many tasks as the tenant's name is worth: a number that no other's is."""
    start_ms = Span.HOUR.start_of(world.now_ms()) - 3 * Span.HOUR.ms
    counts, ended_ms = {"skipped": count_of(tenant)}, start_ms + 2 * Span.HOUR.ms
    rollups = [
        Rollup(tenant, span, start_ms, source, ended_ms, counts)
        for span in (Span.QUARTER, Span.HOUR)
        for source in (ALL_SOURCES, f"route:{ROUTE}")
    ]
    world.aws.rollups.put_many(rollups)


def count_of(tenant: str) -> int:
    """How many tasks of some hours ago the rollups tell of."""
    return 1_000_000 + 1000 * sum(tenant.encode())
