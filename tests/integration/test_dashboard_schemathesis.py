"""Whatever the OpenAPI document allows, and much that it does not, sent to the API over HTTP with either token.

Every answer must be one that the document tells of: no 5xx, no other status, header, type or member; and what the
document forbids must be refused. What it allows may be refused all the same: no schema says which cursors there are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import Case
from schemathesis.specs.openapi.checks import positive_data_acceptance

from functions.dashboard.openapi_parts import JOB_ID, NAME, TRACE_ID
from functions.dashboard.openapi_parts import TENANT as A_TENANT
from tests.integration.dashboard_server import serving
from tests.integration.dashboard_world import DashboardWorld, dashboard_world
from tests.support.dashboard_document import the_document

pytestmark = pytest.mark.slow
PATTERNS = {
    name: re.compile(one["pattern"]) for name, one in (("traceId", TRACE_ID), ("jobId", JOB_ID), ("name", NAME))
}
TENANT = re.compile(A_TENANT["pattern"])
EXAMPLES = 4
"""Random ones for each operation, besides those that try each parameter at and beyond its bounds."""


@dataclass(frozen=True)
class Api:
    """The API as it is served, with something of everything in it."""

    address: str
    tokens: dict[str, str]
    ids: dict[str, str]


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with (
        pytest.MonkeyPatch.context() as patch,
        dashboard_world(patch, tmp_path_factory.mktemp("dashboard")) as world,
        serving(world) as address,
    ):
        tokens = {scope: world.token(scope) for scope in ("read", "write")}
        assert world.get("/api/openapi.json", token=tokens["read"]).document == the_document()
        yield Api(address, tokens, seeded(world, tokens["write"]))


def seeded(world: DashboardWorld, token: str) -> dict[str, str]:
    """Something of everything; names of some of it, for the parts of paths."""
    world.seeds.succeeded()
    world.seeds.refused_call()
    run = world.seeds.failed()
    counted = world.post("/api/bulk-jobs", {"action": "replay", "filter": {}, "reason": "test"}, token=token)
    return {"traceId": run.trace_id, "jobId": counted.document["target"], "name": "report"}


writing, reading = (schemathesis.openapi.from_dict(the_document()) for _ in range(2))
reading.config.phases.coverage.enabled = False  # the other token has tried all bounds


def ask(case: Case[Any], api: Api, scope: str) -> None:
    """Send a case. Where it names what might be there, let it be there: a 404 teaches nothing twice."""
    if TENANT.fullmatch(str(case.query.get("tenant", ""))):
        case.query["tenant"] = "default"
    for name, value in api.ids.items():
        if PATTERNS[name].fullmatch(str(case.path_parameters.get(name, ""))):
            case.path_parameters[name] = value
    headers = {"Authorization": f"Bearer {api.tokens[scope]}"}
    case.call_and_validate(base_url=api.address, headers=headers, excluded_checks=[positive_data_acceptance])


@writing.parametrize()
@settings(max_examples=EXAMPLES, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_token_for_writing(case: Case[Any], api: Api) -> None:
    ask(case, api, "write")


@reading.parametrize()
@settings(max_examples=EXAMPLES, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_token_for_reading(case: Case[Any], api: Api) -> None:
    ask(case, api, "read")
