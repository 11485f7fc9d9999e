"""Webhooks as their senders sign them, to the deployed stack: each event is one task, whoever sends it again."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping

import pytest

from tests.e2e.backstage import Backstage
from tests.e2e.calls import Api
from tests.e2e.published import SENDER_ROUTES
from tests.e2e.test_http import problem_of
from tests.support.senders import BODIES, OTHER_SECRETS, TIMED, signed_by
from tools.local import Answer, LocalStack
from tools.local.demo import github_push
from workerflow.domain.senders import SENDERS


def post(
    stack: LocalStack, sender: str, headers: Mapping[str, str], body: bytes, *, route: str | None = None
) -> Answer:
    sent = {"content-type": "application/json", **headers}
    return stack.send("POST", f"/api/{route or SENDER_ROUTES[sender]}", body=body, headers=sent)


def now() -> int:
    return int(time.time())


@pytest.mark.parametrize("sender", SENDERS)
def test_a_senders_call_becomes_a_task_and_its_repetition_the_same_one(
    stack: LocalStack, api: Api, sender: str
) -> None:
    body = BODIES[sender]
    first = post(stack, sender, signed_by(sender, at=now() - 2), body)
    captured = post(stack, sender, signed_by(sender, at=now() - 2), body)
    sent_again = post(stack, sender, signed_by(sender, at=now()) | {"idempotency-key": "another"}, body)

    assert (first.status, first.json()["duplicate"]) == (202, False)
    for duplicate in (captured, sent_again):
        assert duplicate.status == 202
        assert duplicate.json() == {**first.json(), "duplicate": True}
    run = api.ended(first.json()["traceId"])
    assert run["state"] == "succeeded"
    if sender != "github":
        assert run["output"]["document"] == {"sha256": hashlib.sha256(body).hexdigest()}


@pytest.mark.parametrize("sender", SENDERS)
def test_a_call_that_was_tampered_with_is_refused(stack: LocalStack, backstage: Backstage, sender: str) -> None:
    source, body = f"route:{SENDER_ROUTES[sender]}", BODIES[sender]
    before = len(backstage.accepted(source))
    signed, forged = signed_by(sender, at=now()), body.replace(b"{", b'{"forged":1,', 1)
    by_another = signed_by(sender, at=now(), secret=OTHER_SECRETS[sender])

    assert problem_of(post(stack, sender, signed, forged), 401) == "signature_mismatch"
    assert problem_of(post(stack, sender, by_another, body), 401) == "signature_mismatch"
    assert problem_of(post(stack, sender, {}, body), 401) == "credentials_missing"
    if sender in TIMED:
        captured = signed_by(sender, at=now() - 310)
        assert problem_of(post(stack, sender, captured, body), 401) == "signature_timestamp_skew"
    assert len(backstage.accepted(source)) == before


def test_a_senders_secret_is_good_for_its_own_route_only(stack: LocalStack) -> None:
    signed, body = signed_by("github", at=now()), BODIES["github"]

    assert problem_of(post(stack, "github", signed, body, route="webhook_echo"), 401) == "signature_mismatch"
    own = stack.post_signed("/api/github_events", body, "our-own-signature")
    assert problem_of(own, 403) == "sender_required"


def test_a_push_is_summarised(stack: LocalStack, api: Api) -> None:
    body = github_push()
    taken = post(stack, "github", signed_by("github", at=now(), body=body), body)

    output = api.ended(taken.json()["traceId"])["output"]["document"]
    assert (output["event"], output["repository"]) == ("push", "Codertocat/Hello-World")


def test_slack_is_answered_its_challenge_and_no_task_is_made(stack: LocalStack, backstage: Backstage) -> None:
    before = len(backstage.accepted("route:e2e_slack"))
    body = json.dumps({"type": "url_verification", "challenge": "3eZbrw1aBm2rZgRNFdxV"}).encode()
    answer = post(stack, "slack", signed_by("slack", at=now(), body=body), body)
    forged = post(stack, "slack", signed_by("slack", at=now()), body)

    assert (answer.status, answer.json()) == (200, {"challenge": "3eZbrw1aBm2rZgRNFdxV"})
    assert problem_of(forged, 401) == "signature_mismatch"
    assert len(backstage.accepted("route:e2e_slack")) == before
