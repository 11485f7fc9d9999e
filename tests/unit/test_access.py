"""Tokens, sessions and the keys behind them, as values."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.access import COOKIE, DAY_MS, IDLE_MS, KEYS, SECRET, TOKEN_ID, a_session, a_token, text_of
from tests.support.tasks import NOW_MS
from workerflow.domain.access import (
    SESSION_SECONDS,
    PresentedToken,
    Scope,
    is_session_cookie,
    is_token_name,
)
from workerflow.domain.access_keys import MASTER_BYTES, AccessKeys, are_equal, master_text
from workerflow.domain.errors import IntegrityError

MASTERS = st.binary(min_size=MASTER_BYTES, max_size=MASTER_BYTES)


def test_a_token_is_read_as_its_holder_shows_it() -> None:
    assert PresentedToken.parse(text_of(a_token())) == PresentedToken(TOKEN_ID, SECRET)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "wfd_",
        f"wfd_{TOKEN_ID}_{SECRET}x",
        f"wfd_{TOKEN_ID}_{SECRET[1:]}",
        f"wfd_{TOKEN_ID}_{SECRET}\n",
        f" wfd_{TOKEN_ID}_{SECRET}",
        f"WFD_{TOKEN_ID}_{SECRET}",
        f"wfd_{TOKEN_ID.upper()}_{SECRET}",
        f"wfd_{TOKEN_ID[:-1]}1_{SECRET}",
        f"wfd-{TOKEN_ID}-{SECRET}",
        f"wfd_{TOKEN_ID}_{'é' * 43}",
    ],
)
def test_what_is_no_token_of_ours_is_none(text: str) -> None:
    assert PresentedToken.parse(text) is None


@given(st.text(max_size=80))
def test_any_text_is_read_or_is_none(text: str) -> None:
    found = PresentedToken.parse(text)
    assert found is None or f"wfd_{found.token_id}_{found.secret}" == text


def test_a_token_is_live_until_it_expires_or_is_revoked() -> None:
    token = a_token()
    assert token.is_live(NOW_MS)
    assert token.is_live(token.expires_at_ms - 1)
    assert not token.is_live(token.expires_at_ms)
    assert not a_token(revoked_at_ms=NOW_MS + DAY_MS).is_live(NOW_MS), "whenever that was"


def test_who_may_write_may_read_and_not_the_other_way_round() -> None:
    assert [(scope, other) for scope in Scope for other in Scope if scope.includes(other)] == [
        (Scope.READ, Scope.READ),
        (Scope.WRITE, Scope.READ),
        (Scope.WRITE, Scope.WRITE),
    ]


def test_a_token_is_for_all_tenants_or_for_one() -> None:
    assert a_token().is_for("acme")
    assert a_token(tenant="acme").is_for("acme")
    assert not a_token(tenant="acme").is_for("acme-2")
    assert not a_token(tenant="acme").is_for("default")


def test_an_actor_is_told_by_name_and_id() -> None:
    assert a_token().actor == f"ada ({TOKEN_ID})"


def test_a_session_ends_when_it_is_idle_and_at_its_absolute_limit_however_much_it_is_used() -> None:
    session = a_session()
    assert session.is_live(NOW_MS + IDLE_MS - 1)
    assert not session.is_live(NOW_MS + IDLE_MS)
    end_ms = NOW_MS + SESSION_SECONDS * 1000
    used = type(session)(session.digest, session.token_id, NOW_MS, end_ms - 1)
    assert used.is_live(end_ms - 1)
    assert not used.is_live(end_ms)


@pytest.mark.parametrize(("text", "is_one"), [(COOKIE, True), (COOKIE[1:], False), (COOKIE + "\n", False), ("", False)])
def test_a_cookie_is_43_characters_of_base64url(text: str, is_one: bool) -> None:
    assert is_session_cookie(text) is is_one


@pytest.mark.parametrize("name", ["ada", "ci", "ada@example.com", "on-call 2", "a" * 63])
def test_a_name_of_a_token(name: str) -> None:
    assert is_token_name(name)


@pytest.mark.parametrize("name", ["", " ada", "Ada", "a" * 64, "ada\n", "ada#1", "ada(1)", "<b>", "ädä"])
def test_what_cannot_name_a_token(name: str) -> None:
    assert not is_token_name(name)


def test_the_kept_digest_is_a_keyed_one_of_id_and_secret() -> None:
    token_key = hmac.digest(bytes(range(32)), b"workerflow dashboard v1\0token", "sha256")
    expected = hmac.new(token_key, f"{TOKEN_ID}:{SECRET}".encode(), hashlib.sha256).hexdigest()
    assert KEYS.token_digest(TOKEN_ID, SECRET) == expected


def test_each_key_is_for_one_purpose() -> None:
    assert len({KEYS.token, KEYS.session, KEYS.csrf, KEYS.cursor}) == 4
    assert KEYS.session_digest(COOKIE) != KEYS.csrf_token(COOKIE)
    assert is_session_cookie(KEYS.csrf_token("x")), "43 characters of base64url as well"


@given(MASTERS, MASTERS)
def test_another_master_secret_gives_other_keys(one: bytes, other: bytes) -> None:
    assert (AccessKeys.derive(one) == AccessKeys.derive(other)) is (one == other)


@given(MASTERS)
def test_a_master_secret_is_read_back_from_its_text(master: bytes) -> None:
    assert AccessKeys.parse(master_text(master)) == AccessKeys.derive(master)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "1",
        "{}",
        '{"key": 1}',
        '{"key": null}',
        '{"key": "not base64!"}',
        '{"key": "é"}',
        json.dumps({"key": base64.b64encode(bytes(31)).decode()}),
        json.dumps({"key": base64.b64encode(bytes(33)).decode()}),
        "[" * 100_000,
    ],
    ids=range(12),
)
def test_a_malformed_master_secret_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(IntegrityError) as caught:
        AccessKeys.parse(text)
    assert len(str(caught.value)) < 80


def test_no_key_is_shown_where_the_keys_are_printed() -> None:
    assert repr(KEYS) == "AccessKeys()"


@given(st.binary(max_size=40), st.binary(max_size=40), st.binary(max_size=40), st.binary(max_size=40))
def test_a_seal_is_of_its_scope_and_its_position(scope: bytes, position: bytes, other: bytes, elsewhere: bytes) -> None:
    same = (scope, position) == (other, elsewhere)
    assert (KEYS.cursor_seal(scope, position) == KEYS.cursor_seal(other, elsewhere)) is same


@given(st.text(), st.text())
def test_texts_are_compared_whatever_is_in_them(one: str, other: str) -> None:
    assert are_equal(one, other) is (one == other)
    assert not are_equal("\ud800", "\ud801")
