"""Who gets in: a live token, a live signature, both or none, and never a tenant that does not exist."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workerflow.domain.credential_refusals import SignatureRequiredError, TokenRequiredError, UnauthorizedError
from workerflow.domain.credentials import Credentials, Presented, PresentedSignature, Proof, prove
from workerflow.domain.errors import IntegrityError
from workerflow.domain.refusals import RefusedError
from workerflow.domain.signature import SignedCall, sign, with_decoys

NOW = 1_764_000_000
CURRENT, PREVIOUS = "token-current-0123456789", "token-previous-0123456789"
SIGNING, RETIRING = "signing-current-0123456789", "signing-previous-0123456789"
LIVE = Credentials((CURRENT, PREVIOUS), (SIGNING, RETIRING))
CALL = SignedCall(str(NOW), "POST", "/api/webhook_echo", "", "default", "k", b"{}")


def signed(secret: bytes | str, call: SignedCall = CALL) -> Presented:
    return Presented(signature=PresentedSignature(sign(secret, call), call))


def attempt(presented: Presented, credentials: Credentials = LIVE, *, tenant_exists: bool = True) -> Proof:
    return prove(presented, credentials, tenant_exists=tenant_exists, now_seconds=NOW)


def refused(presented: Presented, credentials: Credentials = LIVE, *, tenant_exists: bool = True) -> str:
    with pytest.raises(UnauthorizedError) as caught:
        attempt(presented, credentials, tenant_exists=tenant_exists)
    assert caught.value.status == 401
    return caught.value.code


@pytest.mark.parametrize("token", [CURRENT, PREVIOUS])
def test_a_live_token_is_proof(token: str) -> None:
    assert attempt(Presented(token=token)) == Proof(by_token=True, by_signature=False)


@pytest.mark.parametrize("secret", [SIGNING, RETIRING])
def test_a_signature_by_a_live_secret_is_proof(secret: str) -> None:
    assert attempt(signed(secret)) == Proof(by_token=False, by_signature=True)


def test_both_together_prove_both() -> None:
    assert attempt(replace(signed(SIGNING), token=CURRENT)) == Proof(by_token=True, by_signature=True)


@given(st.text(max_size=40))
def test_no_other_token_is_proof(token: str) -> None:
    assert refused(Presented(token=token)) == "token_mismatch"


@pytest.mark.parametrize("token", ["", CURRENT[:-1], CURRENT + "x", CURRENT.upper(), SIGNING])
def test_a_token_counts_whole_or_not_at_all(token: str) -> None:
    assert refused(Presented(token=token)) == "token_mismatch"


def test_one_valid_kind_does_not_make_up_for_an_invalid_other() -> None:
    assert refused(replace(signed(SIGNING), token="wrong")) == "token_mismatch"
    assert refused(replace(signed("wrong"), token=CURRENT)) == "signature_mismatch"


def test_a_call_that_presents_nothing_is_told_so() -> None:
    assert refused(Presented()) == "credentials_missing"


def test_the_signing_secret_of_a_kind_is_no_token_and_the_token_signs_nothing() -> None:
    assert refused(Presented(token=SIGNING)) == "token_mismatch"
    assert refused(signed(CURRENT)) == "signature_mismatch"


@pytest.mark.parametrize("presented", [Presented(token=CURRENT), signed(SIGNING), signed("")])
def test_a_tenant_without_credentials_lets_nobody_in(presented: Presented) -> None:
    assert refused(presented, Credentials()).endswith("_mismatch")


@pytest.mark.parametrize("live", [Credentials(), Credentials((CURRENT,), (SIGNING,)), LIVE])
def test_a_decoy_is_no_secret(live: Credentials) -> None:
    for decoy in with_decoys(()):
        assert isinstance(decoy, bytes)
        assert refused(Presented(token=decoy.decode()), live) == "token_mismatch"
        assert refused(signed(decoy), live) == "signature_mismatch"


def test_an_unknown_tenant_is_refused_like_a_wrong_secret_even_with_valid_credentials() -> None:
    assert refused(Presented(token=CURRENT), tenant_exists=False) == refused(Presented(token="wrong"))
    assert refused(signed(SIGNING), tenant_exists=False) == refused(signed("wrong"))


@pytest.mark.parametrize(
    ("timestamp", "text", "code"),
    [
        (str(NOW), "v1=zz", "signature_malformed"),
        ("soon", None, "signature_timestamp_malformed"),
        (str(NOW - 301), None, "signature_timestamp_skew"),
        (str(NOW + 301), None, "signature_timestamp_skew"),
    ],
)
def test_what_is_wrong_with_a_signature_is_told_by_its_code(timestamp: str, text: str | None, code: str) -> None:
    call = replace(CALL, timestamp=timestamp)
    presented = Presented(signature=PresentedSignature(text or "v1=" + "0" * 64, call))
    assert refused(presented) == code
    assert refused(presented, tenant_exists=False) == code


TOKEN, SIGNATURE = Proof(by_token=True, by_signature=False), Proof(by_token=False, by_signature=True)


def test_a_route_decides_which_proof_is_enough() -> None:
    for proof in (TOKEN, SIGNATURE):
        proof.require("any")
    TOKEN.require("token")
    SIGNATURE.require("signature")
    with pytest.raises(SignatureRequiredError):
        TOKEN.require("signature")
    with pytest.raises(TokenRequiredError):
        SIGNATURE.require("token")
    Proof(by_token=True, by_signature=True).require("signature")
    Proof(by_token=True, by_signature=True).require("token")


def test_the_stored_document_is_read_current_first() -> None:
    document = {"token": {"previous": PREVIOUS, "current": CURRENT}, "signing": {"current": SIGNING}}
    assert Credentials.parse(json.dumps(document)) == Credentials((CURRENT, PREVIOUS), (SIGNING,))


@pytest.mark.parametrize("document", ["{}", '{"token":{}}', '{"token":null,"signing":{"current":null}}'])
def test_a_document_may_have_no_secret_at_all(document: str) -> None:
    assert Credentials.parse(document) == Credentials()


@pytest.mark.parametrize(
    "document",
    [
        "",
        "a-plain-text-secret-0123456789",
        "[]",
        '"text"',
        '{"tokens":{"current":"a-secret-0123456789"}}',
        '{"token":"a-secret-0123456789"}',
        '{"token":{"next":"a-secret-0123456789"}}',
        '{"token":{"current":""}}',
        '{"signing":{"current":"fifteen-charact"}}',
        '{"signing":{"current":1234567890123456}}',
        '{"signing":{"current":["a-secret-0123456789"]}}',
    ],
)
def test_a_document_of_another_shape_is_refused_without_being_repeated(document: str) -> None:
    with pytest.raises(IntegrityError) as caught:
        Credentials.parse(document)
    assert "0123456789" not in str(caught.value)


def test_no_secret_shows_in_a_representation() -> None:
    shown = repr(LIVE) + repr(Presented(token=CURRENT))
    assert not any(secret in shown for secret in (CURRENT, PREVIOUS, SIGNING, RETIRING))


def test_all_refusals_of_credentials_carry_a_challenge() -> None:
    with pytest.raises(RefusedError) as caught:
        attempt(Presented())
    assert caught.value.headers["www-authenticate"].startswith("Bearer")


def told(presented: Presented, *, tenant_exists: bool) -> str:
    with pytest.raises(UnauthorizedError) as caught:
        attempt(presented, tenant_exists=tenant_exists)
    return caught.value.detail


@pytest.mark.parametrize(
    ("presented", "hint"),
    [
        (signed("wrong"), "signed lines"),
        (Presented(signature=PresentedSignature("v1=zz", CALL)), "64 lower-case hex digits"),
        (signed(SIGNING, replace(CALL, timestamp=str(NOW + 301))), "300 s"),
        (Presented(token="wrong"), "token"),
    ],
)
def test_each_refusal_says_what_to_change_and_nothing_of_the_tenant(presented: Presented, hint: str) -> None:
    assert hint in told(presented, tenant_exists=True)
    assert told(presented, tenant_exists=True) == told(presented, tenant_exists=False)
