"""Joins the ports of `dashboard` to AWS: what every request needs at once, the rest when it is asked for.

Foundation   settings, manifest, clients, clock, ids, telemetry
  Stores       one adapter a port                      wiring_stores
    Access       who gets in                           wiring_access
    Reads        what is shown                         wiring_reads
    Writes       what is ordered                       wiring_writes
      Wired        all of it, and the door
"""

from __future__ import annotations

from functools import cache, cached_property
from pathlib import Path

from functions.dashboard.door import Door
from functions.dashboard.endpoints import API
from functions.dashboard.pages import PAGES
from functions.dashboard.router import Router
from functions.dashboard.wiring_access import Access
from functions.dashboard.wiring_reads import Reads
from functions.dashboard.wiring_stores import Foundation
from functions.dashboard.wiring_writes import Writes
from workerflow.adapters.clients import Clients
from workerflow.domain.manifest import Manifest
from workerflow.runtime.clock import SystemClock, SystemIds
from workerflow.runtime.observability import Telemetry
from workerflow.runtime.settings import DashboardSettings, read_settings

MANIFEST = Path(__file__).with_name("manifest.json")


class Wired(Access, Reads, Writes):
    """Everything that endpoints use (`Dashboard`), and the door to it."""

    @cached_property
    def door(self) -> Door:
        return Door(router=Router((*API, *PAGES)), gate=lambda: self.gate, dashboard=self)


@cache
def dashboard() -> Wired:
    """Wire the function, once per process."""
    settings = read_settings(DashboardSettings)
    foundation = Foundation(
        settings=settings,
        manifest=Manifest.from_json(MANIFEST.read_text()),
        clients=Clients(),
        telemetry=Telemetry(settings.service, settings.metrics_namespace),
        clock=SystemClock(),
        ids=SystemIds(),
    )
    return wire(foundation)


def wire(on: Foundation) -> Wired:
    """Join what each request needs. Every one asks the tables and the secrets: their clients are made now."""
    on.clients.secrets()
    wired = Wired(on)
    _ = wired.door, wired.gate, wired.tenants
    return wired
