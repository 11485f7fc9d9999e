"""Payloads and outputs of all sizes: in the item, as an object, and refused."""

from __future__ import annotations

import hashlib
import json
import random

import pytest

from tests.e2e.backstage import Backstage
from tests.e2e.calls import Api
from workerflow.domain.identity import acceptance_hash
from workerflow.domain.json_body import MAX_BODY_BYTES


def test_a_payload_too_large_for_an_item_goes_through_the_bucket(api: Api, backstage: Backstage) -> None:
    noise = random.Random(1).randbytes(25_000).hex()  # noqa: S311 - 50 KB that cannot be compressed below 8
    call = api.start("e2e_async", noise=noise)
    run = api.ended(call.trace_id)

    assert run["output"]["document"]["sha256"] == hashlib.sha256(call.body).hexdigest()
    acceptance = backstage.acceptance("e2e_async", call.key)
    assert acceptance is not None
    assert acceptance.payload.inline is None
    assert backstage.objects(f"default/{acceptance.key_hash}/") == [acceptance.payload.pointer]


def test_an_output_too_large_for_an_item_goes_through_the_bucket(api: Api, backstage: Backstage) -> None:
    call = api.start("e2e_output", seed=7)
    run = api.ended(call.trace_id)

    digests = run["output"]["document"]["digests"]
    assert digests.startswith(hashlib.sha256(b"7 0").hexdigest())
    assert len(digests) > 50_000
    acceptance = backstage.acceptance("e2e_output", call.key)
    assert acceptance is not None
    assert len(backstage.objects(f"default/{acceptance.key_hash}/")) == 1


@pytest.mark.parametrize("size", [MAX_BODY_BYTES - 1, MAX_BODY_BYTES])
def test_a_body_up_to_the_limit_is_taken(api: Api, size: int) -> None:
    call = api.call_with("payload_hash", f"size-{size}", body_of(size))

    assert call.answer.status == 200
    assert call.answer.json() == {"sha256": hashlib.sha256(call.body).hexdigest(), "size": size}


def test_a_body_over_the_limit_is_refused_before_anything_is_written(api: Api, backstage: Backstage) -> None:
    call = api.call_with("payload_hash", "too-large", body_of(MAX_BODY_BYTES + 1))

    assert (call.answer.status, call.answer.json()["code"]) == (413, "body_too_large")
    assert backstage.acceptance("payload_hash", "too-large") is None
    assert backstage.objects(f"default/{acceptance_hash('default', 'route:payload_hash', 'too-large')}/") == []


def body_of(size: int) -> bytes:
    """A JSON text of exactly so many bytes."""
    return json.dumps("x" * (size - 2)).encode()
