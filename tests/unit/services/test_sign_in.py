"""Tokens and sessions: who gets in, with which work, and until when."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import ClassVar, override

import pytest

from tests.fakes.access import MASTER, FakeAccessKeys
from tests.fakes.world import FakeWorld
from tests.support.access import (
    COOKIE,
    IDLE_MS,
    KEYS,
    SECRET,
    TOKEN_ID,
    a_session,
    a_sign_in,
    a_token,
    an_audit,
    text_of,
)
from workerflow.domain.access import SESSION_SEEN_EVERY_SECONDS, Token
from workerflow.domain.access_keys import AccessKeys
from workerflow.domain.audit import AuditEvent
from workerflow.domain.errors import StoreUnavailableError
from workerflow.services.authenticate import Authenticate, Denial
from workerflow.services.sign_in import SIGN_INS, ReadSession, SignedIn, SignIn, SignOut, TooManySignIns

ADDRESS = "203.0.113.7"
OTHER_KEYS = AccessKeys.derive(b"o" * 32)


@dataclass
class Access:
    """One world with everything that lets somebody in."""

    world: FakeWorld = field(default_factory=FakeWorld)

    @property
    def keys(self) -> FakeAccessKeys:
        return self.world.access_keys

    @property
    def authenticate(self) -> Authenticate:
        return Authenticate(keys=self.keys, tokens=self.world.tokens, clock=self.world.clock)

    @property
    def sign_in(self) -> SignIn:
        return SignIn(
            authenticate=self.authenticate,
            limits=self.world.rate_limits,
            keys=self.keys,
            sessions=self.world.sessions,
            clock=self.world.clock,
            ids=self.world.ids,
        )

    @property
    def read_session(self) -> ReadSession:
        return ReadSession(
            keys=self.keys,
            sessions=self.world.sessions,
            tokens=self.world.tokens,
            clock=self.world.clock,
            faults=self.world.faults,
        )

    @property
    def sign_out(self) -> SignOut:
        return SignOut(
            keys=self.keys,
            sessions=self.world.sessions,
            tokens=self.world.tokens,
            clock=self.world.clock,
            ids=self.world.ids,
        )

    def leave(self, cookie: str) -> None:
        self.sign_out(cookie, source_address=ADDRESS)

    def told(self) -> list[AuditEvent]:
        """What the audit trail tells of sessions."""
        events = sorted(self.world.memory.audit.values(), key=lambda event: event.at_ms)
        return [event for event in events if event.action.startswith("session.")]

    def keep(self, token: Token | None = None) -> Token:
        kept = token or a_token(now_ms=self.world.clock.now_ms())
        self.world.tokens.add_token(kept, an_audit(now_ms=kept.created_at_ms))
        return kept

    def revoke(self, token: Token) -> None:
        now_ms = self.world.clock.now_ms()
        self.world.tokens.revoke_token(replace(token, revoked_at_ms=now_ms), an_audit("token.revoked", "2" * 16))

    def begin(self, token: Token) -> SignedIn:
        signed_in = self.sign_in(text_of(token), source_address=ADDRESS)
        assert isinstance(signed_in, SignedIn)
        return signed_in

    def calls_of(self, text: str) -> list[str]:
        self.world.memory.calls.clear()
        self.authenticate(text)
        return list(self.world.memory.calls)


@pytest.fixture
def access() -> Access:
    return Access()


def test_a_live_token_is_proven_by_one_read(access: Access) -> None:
    token = access.keep()
    assert access.authenticate(text_of(token)) == token
    assert access.calls_of(text_of(token)) == ["tokens.get_token"]


def test_what_is_wrong_with_a_token_is_not_told_and_costs_the_same_read(access: Access) -> None:
    now_ms = access.world.clock.now_ms()
    kept = access.keep()
    revoked = access.keep(a_token("r" * 12, now_ms=now_ms, revoked_at_ms=now_ms))
    expired = access.keep(replace(a_token("e" * 12, now_ms=now_ms), expires_at_ms=now_ms))
    texts = [text_of(kept, "w" * 43), text_of(a_token("u" * 12)), text_of(revoked), text_of(expired)]
    assert [access.authenticate(text) for text in texts] == [Denial.INVALID] * 4
    assert [access.calls_of(text) for text in texts] == [["tokens.get_token"]] * 4


class CountingKeys(AccessKeys):
    """Counts the digests that are made of what somebody shows: each is made to be compared."""

    made: ClassVar[list[str]] = []

    @override
    def token_digest(self, token_id: str, secret: str) -> str:
        self.made.append(token_id)
        return super().token_digest(token_id, secret)


def test_an_id_that_there_is_not_costs_as_many_digests_as_one_that_there_is(access: Access) -> None:
    kept, now_ms = access.keep(), access.world.clock.now_ms()
    access.keys.kept = CountingKeys.derive(MASTER)
    for text in (text_of(kept, "w" * 43), text_of(a_token("u" * 12, now_ms=now_ms))):
        CountingKeys.made.clear()
        assert access.authenticate(text) is Denial.INVALID
        assert len(CountingKeys.made) == 1


def test_what_is_no_token_is_not_looked_for(access: Access) -> None:
    assert access.authenticate("hello") is Denial.MALFORMED
    assert access.calls_of("hello") == []


def test_a_secret_proves_its_own_id_alone(access: Access) -> None:
    access.keep(a_token("a" * 12))
    access.keep(replace(a_token("b" * 12), digest=KEYS.token_digest("a" * 12, SECRET)))
    assert access.authenticate(text_of(a_token("b" * 12))) is Denial.INVALID


def test_without_keys_nobody_gets_in(access: Access) -> None:
    token = access.keep()
    access.keys.kept = None
    assert access.authenticate(text_of(token)) is Denial.INVALID
    assert access.calls_of(text_of(token)) == ["tokens.get_token"]
    assert access.sign_in(text_of(token), source_address=ADDRESS) is Denial.INVALID


def test_a_token_of_a_key_that_was_replaced_is_worth_nothing_and_a_new_one_at_once(access: Access) -> None:
    old = access.keep()
    new = access.keep(replace(a_token("n" * 12), digest=OTHER_KEYS.token_digest("n" * 12, SECRET)))
    access.keys.newer = OTHER_KEYS
    assert access.authenticate(text_of(new)) == new
    assert access.authenticate(text_of(old)) is Denial.INVALID


def test_a_store_that_does_not_answer_is_no_answer(access: Access) -> None:
    def unreachable(_name: str) -> None:
        raise StoreUnavailableError("throttled")

    token = access.keep()
    access.world.memory.before = unreachable
    with pytest.raises(StoreUnavailableError):
        access.authenticate(text_of(token))


def test_a_token_is_exchanged_for_a_session(access: Access) -> None:
    token = access.keep()
    signed_in = access.begin(token)
    live = access.read_session(signed_in.cookie)
    assert live == signed_in.live
    assert live is not None
    assert (live.token, live.csrf) == (token, KEYS.csrf_token(live.session.digest))


def test_of_a_cookie_only_its_keyed_digest_is_kept(access: Access) -> None:
    signed_in = access.begin(access.keep())
    [session] = access.world.memory.sessions.values()
    assert session.digest == KEYS.session_digest(signed_in.cookie)
    assert signed_in.cookie not in repr(access.world.memory)
    assert signed_in.cookie not in repr(signed_in)


def test_two_sign_ins_are_two_sessions_with_forms_of_their_own(access: Access) -> None:
    token = access.keep()
    one, other = access.begin(token), access.begin(token)
    assert one.cookie != other.cookie
    assert one.live.csrf != other.live.csrf


def test_attempts_are_counted_before_the_token_is_looked_at(access: Access) -> None:
    token = access.keep()
    for _ in range(SIGN_INS.requests):
        assert access.sign_in("hello", source_address=ADDRESS) is Denial.MALFORMED
    access.world.memory.calls.clear()
    refused = access.sign_in(text_of(token), source_address=ADDRESS)
    assert refused == TooManySignIns(SIGN_INS.seconds / SIGN_INS.requests)
    assert access.world.memory.calls == ["rate_limits.take"]
    assert isinstance(access.sign_in(text_of(token), source_address="203.0.113.8"), SignedIn)
    access.world.clock.advance(SIGN_INS.seconds / SIGN_INS.requests)
    assert isinstance(access.sign_in(text_of(token), source_address=ADDRESS), SignedIn)


def test_whoever_has_a_line_of_addresses_is_one_client(access: Access) -> None:
    for number in range(SIGN_INS.requests):
        access.sign_in("hello", source_address=f"2001:db8::{number:x}")
    assert isinstance(access.sign_in("hello", source_address="2001:db8::ffff"), TooManySignIns)


def test_the_limit_of_sign_ins_is_no_tenants(access: Access) -> None:
    access.sign_in("hello", source_address=ADDRESS)
    assert [tenant for tenant, _ in access.world.memory.buckets] == [""]


def test_a_session_ends_when_nobody_used_it(access: Access) -> None:
    cookie = access.begin(access.keep()).cookie
    access.world.clock.advance(IDLE_MS / 1000 - 1)
    assert access.read_session(cookie) is not None
    access.world.clock.advance(IDLE_MS / 1000)
    assert access.read_session(cookie) is None


def test_a_session_ends_at_its_absolute_limit_however_much_it_is_used(access: Access) -> None:
    cookie = access.begin(access.keep()).cookie
    for _ in range(12 * 2 - 1):
        access.world.clock.advance(1800)
        assert access.read_session(cookie) is not None
    access.world.clock.advance(1800)
    assert access.read_session(cookie) is None


def test_a_session_ends_at_once_when_its_token_is_revoked(access: Access) -> None:
    token = access.keep()
    cookie = access.begin(token).cookie
    assert access.read_session(cookie) is not None
    access.revoke(token)
    assert access.read_session(cookie) is None


def test_a_session_ends_when_its_token_expires(access: Access) -> None:
    now_ms = access.world.clock.now_ms()
    cookie = access.begin(access.keep(replace(a_token(now_ms=now_ms), expires_at_ms=now_ms + 60_000))).cookie
    access.world.clock.advance(60)
    assert access.read_session(cookie) is None


def test_a_session_whose_token_is_gone_is_nobodys(access: Access) -> None:
    cookie = access.begin(access.keep()).cookie
    del access.world.memory.tokens[TOKEN_ID]
    assert access.read_session(cookie) is None


def test_signing_out_ends_the_session_and_no_other(access: Access) -> None:
    token = access.keep()
    one, other = access.begin(token).cookie, access.begin(token).cookie
    access.leave(one)
    access.leave(one)
    access.leave("hello")
    assert access.read_session(one) is None
    assert access.read_session(other) is not None


@pytest.mark.parametrize(("tenant", "trail", "whose"), [(None, "default", "all"), ("acme", "acme", "acme")])
def test_who_came_and_went_stands_in_the_trail_of_the_tokens_tenant(
    access: Access, tenant: str | None, trail: str, whose: str
) -> None:
    token = access.keep(a_token(tenant=tenant, now_ms=access.world.clock.now_ms()))
    signed_in = access.begin(token)
    access.world.clock.advance(60)
    access.sign_out(signed_in.cookie, source_address="198.51.100.1")
    access.leave(signed_in.cookie)
    begun, ended = access.told()
    assert (begun.action, begun.address, ended.action, ended.address) == (
        "session.created",
        ADDRESS,
        "session.ended",
        "198.51.100.1",
    )
    assert ended.at_ms - begun.at_ms == 60_000
    target = f"session:{signed_in.live.session.digest[:12]}"
    for event in (begun, ended):
        assert (event.tenant, event.actor, event.target) == (trail, token.actor, target)
        assert event.details == {"scope": "write", "tenant": whose}


def test_an_attempt_that_fails_leaves_no_row(access: Access) -> None:
    token = access.keep()
    access.revoke(token)
    rows = dict(access.world.memory.audit)
    for number in range(2 * SIGN_INS.requests):
        access.sign_in("hello" if number % 2 else text_of(token), source_address=ADDRESS)
    assert access.world.memory.audit == rows
    assert access.world.memory.sessions == {}


def test_a_session_that_ended_by_itself_is_ended_by_nobody(access: Access) -> None:
    token = access.keep()
    idle, revoked = access.begin(token).cookie, access.begin(token).cookie
    access.world.clock.advance(IDLE_MS / 1000)
    access.leave(idle)
    access.revoke(token)
    access.leave(revoked)
    assert [event.action for event in access.told()] == ["session.created"] * 2


def test_a_session_of_a_newer_key_is_ended_too(access: Access) -> None:
    access.keep()
    fresh = replace(a_session(now_ms=access.world.clock.now_ms()), digest=OTHER_KEYS.session_digest(COOKIE))
    access.world.sessions.add_session(fresh, a_sign_in())
    access.keys.newer = OTHER_KEYS
    access.leave(COOKIE)
    assert access.world.memory.sessions == {}


def test_the_last_use_is_written_once_a_minute(access: Access) -> None:
    cookie = access.begin(access.keep()).cookie
    for _ in range(4):
        access.world.clock.advance(SESSION_SEEN_EVERY_SECONDS / 4)
        access.read_session(cookie)
    assert access.world.memory.calls.count("sessions.touch_session") == 1
    [session] = access.world.memory.sessions.values()
    assert session.seen_at_ms == access.world.clock.now_ms()


def test_that_the_last_use_cannot_be_written_ends_nothing(access: Access) -> None:
    def refusing(name: str) -> None:
        if name == "sessions.touch_session":
            raise StoreUnavailableError("throttled")

    cookie = access.begin(access.keep()).cookie
    access.world.clock.advance(SESSION_SEEN_EVERY_SECONDS)
    access.world.memory.before = refusing
    assert access.read_session(cookie) is not None
    assert [message for message, _ in access.world.faults.told] == ["the last use of a session was not written"]


@pytest.mark.parametrize("cookie", ["", "hello", COOKIE, COOKIE + "\n"])
def test_a_cookie_that_we_did_not_make_is_nobodys(access: Access, cookie: str) -> None:
    access.begin(access.keep())
    assert access.read_session(cookie) is None


def test_what_is_kept_of_a_session_is_no_cookie(access: Access) -> None:
    digest = access.begin(access.keep()).live.session.digest
    assert access.read_session(digest[:43]) is None


def test_a_session_of_a_key_that_was_replaced_is_worth_nothing_and_a_new_one_at_once(access: Access) -> None:
    token = access.keep()
    old = access.begin(token).cookie
    access.world.sessions.add_session(
        replace(a_session(now_ms=access.world.clock.now_ms()), digest="0" * 64), a_sign_in("1" * 16)
    )
    fresh = replace(a_session(now_ms=access.world.clock.now_ms()), digest=OTHER_KEYS.session_digest(COOKIE))
    access.world.sessions.add_session(fresh, a_sign_in("2" * 16))
    access.keys.newer = OTHER_KEYS
    assert access.read_session(COOKIE) is not None
    assert access.read_session(old) is None


def test_without_keys_no_session_is_anybodys(access: Access) -> None:
    cookie = access.begin(access.keep()).cookie
    access.keys.kept = None
    assert access.read_session(cookie) is None
    access.leave(cookie)
    assert [event.action for event in access.told()] == ["session.created"]
