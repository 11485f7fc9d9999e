"""The asynchronous execution path on a world in memory: what consumer and workflow do, wired as they are deployed."""

from __future__ import annotations

from dataclasses import dataclass

from tests.fakes.world import FakeWorld
from workerflow.domain.manifest import Manifest
from workerflow.ports.world import Clock, HandlerRunner, Ids, WorkflowInvoker
from workerflow.services.capped_runs import CappedRuns
from workerflow.services.deliver_task import DeliverTask
from workerflow.services.enablement import CheckEnablement
from workerflow.services.execute_task import ExecuteTask
from workerflow.services.in_flight import InFlight
from workerflow.services.ledger import Ledger
from workerflow.services.places import Places
from workerflow.services.record_death import RecordDeath
from workerflow.services.tell_run import TellRun
from workerflow.services.tenants import KnownTenants


@dataclass(frozen=True, slots=True)
class InMemoryPath:
    """Both ends of the path: `deliver` invokes whatever invoker it was wired with, `execute` is what that reaches."""

    execute: ExecuteTask
    deliver: DeliverTask


def execution_path(
    world: FakeWorld, *, manifest: Manifest, clock: Clock, ids: Ids, runner: HandlerRunner, invoker: WorkflowInvoker
) -> InMemoryPath:
    """Wire the path on `world`."""
    ledger = Ledger(runs=world.runs, acceptances=world.acceptances, clock=clock, ids=ids)
    tell_run = TellRun(runs=world.runs, blobs=world.blobs, clock=clock)
    enablement = CheckEnablement(manifest=manifest, switches=world.switches, clock=clock)
    known = KnownTenants(store=world.tenants, clock=clock, faults=world.faults)
    places = Places(known=known, slots=world.slots, clock=clock, ids=ids)
    capped = CappedRuns(
        runs=world.runs,
        enablement=enablement,
        ledger=ledger,
        manifest=manifest,
        places=places,
        queue=lambda: world.queue,
    )
    execute = ExecuteTask(
        runs=world.runs,
        blobs=world.blobs,
        ledger=ledger,
        tell_run=tell_run,
        enablement=enablement,
        in_flight=InFlight(places=places, capped=capped, faults=world.faults),
        manifest=manifest,
        runner=runner,
        ids=ids,
    )
    death = RecordDeath(runs=world.runs, ledger=ledger, tell_run=tell_run, manifest=manifest, ids=ids)
    return InMemoryPath(execute, DeliverTask(invoker=invoker, record_death=death, ids=ids, wait_seconds=280))
