"""Routes and schedules as they are declared and as they stand, and the secrets that their handlers need."""

from __future__ import annotations

from functions.dashboard.api import rules
from functions.dashboard.api.parameters import value_of
from functions.dashboard.api.source_documents import route_document, schedule_document, secret_document
from functions.dashboard.call import Call
from functions.dashboard.services import Dashboard
from workerflow.runtime.http import Response

NEXT_FIRES = 10


def list_routes(dashboard: Dashboard, call: Call) -> Response:
    """All routes."""
    return Response.document(200, {"routes": [route_document(one) for one in dashboard.read_routes(call.tenant)]})


def list_schedules(dashboard: Dashboard, call: Call) -> Response:
    """All schedules of the tenant, the removed ones that have a history among them."""
    asked = value_of(call, "nextFires", rules.NEXT_FIRES)
    found = dashboard.read_schedules(call.tenant, next_fires=NEXT_FIRES if asked is None else asked)
    return Response.document(200, {"schedules": [schedule_document(one) for one in found]})


def read_configuration(dashboard: Dashboard, call: Call) -> Response:
    """Which secrets handlers need, and whether they are there; never what they are."""
    found = dashboard.read_configuration(call.tenant)
    return Response.document(200, {"secrets": [secret_document(one) for one in found]})
