"""Tenants on one stack: declared by a file while it runs, each with secrets, keys, limits and runs of its own."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.backstage import Backstage
from tests.e2e.calls import Api, eventually
from tests.e2e.slow import Slow
from tests.e2e.tenants import ACME, BODY_LIMIT, CAP, CROWDED, GLOBEX, GREETINGS, LATECOMER, LIMIT, TenantApi
from tests.e2e.test_http import problem_of
from tools.local import LocalStack
from workerflow.domain.enablement import Enablement
from workerflow.domain.identity import TraceId
from workerflow.domain.run import Run
from workerflow.services.tenants import CACHE_SECONDS
from workerflow.tables import REFUSED_CALLS

CROWD = 1_000
BATCH = 10
FEW_BATCHES = 3

type TenantNamed = Callable[[str], TenantApi]


@pytest.fixture
def acme(tenant_named: TenantNamed) -> TenantApi:
    return tenant_named(ACME)


@pytest.fixture
def globex(tenant_named: TenantNamed) -> TenantApi:
    return tenant_named(GLOBEX)


# Who is who.


@pytest.mark.parametrize("named_by", ["header", "path"])
def test_a_tenant_is_named_by_header_or_path_and_proven_by_its_own_secret(acme: TenantApi, named_by: str) -> None:
    run = acme.ended(acme.start("e2e_tenanted", named_by=named_by))

    assert (run["state"], run["output"]["document"]["tenant"]) == ("succeeded", ACME)


def test_a_token_proves_a_tenant_too(stack: LocalStack, globex: TenantApi) -> None:
    body = json.dumps({"marks": str(globex.marks("by-token"))}).encode()
    taken = stack.send("POST", f"/api/t/{GLOBEX}/e2e_tenanted", body=body, headers=globex.bearer())

    assert taken.status == 202
    assert globex.ended(taken.json()["traceId"])["state"] == "succeeded"


def test_a_tenant_that_is_named_twice_and_differently_is_nobody(acme: TenantApi) -> None:
    path_and_header = acme.post("e2e_tenanted", named_by="path", headers={"x-tenant-id": GLOBEX})
    twice_the_same = acme.post("e2e_tenanted", named_by="path", headers={"x-tenant-id": ACME})

    assert problem_of(path_and_header, 400) == "tenant_ambiguous"
    assert twice_the_same.status == 202


def test_one_tenants_secrets_prove_no_other(stack: LocalStack, acme: TenantApi, globex: TenantApi) -> None:
    foreign_token = stack.send("POST", "/api/e2e_tenanted", headers=acme.bearer() | {"x-tenant-id": GLOBEX})
    foreign_signature = acme.post("e2e_tenanted", headers={"x-tenant-id": GLOBEX})
    by_default = stack.send("POST", "/api/e2e_tenanted", headers={"authorization": globex.bearer()["authorization"]})
    unknown = stack.send("POST", "/api/e2e_tenanted", headers=acme.bearer() | {"x-tenant-id": "nobody"})

    assert problem_of(foreign_token, 401) == "token_mismatch"
    assert problem_of(foreign_signature, 401) == "signature_mismatch"
    assert problem_of(by_default, 401) == "token_mismatch"
    assert problem_of(unknown, 401) == "token_mismatch"


def test_a_run_is_not_there_for_another_tenant(acme: TenantApi, globex: TenantApi, api: Api) -> None:
    trace_id = acme.start("e2e_tenanted")

    assert problem_of(globex.get_run(trace_id), 404) == "run_not_found"
    assert problem_of(api.stack.run(trace_id), 404) == "run_not_found"
    assert acme.ended(trace_id)["state"] == "succeeded"


def test_equal_keys_of_two_tenants_are_two_tasks(
    acme: TenantApi, globex: TenantApi, api: Api, backstage: Backstage
) -> None:
    traces = {
        ACME: acme.start("e2e_tenanted", key="equal"),
        GLOBEX: globex.start("e2e_tenanted", key="equal"),
        "default": api.start("e2e_tenanted", key="equal").trace_id,
    }

    assert len({trace_id[-32:] for trace_id in traces.values()}) == 3
    documents = [
        acme.ended(traces[ACME])["output"]["document"],
        globex.ended(traces[GLOBEX])["output"]["document"],
        api.ended(traces["default"])["output"]["document"],
    ]
    assert [document["tenant"] for document in documents] == [ACME, GLOBEX, "default"]
    assert len({document["effectKey"] for document in documents}) == 3
    for tenant, trace_id in traces.items():
        acceptance = backstage.acceptance("e2e_tenanted", "equal", tenant=tenant)
        assert acceptance is not None
        assert acceptance.trace_id == trace_id


def test_a_handler_reads_the_secret_of_the_tenant_whose_task_it_runs(acme: TenantApi, globex: TenantApi) -> None:
    for caller in (acme, globex):
        answer = caller.post("e2e_greeting")
        assert (answer.status, answer.json()) == (
            200,
            {"tenant": caller.tenant, "greeting": GREETINGS[caller.tenant]},
        )


# What its policy says.


def test_a_route_that_is_not_a_tenants_is_not_there_for_it(acme: TenantApi, globex: TenantApi) -> None:
    assert problem_of(acme.post("e2e_foreign"), 404) == "route_not_found"
    assert globex.post("e2e_foreign").status == 202


def test_a_body_may_be_as_large_as_the_policy_says(acme: TenantApi, globex: TenantApi) -> None:
    assert problem_of(acme.post("e2e_tenanted", much="x" * BODY_LIMIT), 413) == "body_too_large"
    assert globex.post("e2e_tenanted", much="x" * BODY_LIMIT).status == 202


def test_beyond_its_rate_a_tenant_is_told_when_to_come_back(acme: TenantApi, globex: TenantApi) -> None:
    answers = [acme.post("e2e_limited") for _ in range(LIMIT + 1)]

    assert [answer.status for answer in answers] == [202] * LIMIT + [429]
    assert [answer.headers["ratelimit"].partition(";t=")[0] for answer in answers] == [
        '"default";r=2',
        '"default";r=1',
        '"default";r=0',
        '"default";r=0',
    ]
    assert {answer.headers["ratelimit-policy"] for answer in answers} == {'"default";q=3;w=600'}
    assert problem_of(answers[-1], 429) == "rate_limited"
    assert 0 < int(answers[-1].headers["retry-after"]) <= 200
    unlimited = globex.post("e2e_limited")
    assert unlimited.status == 202
    assert "ratelimit" not in unlimited.headers


def test_refused_calls_are_kept_for_the_operator_without_what_would_let_anybody_in(
    acme: TenantApi, backstage: Backstage
) -> None:
    def kept(tenant: str, reason: str) -> list[dict[str, object]]:
        return [
            item
            for item in backstage.items(REFUSED_CALLS)
            if item["pk"] == tenant and str(item["sk"]).startswith(f"{reason}#")
        ]

    def refuse_until_kept(tenant: str, reason: str, headers: dict[str, str]) -> dict[str, object]:
        def refuse() -> list[dict[str, object]]:
            acme.post("e2e_tenanted", headers=headers)
            return kept(tenant, reason)

        return eventually(refuse, bool, 30)[0]  # a process keeps one call a second, the others are counted only

    forged = {"x-signature": "v1=" + "5ec2e7" * 10 + "abcd"}
    of_acme = refuse_until_kept(ACME, "signature_mismatch", forged)
    of_nobody = refuse_until_kept("#unknown", "signature_mismatch", {"x-tenant-id": "nobody"})

    assert (of_acme["path"], of_acme["status"]) == ("/api/e2e_tenanted", 401)
    expected = json.loads(str(of_acme["expected"]))
    assert {"POST", "/api/e2e_tenanted", ACME} <= set(expected.values())
    for item in (of_acme, of_nobody):
        assert "5ec2e7" not in str(item)
        assert acme.bearer()["authorization"] not in str(item)


# A crowd.


@dataclass(frozen=True, slots=True)
class Crowd:
    """Many tasks of one tenant. Each keeps its place until the file `enough` is there, and leaves a line in `marks`."""

    enough: Path
    marks: Path

    def executions(self) -> int:
        """How many of them have begun."""
        return len(self.marks.read_text().splitlines()) if self.marks.is_file() else 0


@pytest.fixture
def crowd(folder: Path, backstage: Backstage) -> Iterator[Crowd]:
    """Accepted and sent in one go. Whatever happens in the test, they do not keep their places for ever."""
    crowd = Crowd(folder / "crowd-enough", folder / "crowd")
    payload = {"marks": str(crowd.marks), "enough": str(crowd.enough)}
    backstage.accept_many(CROWDED, "e2e_crowd", CROWD, json.dumps(payload).encode())
    yield crowd
    crowd.enough.touch()


def test_a_crowd_of_one_tenant_delays_anothers_task_by_a_few_batches_at_most(
    crowd: Crowd, globex: TenantApi, backstage: Backstage
) -> None:
    quiet = globex.start("e2e_tenanted")
    assert globex.ended(quiet)["state"] == "succeeded"

    row = backstage.run(quiet, tenant=GLOBEX)
    assert row is not None
    waited = range(TraceId(quiet).accepted_at_ms, row.history[0].started_at_ms + 1)
    meanwhile = [run for run in backstage.runs_of(CROWDED) if begun_at_ms(run) in waited]
    assert len(meanwhile) <= FEW_BATCHES * BATCH
    assert crowd.executions() <= CAP  # the others wait, and keep nobody from anything
    assert len(backstage.accepted("route:e2e_crowd")) == CROWD

    crowd.enough.touch()
    eventually(crowd.executions, lambda count: count > CAP)  # who leaves hands his place on
    backstage.switch("e2e_crowd", Enablement.DISABLED, "enough is enough", tenant=CROWDED)


def begun_at_ms(run: Run) -> int | None:
    return run.history[0].started_at_ms if run.history else run.claimed_at_ms


# A file that was published while the stack was at work.


def test_a_tenant_is_added_to_the_running_stack_without_a_deployment(
    slow: Slow, tenant_named: TenantNamed, backstage: Backstage
) -> None:
    assert "added    latecomer" in slow.published
    time.sleep(max(0, slow.published_at + CACHE_SECONDS - time.monotonic()))
    latecomer = tenant_named(LATECOMER)

    assert latecomer.ended(latecomer.start("e2e_tenanted"))["output"]["document"]["tenant"] == LATECOMER
    rows = backstage.audit("tenants.published")
    assert [(row["actor"], row["reason"]) for row in rows] == [("operator (e2e)", "new customers")] * 2
