"""Tokens and sessions become items and come back the same, whatever is in them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.access import a_session, a_token
from workerflow.adapters.dynamodb.attributes import pack, unpack
from workerflow.adapters.dynamodb.items import access
from workerflow.domain.access import Scope, Session, Token
from workerflow.domain.errors import IntegrityError

TIMES = st.integers(0, 9_999_999_999_999)
DIGESTS = st.binary(min_size=32, max_size=32).map(bytes.hex)
IDS = st.from_regex(r"[a-z2-7]{12}", fullmatch=True)
TOKENS = st.builds(
    Token,
    token_id=IDS,
    name=st.from_regex(r"[a-z0-9][a-z0-9 ._@+-]{0,62}", fullmatch=True),
    scope=st.sampled_from(Scope),
    tenant=st.none() | st.from_regex(r"[a-z0-9][a-z0-9-]{0,62}", fullmatch=True),
    digest=DIGESTS,
    created_at_ms=TIMES,
    expires_at_ms=TIMES,
    revoked_at_ms=st.none() | TIMES,
)
SESSIONS = st.builds(Session, digest=DIGESTS, token_id=IDS, created_at_ms=TIMES, seen_at_ms=TIMES)


@given(TOKENS)
def test_a_token_comes_back_the_same(token: Token) -> None:
    assert access.token_from_item(unpack(pack(access.token_to_item(token, "1" * 16)))) == token


@given(SESSIONS)
def test_a_session_comes_back_the_same(session: Session) -> None:
    assert access.session_from_item(unpack(pack(access.session_to_item(session)))) == session


@pytest.mark.parametrize("change", [{"name": ...}, {"created_ms": ...}, {"scope": "all"}, {"digest": "text"}], ids=repr)
def test_a_token_that_no_code_of_ours_wrote_is_told_as_such(change: dict[str, Any]) -> None:
    changed = access.token_to_item(a_token(), "1") | change
    item = {name: value for name, value in changed.items() if value is not ...}
    with pytest.raises(IntegrityError):
        access.token_from_item(item)


def test_a_session_that_no_code_of_ours_wrote_is_told_as_such() -> None:
    item = access.session_to_item(a_session())
    del item["token_id"]
    with pytest.raises(IntegrityError):
        access.session_from_item(item)
