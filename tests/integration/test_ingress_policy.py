"""What a tenant's policy says holds at the door: routes, size, rate; and costs nothing where it says nothing."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock

import pytest
from moto.core.botocore_stubber import BotocoreStubber

from functions.ingress import handler, wiring
from tests.fakes.surroundings import FakeClock
from tests.integration.ingress_world import Answer, IngressWorld, clients, credentials_of, ingress_world
from tests.support.aws import physical
from workerflow.domain.outcome import Execution, ExecutionStatus
from workerflow.domain.output import HandlerOutput
from workerflow.domain.tenants import UNLIMITED, RateLimit, TenantPolicy
from workerflow.services.tenants import CACHE_SECONDS
from workerflow.tables import CURSOR_STATE

ECHO, ORDER, SYNC = "/api/webhook_echo", "/api/order_created", "/api/payload_hash"
RATE_FIELDS = {"ratelimit", "ratelimit-policy"}
NOON_MS = 1_764_000_000_000


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    """Time stands still: no bucket refills."""
    clock = FakeClock(NOON_MS)
    monkeypatch.setattr(wiring, "SystemClock", lambda: clock)
    return clock


@pytest.fixture
def world(clock: FakeClock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[IngressWorld]:
    del clock
    with ingress_world(monkeypatch, tmp_path) as made:
        yield made


def limited(requests: int, seconds: int = 60, **options: str) -> TenantPolicy:
    return TenantPolicy(rate_limits=(RateLimit(requests, seconds, **options),))  # type: ignore[arg-type]


def told(answer: Answer) -> tuple[int, int, int, int]:
    """What the two fields say: q, w, r, t."""
    q, w = re.fullmatch(r'"default";q=(\d+);w=(\d+)', answer.headers["ratelimit-policy"]).groups()  # type: ignore[union-attr]
    r, t = re.fullmatch(r'"default";r=(\d+);t=(\d+)', answer.headers["ratelimit"]).groups()  # type: ignore[union-attr]
    return int(q), int(w), int(r), int(t)


def problem(answer: Answer) -> tuple[int, dict[str, object]]:
    return answer.status, {key: value for key, value in answer.document.items() if key != "requestId"}


# Tenants ------------------------------------------------------------------------------------------------------------


def test_a_declared_tenant_is_let_in_with_its_own_token_and_with_no_other(world: IngressWorld) -> None:
    world.declare(acme=UNLIMITED, beta=UNLIMITED)
    assert world.as_tenant("acme", ECHO).status == 202
    foreign = world.as_tenant("acme", ECHO, headers={"x-tenant-id": "beta"})
    assert (foreign.status, foreign.code) == (401, "token_mismatch")
    assert world.with_token(ECHO).status == 202


def test_a_tenant_that_is_not_declared_cannot_be_told_from_a_wrong_token(world: IngressWorld) -> None:
    world.declare(acme=UNLIMITED)
    unknown = world.as_tenant("acme", ECHO, headers={"x-tenant-id": "other"})
    wrong = world.as_tenant("acme", ECHO, headers={"authorization": "Bearer wrong"})
    assert (unknown.status, unknown.headers, unknown.document) == (wrong.status, wrong.headers, wrong.document)


def test_a_tenants_run_is_read_by_its_header_and_by_no_other_tenant(world: IngressWorld) -> None:
    world.declare(acme=UNLIMITED, beta=UNLIMITED)
    trace_id = world.as_tenant("acme", ECHO).document["traceId"]
    own = world.send(world.event("GET", f"/api/runs/{trace_id}", headers=credentials_of("acme")))
    assert (own.status, own.document["tenant"]) == (200, "acme")
    for other in ("beta", "default"):
        foreign = world.send(world.event("GET", f"/api/runs/{trace_id}", headers=credentials_of(other)))
        assert (foreign.status, foreign.code) == (404, "run_not_found")


def test_the_tenants_are_read_once_a_minute_and_the_last_copy_serves_while_the_table_fails(
    world: IngressWorld, clock: FakeClock
) -> None:
    world.declare(acme=UNLIMITED)
    assert world.as_tenant("acme", ECHO).status == 202
    world.refuse.add("GetItem")
    assert world.as_tenant("acme", ECHO).status == 202
    clock.advance(CACHE_SECONDS + 1)
    assert world.as_tenant("acme", ECHO).status == 202


def test_a_container_that_never_knew_the_tenants_says_unknown_and_lets_nobody_in(world: IngressWorld) -> None:
    world.declare(default=TenantPolicy(routes=()))
    world.refuse.add("GetItem")
    answer = world.with_token(ECHO)
    assert (answer.status, answer.code, answer.headers["retry-after"]) == (503, "store_unavailable", "2")


def test_a_container_that_finds_an_unreadable_file_lets_nobody_in_by_it(world: IngressWorld) -> None:
    """The file may have restricted the default tenant: that it cannot be read lifts nothing."""
    world.declare(default=TenantPolicy(routes=()))
    assert world.with_token(ECHO).status == 404
    world.spoil_tenants()
    answer = world.with_token(ECHO)
    assert (answer.status, answer.code) == (503, "store_unavailable")
    assert world.nothing_was_written_since_declared()


def test_a_retired_tenant_is_locked_out_within_a_minute(world: IngressWorld, clock: FakeClock) -> None:
    world.declare(acme=UNLIMITED)
    assert world.as_tenant("acme", ECHO).status == 202
    clients().dynamodb().delete_item(TableName=physical(CURSOR_STATE), Key={"pk": {"S": "#tenants"}, "sk": {"S": "-"}})
    clock.advance(CACHE_SECONDS + 1)
    assert world.as_tenant("acme", ECHO).status == 401


# Routes and sizes ---------------------------------------------------------------------------------------------------


def test_a_route_that_the_tenant_may_not_call_is_not_there(world: IngressWorld) -> None:
    world.declare(acme=TenantPolicy(routes=("order_created",)))
    foreign, unknown = world.as_tenant("acme", ECHO), world.as_tenant("acme", "/api/webhook_ecko")
    assert foreign.status == 404
    assert str(problem(foreign)).replace("webhook_echo", "_") == str(problem(unknown)).replace("webhook_ecko", "_")
    assert foreign.headers == unknown.headers
    assert world.nothing_was_written_since_declared()
    assert world.as_tenant("acme", ORDER, b'{"id":1}').status == 202


def test_a_stranger_is_not_told_which_routes_a_tenant_may_call(world: IngressWorld) -> None:
    world.declare(acme=TenantPolicy(routes=("order_created",)))
    headers = {"authorization": "Bearer wrong"}
    assert problem(world.as_tenant("acme", ECHO, headers=headers)) == problem(
        world.as_tenant("acme", ORDER, headers=headers)
    )


def test_a_body_over_the_tenants_limit_is_refused_before_any_write(world: IngressWorld) -> None:
    world.declare(acme=TenantPolicy(max_body_bytes=10, rate_limits=(RateLimit(1, 60),)))
    answer = world.as_tenant("acme", ECHO, b'"123456789"')
    assert (answer.status, answer.code, answer.document["detail"]) == (413, "body_too_large", "at most 10 bytes")
    assert world.as_tenant("acme", "/api/nothing", b'"123456789"').code == "body_too_large"
    assert world.nothing_was_written_since_declared()
    assert world.as_tenant("acme", ECHO, b'"12345678"').status == 202


def test_a_stranger_is_not_told_the_tenants_limit(world: IngressWorld) -> None:
    world.declare(acme=TenantPolicy(max_body_bytes=10))
    answer = world.as_tenant("acme", ECHO, b'"123456789"', {"authorization": "Bearer wrong"})
    assert (answer.status, answer.code) == (401, "token_mismatch")


def test_the_api_lists_what_the_callers_tenant_may_call(world: IngressWorld) -> None:
    world.declare(acme=TenantPolicy(routes=("order_created", "gone")), beta=TenantPolicy(routes=()))

    def listed(tenant: str) -> set[str]:
        answer = world.send(world.event("GET", "/api/openapi.json", headers=credentials_of(tenant)))
        names = {path.rpartition("/")[2] for path, item in answer.document["paths"].items() if "post" in item}
        schemas = answer.document["components"]["schemas"]
        assert {name for name in schemas if name.startswith("payload_")} == {f"payload_{name}" for name in names}
        return names

    assert listed("acme") == {"order_created"}
    assert listed("beta") == set()
    assert len(listed("default")) > 2


# Rates --------------------------------------------------------------------------------------------------------------


def test_a_call_is_told_how_its_limit_stands_and_is_refused_beyond_it(world: IngressWorld, clock: FakeClock) -> None:
    world.declare(acme=limited(2))
    answers = [world.as_tenant("acme", ECHO) for _ in range(3)]
    assert [answer.status for answer in answers] == [202, 202, 429]
    assert [told(answer) for answer in answers] == [(2, 60, 1, 30), (2, 60, 0, 60), (2, 60, 0, 30)]
    assert (answers[2].code, answers[2].headers["retry-after"]) == ("rate_limited", "30")
    assert len(world.items("idempotency_keys")) == 2
    clock.advance(29)
    assert world.as_tenant("acme", ECHO).headers["retry-after"] == "1"
    clock.advance(1)
    assert world.as_tenant("acme", ECHO).status == 202


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        (SYNC, b"{}", 503, "try_again"),
        (SYNC, b"{}", 429, "tenant_busy"),
        (ECHO, b"{}", 503, "store_unavailable"),
        ("/api/switched_off", b"{}", 409, "route_disabled"),
        (ECHO, b"", 400, "body_empty"),
        (ORDER, b"{}", 422, "payload_invalid"),
    ],
)
def test_every_answer_of_a_call_that_was_counted_tells_how_its_limit_stands(
    world: IngressWorld, path: str, body: bytes, status: int, code: str
) -> None:
    world.declare(acme=limited(2))
    world.execute = lambda _event: Execution(ExecutionStatus.FULL, delay_seconds=2.5)
    world.refuse |= {"try_again": {"Invoke"}, "store_unavailable": {"PutItem"}}.get(code, set())
    answer = world.as_tenant("acme", path, body)
    assert (answer.status, answer.code, told(answer)) == (status, code, (2, 60, 1, 30))
    assert ("retry-after" in answer.headers) == (status in {429, 503})


def test_a_sync_answer_tells_it_whatever_the_handler_said(world: IngressWorld) -> None:
    world.declare(acme=limited(2))
    output = HandlerOutput("response", b"{}", 200, {"ratelimit": "my own", "x-mine": "1"})
    world.execute = lambda _event: Execution(ExecutionStatus.SUCCEEDED, output=output.encode())
    answer = world.as_tenant("acme", SYNC)
    assert (answer.status, answer.headers["x-mine"], told(answer)) == (200, "1", (2, 60, 1, 30))


@pytest.mark.parametrize(
    ("path", "headers", "code"),
    [
        ("/api/nothing", {}, "route_not_found"),
        ("/api/only_signed", {}, "signature_required"),
        (ECHO, {"authorization": "Bearer wrong"}, "token_mismatch"),
        (ECHO, {"idempotency-key": ""}, "key_malformed"),
    ],
)
def test_a_call_that_was_not_counted_is_told_nothing(
    world: IngressWorld, path: str, headers: dict[str, str], code: str
) -> None:
    world.declare(acme=limited(1))
    answer = world.as_tenant("acme", path, headers=headers)
    assert (answer.code, RATE_FIELDS & answer.headers.keys()) == (code, set())
    assert world.as_tenant("acme", ECHO).status == 202


def test_a_limit_of_one_route_leaves_the_others_alone(world: IngressWorld) -> None:
    world.declare(acme=limited(1, route="order_created"))
    answers = [world.as_tenant("acme", path, b'{"id":1}') for path in (ORDER, ORDER, ECHO, ECHO)]
    assert [answer.status for answer in answers] == [202, 429, 202, 202]
    assert RATE_FIELDS & answers[2].headers.keys() == set()


def test_a_limit_per_client_is_by_the_platforms_address_and_not_by_what_the_caller_says(world: IngressWorld) -> None:
    world.declare(acme=limited(1, per="client"))
    assert world.as_tenant("acme", ECHO).status == 202
    assert world.as_tenant("acme", ECHO, headers={"x-forwarded-for": "198.51.100.1"}).status == 429
    world.source_ip = "198.51.100.1"
    assert world.as_tenant("acme", ECHO).status == 202
    world.source_ip = "2001:db8::1"
    assert world.as_tenant("acme", ECHO).status == 202
    world.source_ip = "2001:db8::2"
    assert world.as_tenant("acme", ECHO).status == 429


def test_without_a_limit_nothing_is_called_and_nothing_is_told(world: IngressWorld) -> None:
    world.declare(acme=limited(1), beta=UNLIMITED)
    world.refuse.add("UpdateItem")
    for answer in (world.as_tenant("beta", ECHO), world.with_token(ECHO)):
        assert answer.status == 202
        assert RATE_FIELDS & answer.headers.keys() == set()
    assert world.items("rate_limits") == []


def test_a_run_and_the_api_are_read_without_being_counted(world: IngressWorld) -> None:
    world.declare(acme=limited(1))
    trace_id = world.as_tenant("acme", ECHO).document["traceId"]
    for path in (f"/api/runs/{trace_id}", "/api/openapi.json"):
        assert world.send(world.event("GET", path, headers=credentials_of("acme"))).status == 200


def test_a_bucket_that_does_not_answer_lets_nobody_pass_and_asks_to_come_back(
    world: IngressWorld, capsys: pytest.CaptureFixture[str]
) -> None:
    world.declare(acme=limited(5), beta=UNLIMITED)
    world.refuse.add("UpdateItem")
    answer = world.as_tenant("acme", ECHO)
    assert (answer.status, answer.code, answer.headers["retry-after"]) == (503, "store_unavailable", "2")
    assert "a store did not answer" in capsys.readouterr().out
    assert world.items("idempotency_keys") == []
    assert world.as_tenant("beta", ECHO).status == 202
    world.refuse.clear()
    assert world.as_tenant("acme", ECHO).status == 202


CONTAINERS, CALLS, LIMIT = 8, 200, 50


def test_of_200_parallel_calls_at_a_limit_of_50_exactly_50_pass(
    world: IngressWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Eight containers, each with a memory of its own, on one table; time stands still, so that nothing refills."""
    world.declare(acme=limited(LIMIT))
    one_at_a_time(monkeypatch)
    containers = [fresh_container() for _ in range(CONTAINERS)]

    def call(number: int) -> tuple[int, str]:
        event = world.event("POST", ECHO, b"{}", credentials_of("acme") | {"idempotency-key": f"k-{number}"})
        answer = handler._answer(containers[number % CONTAINERS], event, f"r-{number}", lambda: 1.0)
        return answer.response.status, answer.response.headers["ratelimit"]

    with ThreadPoolExecutor(CALLS) as pool:
        answers = list(pool.map(call, range(CALLS)))
    passed = [state for status, state in answers if status == 202]
    assert len(passed) == len(world.items("idempotency_keys")) == LIMIT
    assert sorted(int(re.findall(r"r=(\d+)", state)[0]) for state in passed) == list(range(LIMIT))
    assert [status for status, _ in answers].count(429) == CALLS - LIMIT


def fresh_container() -> wiring.Ingress:
    wiring.ingress.cache_clear()
    return wiring.ingress()


def one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """As DynamoDB decides about an item; moto is not thread-safe."""
    lock, real = Lock(), BotocoreStubber.__call__

    def locked(stubber: BotocoreStubber, *args: object, **options: object) -> object:
        with lock:
            return real(stubber, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(BotocoreStubber, "__call__", locked)


def test_no_cold_start_pays_for_limits_and_refusals() -> None:
    rare = {
        "functions.ingress.rate",
        "functions.ingress.kept_refusal",
        "functions.ingress.signed_lines",
        "workerflow.adapters.dynamodb.rate_limits",
        "workerflow.adapters.dynamodb.refused_calls",
    }
    program = "import sys, functions.ingress.handler, functions.ingress.wiring as wiring; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=ENVIRONMENT)
    assert rare & set(done.stdout.split()) == set()


ENVIRONMENT = {"PYTHONPATH": ":".join(path for path in sys.path if path), "AWS_DEFAULT_REGION": "eu-central-1"}
