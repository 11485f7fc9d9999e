"""TokenStore, SessionStore: what both implementations promise."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from tests.contract.worlds import Ports
from tests.support.access import TOKEN_ID, a_session, a_sign_in, a_token, an_audit
from tests.support.tasks import NOW_MS
from workerflow.domain.access import Scope, Token
from workerflow.domain.errors import StoreUnavailableError
from workerflow.ports.stores import Conflict, Written

TOKEN = a_token()
CREATED = an_audit()
REVOKED = replace(TOKEN, revoked_at_ms=NOW_MS + 1)
REVOCATION = an_audit("token.revoked", "2" * 16)
SESSION = a_session()
BEGUN = a_sign_in()
ENDED = replace(BEGUN, nonce="5" * 16, action="session.ended")


@pytest.mark.parametrize("token", [TOKEN, a_token(scope=Scope.READ, tenant="acme"), REVOKED], ids=repr)
def test_a_token_is_read_back_whole(world: Ports, token: Token) -> None:
    assert world.tokens.get_token(TOKEN_ID) is None
    assert world.tokens.add_token(token, CREATED) == Written()
    assert world.tokens.get_token(TOKEN_ID) == token
    assert world.tokens.get_token("z" * 12) is None
    assert world.audit_events() == [CREATED]


def test_tokens_are_listed_by_id(world: Ports) -> None:
    ids = ["c" * 12, "a" * 12, "b" * 12]
    for number, token_id in enumerate(ids):
        world.tokens.add_token(a_token(token_id), replace(CREATED, nonce=f"{number:016x}"))
    assert [token.token_id for token in world.tokens.list_tokens()] == sorted(ids)


def test_no_token_takes_the_place_of_another(world: Ports) -> None:
    world.tokens.add_token(TOKEN, CREATED)
    other = replace(TOKEN, name="grace", digest="0" * 64)
    assert world.tokens.add_token(other, replace(CREATED, nonce="3" * 16)) == Conflict(TOKEN)
    assert world.tokens.get_token(TOKEN_ID) == TOKEN
    assert world.audit_events() == [CREATED]


def test_a_token_whose_making_was_not_answered_is_found_to_be_our_own(world: Ports) -> None:
    with world.losing_answers(), pytest.raises(StoreUnavailableError):
        world.tokens.add_token(TOKEN, CREATED)
    assert world.tokens.add_token(TOKEN, CREATED) == Written()
    assert world.audit_events() == [CREATED]


def test_a_token_that_is_refused_leaves_nothing_behind(world: Ports) -> None:
    with world.refusing(), pytest.raises(StoreUnavailableError):
        world.tokens.add_token(TOKEN, CREATED)
    assert world.tokens.get_token(TOKEN_ID) is None
    assert world.audit_events() == []


def test_a_token_is_revoked_once(world: Ports) -> None:
    world.tokens.add_token(TOKEN, CREATED)
    assert world.tokens.revoke_token(REVOKED, REVOCATION) == Written()
    assert world.tokens.get_token(TOKEN_ID) == REVOKED
    later = replace(TOKEN, revoked_at_ms=NOW_MS + 2)
    assert world.tokens.revoke_token(later, replace(REVOCATION, nonce="3" * 16)) == Conflict(REVOKED)
    assert world.tokens.get_token(TOKEN_ID) == REVOKED
    assert sorted(event.action for event in world.audit_events()) == ["token.created", "token.revoked"]


def test_a_token_that_does_not_exist_cannot_be_revoked(world: Ports) -> None:
    assert world.tokens.revoke_token(REVOKED, REVOCATION) == Conflict(None)
    assert world.tokens.get_token(TOKEN_ID) is None
    assert world.audit_events() == []


def test_a_revocation_that_was_not_answered_is_found_to_be_our_own(world: Ports) -> None:
    world.tokens.add_token(TOKEN, CREATED)
    with world.losing_answers(), pytest.raises(StoreUnavailableError):
        world.tokens.revoke_token(REVOKED, REVOCATION)
    assert world.tokens.revoke_token(REVOKED, REVOCATION) == Written()
    assert len(world.audit_events()) == 2


def test_one_of_twenty_threads_revokes_a_token(world: Ports) -> None:
    world.tokens.add_token(TOKEN, CREATED)

    def revoke(number: int) -> object:
        token = replace(TOKEN, revoked_at_ms=NOW_MS + number)
        return world.tokens.revoke_token(token, replace(REVOCATION, nonce=f"{number:016x}"))

    with ThreadPoolExecutor(20) as pool:
        assert list(pool.map(revoke, range(20))).count(Written()) == 1
    assert len(world.audit_events()) == 2


def test_a_session_is_read_back_whole(world: Ports) -> None:
    assert world.sessions.get_session(SESSION.digest) is None
    world.sessions.add_session(SESSION, BEGUN)
    assert world.sessions.get_session(SESSION.digest) == SESSION
    assert world.sessions.get_session("0" * 64) is None
    assert world.audit_events() == [BEGUN]


def test_a_session_that_is_refused_leaves_nothing_behind(world: Ports) -> None:
    with world.refusing(), pytest.raises(StoreUnavailableError):
        world.sessions.add_session(SESSION, BEGUN)
    assert world.sessions.get_session(SESSION.digest) is None
    assert world.audit_events() == []


def test_the_last_use_of_a_session_is_written(world: Ports) -> None:
    seen = replace(SESSION, seen_at_ms=NOW_MS + 60_000)
    world.sessions.add_session(SESSION, BEGUN)
    world.sessions.touch_session(seen)
    assert world.sessions.get_session(SESSION.digest) == seen


def test_a_session_that_was_ended_stays_ended_and_is_told_of_once(world: Ports) -> None:
    world.sessions.add_session(SESSION, BEGUN)
    world.sessions.end_session(SESSION.digest, ENDED)
    world.sessions.end_session(SESSION.digest, replace(ENDED, nonce="6" * 16))
    world.sessions.touch_session(replace(SESSION, seen_at_ms=NOW_MS + 60_000))
    assert world.sessions.get_session(SESSION.digest) is None
    assert sorted(event.action for event in world.audit_events()) == ["session.created", "session.ended"]


def test_an_end_that_was_not_answered_is_told_of_once(world: Ports) -> None:
    world.sessions.add_session(SESSION, BEGUN)
    with world.losing_answers(), pytest.raises(StoreUnavailableError):
        world.sessions.end_session(SESSION.digest, ENDED)
    world.sessions.end_session(SESSION.digest, ENDED)
    assert len(world.audit_events()) == 2


def test_an_end_that_is_refused_ends_nothing(world: Ports) -> None:
    world.sessions.add_session(SESSION, BEGUN)
    with world.refusing(), pytest.raises(StoreUnavailableError):
        world.sessions.end_session(SESSION.digest, ENDED)
    assert world.sessions.get_session(SESSION.digest) == SESSION
    assert world.audit_events() == [BEGUN]


def test_sessions_and_tokens_are_not_mistaken_for_each_other(world: Ports) -> None:
    world.tokens.add_token(TOKEN, CREATED)
    world.sessions.add_session(SESSION, BEGUN)
    assert list(world.tokens.list_tokens()) == [TOKEN]
