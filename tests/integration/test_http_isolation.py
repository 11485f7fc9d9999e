"""Over HTTP: one tenant's valid credentials, and everything that is another's.

The operations come from the OpenAPI document, so that a new one is tried, too.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.ingress.openapi import openapi_document
from tests.integration.ingress_world import (
    ROUTES,
    Answer,
    IngressWorld,
    credentials_of,
    ingress_world,
    token_of,
)
from workerflow.domain.identity import TraceId, acceptance_hash
from workerflow.domain.manifest import Manifest
from workerflow.domain.signature import SignedCall, sign
from workerflow.domain.tenants import TenantPolicy

THIEF, OWNER = "a", "a-b"
KEYS = ["key", "key#1", "a-b#key", "#", "a"]
"""The same for both tenants; some look like parts of their names."""
BODY = b'{"id":1}'
OPERATIONS = [
    (method.upper(), path)
    for path, item in openapi_document(Manifest.build(ROUTES))["paths"].items()
    for method in item
    if method in {"get", "post"}
]


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[IngressWorld]:
    with ingress_world(monkeypatch, tmp_path) as found:
        found.declare(**{THIEF: TenantPolicy(routes=("webhook_echo", "order_created")), OWNER: TenantPolicy()})
        yield found


def accept(world: IngressWorld, tenant: str, key: str) -> str:
    answer = world.as_tenant(tenant, "/api/webhook_echo", BODY, {"idempotency-key": key})
    assert (answer.status, answer.document["duplicate"]) == (202, False)
    return str(answer.document["traceId"])


def call(world: IngressWorld, method: str, path: str, headers: dict[str, str]) -> Answer:
    body = BODY if method == "POST" else b""
    return world.send(world.event(method, path, body, {"idempotency-key": KEYS[0], **headers}))


def filled(path: str, *, tenant: str, trace_id: str) -> str:
    return path.replace("{tenant}", tenant).replace("{traceId}", trace_id)


def seen(answer: Answer) -> dict[str, Any]:
    return {name: value for name, value in answer.document.items() if name not in {"requestId", "instance"}}


def test_the_same_keys_of_two_tenants_are_two_tasks_and_a_reading_finds_only_ones_own(world: IngressWorld) -> None:
    mine, others = ([accept(world, tenant, key) for key in KEYS] for tenant in (THIEF, OWNER))
    assert len({trace_id[12:] for trace_id in (*mine, *others)}) == 2 * len(KEYS)
    for trace_id in mine:
        assert world.run(trace_id, credentials_of(THIEF)).status == 200
    unknown = world.run("0" * 44, credentials_of(THIEF))
    for trace_id in others:
        answer = world.run(trace_id, credentials_of(THIEF))
        assert (answer.status, seen(answer)) == (404, seen(unknown))


@pytest.mark.parametrize(("method", "path"), [one for one in OPERATIONS if one[1] != "/api/health"])
def test_in_anothers_name_every_operation_is_refused(world: IngressWorld, method: str, path: str) -> None:
    theirs = accept(world, OWNER, "theirs")
    before = (world.items("idempotency_keys"), world.items("runs"))
    target = filled(path, tenant=OWNER, trace_id=theirs)
    name = {} if "{tenant}" in path else {"x-tenant-id": OWNER}
    with_token = {"authorization": f"Bearer {token_of(THIEF)}"} | name
    assert call(world, method, target, with_token).status == 401
    for signer in (THIEF, OWNER):  # signed with a secret that is not the owner's, in either name
        stamp = str(int(time.time()))
        signed = SignedCall(stamp, method, target, "", signer, KEYS[0], BODY if method == "POST" else b"")
        headers = {"x-signature": sign(token_of(THIEF), signed), "x-signature-timestamp": stamp} | name
        assert call(world, method, target, headers).status == 401
    assert (world.items("idempotency_keys"), world.items("runs")) == before


@pytest.mark.parametrize(("method", "path"), [one for one in OPERATIONS if "{traceId}" in one[1]])
def test_in_ones_own_name_what_is_anothers_does_not_exist(world: IngressWorld, method: str, path: str) -> None:
    theirs = accept(world, OWNER, "theirs")
    for trace_id in (theirs, accept(world, THIEF, "mine")[:12] + theirs[12:], theirs.upper(), f"{OWNER}#{theirs}"):
        answer = call(world, method, filled(path, tenant=THIEF, trace_id=trace_id), credentials_of(THIEF))
        assert answer.status == 404


def test_a_route_that_is_not_the_tenants_is_not_there_for_it(world: IngressWorld) -> None:
    assert world.as_tenant(OWNER, "/api/only_token").status == 202
    absent, none = (world.as_tenant(THIEF, f"/api/{route}") for route in ("only_token", "no_such_route"))
    assert (absent.status, absent.code) == (none.status, none.code) == (404, "route_not_found")
    listed = world.send(world.event("GET", "/api/openapi.json", headers=credentials_of(THIEF))).document["paths"]
    assert not [path for path in listed if "only_token" in path]


def test_header_and_path_may_not_name_two(world: IngressWorld) -> None:
    answer = world.as_tenant(THIEF, f"/api/t/{OWNER}/webhook_echo")
    assert (answer.status, answer.code) == (400, "tenant_ambiguous")


def test_nothing_of_another_stands_in_an_answer(world: IngressWorld) -> None:
    theirs = accept(world, OWNER, "theirs")
    answers = [
        world.run(theirs, credentials_of(THIEF)),
        world.run(theirs, {"authorization": f"Bearer {token_of(THIEF)}", "x-tenant-id": OWNER}),
    ]
    for answer in answers:
        told = json.dumps([dict(answer.headers), answer.document])
        assert "webhook_echo" not in told
        assert token_of(OWNER) not in told


tenants = st.from_regex(r"[a-z0-9][a-z0-9-]{0,8}", fullmatch=True)
scopes = st.sampled_from(["route:a", "route:a#b", "schedule:a", "manual:a", "replay:a"])
keys = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=12) | st.sampled_from(KEYS)


@given(st.tuples(tenants, scopes, keys), st.tuples(tenants, scopes, keys), st.integers(0, 2**47))
def test_neither_hashes_nor_trace_ids_of_two_tenants_ever_meet(
    one: tuple[str, str, str], other: tuple[str, str, str], at_ms: int
) -> None:
    hashes = {acceptance_hash(*one), acceptance_hash(*other)}
    assert len(hashes) == len({one, other})
    assert len({TraceId.mint(at_ms, found).value for found in hashes}) == len(hashes)


@given(tenants, tenants, scopes, keys)
def test_nor_do_they_where_separators_move_between_parts(tenant: str, other: str, scope: str, key: str) -> None:
    parts = [(tenant, scope, key), (tenant, f"{scope}{key}", key), (tenant, scope, f"{scope}{key}")]
    parts += [(f"{tenant}-{other}", scope, key), (tenant, f"{other}{scope}", key), (tenant + other, scope, key)]
    assert len({acceptance_hash(*one) for one in parts}) == len(set(parts))
