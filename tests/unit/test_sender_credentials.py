"""A sender's signature is proof for the one route that its secret belongs to, and for nothing else."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from tests.support.senders import OTHER_SECRETS, SECRETS, signed_by
from workerflow.domain.credential_refusals import SenderNotTakenError, SenderRequiredError, UnauthorizedError
from workerflow.domain.credentials import Credentials, Presented, PresentedSignature, Proof, prove
from workerflow.domain.errors import IntegrityError
from workerflow.domain.route import Authentication
from workerflow.domain.sender_call import SenderCall
from workerflow.domain.senders import SENDERS
from workerflow.domain.signature import SignedCall, sign

NOW = 1_764_000_000
TOKEN, SIGNING, ELSEWHERE = "token-current-0123456789", "signing-current-0123456789", "elsewhere-0123456789"
LIVE = Credentials(
    (TOKEN,), (SIGNING,), {"from_github": (SECRETS["github"], OTHER_SECRETS["github"]), "other": (ELSEWHERE,)}
)
CALL = SignedCall(str(NOW), "POST", "/api/from_github", "", "default", "k", b"{}")


def sent(name: str = "github", secret: str | None = None, *, route: str = "from_github", at: int = NOW) -> Presented:
    headers = signed_by(name, at=at, secret=secret, body=b"{}")
    sender = SENDERS[name]
    return Presented(sender_call=SenderCall(sender, route, {one: headers[one] for one in sender.headers}, b"{}"))


def altered(name: str, header: str, value: str) -> Presented:
    call = sent(name).sender_call
    assert call is not None
    return Presented(sender_call=replace(call, headers={**call.headers, header: value}))


def signed(secret: str) -> Presented:
    return Presented(signature=PresentedSignature(sign(secret, CALL), CALL))


def told(presented: Presented, *, tenant_exists: bool = True) -> tuple[str, str]:
    with pytest.raises(UnauthorizedError) as caught:
        prove(presented, LIVE, tenant_exists=tenant_exists, now_seconds=NOW)
    assert caught.value.status == 401
    return caught.value.code, caught.value.detail


def refused(presented: Presented) -> str:
    return told(presented)[0]


def test_a_senders_secret_of_the_route_proves_it_and_the_proof_names_the_sender() -> None:
    for secret in LIVE.sender_secrets["from_github"]:
        presented = sent(secret=secret)
        proof = prove(presented, LIVE, tenant_exists=True, now_seconds=NOW)
        assert proof == Proof(by_token=False, by_signature=False, sender_call=presented.sender_call)
        assert proof.sender is SENDERS["github"]


@pytest.mark.parametrize("route", ["other", "nothing", ""])
def test_a_senders_secret_is_good_for_its_own_route_only(route: str) -> None:
    assert refused(sent(route=route)) == "signature_mismatch"


def test_neither_the_tenants_secrets_nor_a_senders_stand_in_for_one_another() -> None:
    assert refused(sent(secret=SIGNING)) == "signature_mismatch"
    assert refused(sent(secret=TOKEN)) == "signature_mismatch"
    assert refused(signed(SECRETS["github"])) == "signature_mismatch"
    assert refused(Presented(token=SECRETS["github"])) == "token_mismatch"


def test_an_unknown_tenant_and_an_unknown_route_are_told_the_same_as_a_wrong_secret() -> None:
    wrong = told(sent(secret=OTHER_SECRETS["stripe"]))
    assert told(sent(route="nothing")) == wrong
    assert told(sent(), tenant_exists=False) == wrong


def test_a_token_beside_a_senders_signature_has_to_be_right_too() -> None:
    both = replace(sent(), token=TOKEN)
    assert prove(both, LIVE, tenant_exists=True, now_seconds=NOW).by_token
    assert refused(replace(both, token="wrong")) == "token_mismatch"
    assert refused(replace(sent(secret="wrong-0123456789"), token=TOKEN)) == "signature_mismatch"


@pytest.mark.parametrize(
    ("presented", "hint"),
    [
        (sent("stripe", at=NOW + 301), "300 s"),
        (altered("stripe", "stripe-signature", f"v1={'0' * 64}"), "`t` in `stripe-signature`"),
        (altered("slack", "x-slack-request-timestamp", "now"), "`x-slack-request-timestamp`"),
        (altered("github", "x-hub-signature-256", "junk"), "`sha256=` and 64 lower-case hex digits"),
        (sent("shopify"), "the secret of this route"),
    ],
)
def test_what_is_wrong_with_a_senders_signature_is_told_in_its_own_words(presented: Presented, hint: str) -> None:
    assert hint in told(presented)[1]


OTHER_PROOFS = [Proof(by_token=one, by_signature=other) for one, other in ((True, False), (False, True), (True, True))]
BY_GITHUB = Proof(by_token=False, by_signature=False, sender_call=sent().sender_call)


def test_a_route_for_a_sender_takes_that_senders_proof_and_no_other() -> None:
    BY_GITHUB.require("github")
    replace(BY_GITHUB, by_token=True).require("github")
    for proof in OTHER_PROOFS:
        with pytest.raises(SenderRequiredError, match="x-hub-signature-256"):
            proof.require("github")
    with pytest.raises(SenderNotTakenError):
        BY_GITHUB.require("stripe")


@pytest.mark.parametrize("authentication", ["any", "signature", "token"])
@pytest.mark.parametrize("by_token", [True, False])
def test_other_routes_never_take_a_senders_proof(authentication: Authentication, by_token: bool) -> None:
    with pytest.raises(SenderNotTakenError):
        replace(BY_GITHUB, by_token=by_token).require(authentication)


def test_the_stored_document_has_senders_secrets_by_route() -> None:
    github, stripe = SECRETS["github"], SECRETS["stripe"]
    document = {"senders": {"a": {"previous": stripe, "current": github}, "b": {"current": stripe}, "c": {}}}
    assert Credentials.parse(json.dumps(document)) == Credentials(
        sender_secrets={"a": (github, stripe), "b": (stripe,), "c": ()}
    )
    assert Credentials.parse('{"senders":null}') == Credentials()


@pytest.mark.parametrize(
    "document",
    [
        '{"senders":[]}',
        '{"senders":{"a":"a-secret-0123456789"}}',
        '{"senders":{"a":{"next":"a-secret-0123456789"}}}',
        '{"senders":{"a":{"current":""}}}',
        '{"senders":{"a":{"current":"fifteen-charact"}}}',
        '{"senders":{"a":{"current":["a-secret-0123456789"]}}}',
        '{"senders":{"a":{"current":"\\ud800a-secret-0123456789"}}}',
        '{"signing":{"current":"a-secret-0123456789\\udfff"}}',
    ],
)
def test_senders_secrets_of_another_shape_are_refused_without_being_repeated(document: str) -> None:
    with pytest.raises(IntegrityError) as caught:
        Credentials.parse(document)
    assert "0123456789" not in str(caught.value)


def test_no_senders_secret_shows_in_a_representation() -> None:
    assert SECRETS["github"] not in repr(LIVE)
