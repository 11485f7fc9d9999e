"""Credentials are checked against what is known, once more against what is newer, and with the same work for all."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest

from functions.ingress.authentication import Authenticate
from tests.fakes.surroundings import FakeClock
from tests.support.senders import OTHER_SECRETS, SECRETS, signed_by
from workerflow.domain.credential_refusals import (
    CredentialsMissingError,
    SignatureMismatchError,
    TokenMismatchError,
    TooManyFailuresError,
)
from workerflow.domain.credentials import Credentials, Presented
from workerflow.domain.failure_limit import BURST, FailureLimit
from workerflow.domain.sender_call import SenderCall
from workerflow.domain.senders import SENDERS

OLD, NEW = Credentials(("token-old-0123456789",)), Credentials(("token-new-0123456789", "token-old-0123456789"))
ADDRESS = "192.0.2.1"


@dataclass
class Store:
    """Credentials as they are known, and as they are when one looks again."""

    known: Credentials = OLD
    newer: Credentials = OLD
    calls: list[str] = field(default_factory=list)

    def read(self, tenant: str, *, exists: bool = True) -> Credentials:
        self.calls.append(f"read {tenant if exists else 'a decoy'}")
        return self.known

    def refresh(self, tenant: str, *, exists: bool = True) -> Credentials:
        self.calls.append(f"refresh {tenant if exists else 'a decoy'}")
        return self.newer


def authentication(store: Store, limit: FailureLimit | None = None) -> Authenticate:
    return Authenticate(store=store, limit=limit or FailureLimit(), clock=FakeClock())


def attempt(authenticate: Authenticate, token: str, tenant: str = "default") -> None:
    authenticate(Presented(token=token), tenant=tenant, exists=tenant == "default", source_address=ADDRESS)


def test_a_known_secret_is_accepted_without_looking_for_newer_ones() -> None:
    store = Store(known=NEW)
    attempt(authentication(store), NEW.tokens[0])
    assert store.calls == ["read default"]


def test_a_secret_that_is_newer_than_our_copy_is_accepted_and_counts_as_no_failure() -> None:
    store = Store(known=OLD, newer=NEW)
    authenticate = authentication(store)
    for _ in range(BURST + 1):
        attempt(authenticate, NEW.tokens[0])


def test_a_wrong_secret_is_refused_after_one_look_for_newer_ones() -> None:
    for newer in (OLD, NEW):
        store = Store(newer=newer)
        with pytest.raises(TokenMismatchError):
            attempt(authentication(store), "wrong")
        assert store.calls == ["read default", "refresh default"]


def test_an_unknown_tenant_costs_the_same_work_as_a_wrong_secret() -> None:
    known, unknown = Store(), Store()
    for store, tenant, token in ((known, "default", "wrong"), (unknown, "other", OLD.tokens[0])):
        with pytest.raises(TokenMismatchError):
            attempt(authentication(store), token, tenant)
    assert (known.calls, unknown.calls) == (["read default", "refresh default"], ["read a decoy", "refresh a decoy"])


def test_after_a_burst_of_failures_nothing_is_read_or_compared() -> None:
    store = Store()
    authenticate = authentication(store)
    for _ in range(BURST):
        with pytest.raises(TokenMismatchError):
            attempt(authenticate, "wrong")
    store.calls.clear()
    with pytest.raises(TooManyFailuresError) as caught:
        attempt(authenticate, OLD.tokens[0])
    assert caught.value.headers["retry-after"] == "2"
    assert store.calls == []


def test_a_call_that_presents_nothing_is_no_guess() -> None:
    authenticate = authentication(Store())
    for _ in range(BURST + 1):
        with pytest.raises(CredentialsMissingError):
            authenticate(Presented(), tenant="default", exists=True, source_address=ADDRESS)


def test_failures_of_one_client_block_all_of_its_addresses_and_seldom_another_tenants_calls() -> None:
    authenticate = authentication(Store())

    def code(tenant: str, address: str) -> str:
        with pytest.raises((TokenMismatchError, TooManyFailuresError)) as caught:
            authenticate(Presented(token="wrong"), tenant=tenant, exists=True, source_address=address)
        return caught.value.code

    for number in range(BURST):
        assert code("acme", f"2001:db8::{number:x}") == "token_mismatch"
    assert code("acme", "2001:db8::ffff") == "too_many_failures"
    assert code("globex", "2001:db8::ffff") == "token_mismatch"
    assert code("acme", "2001:db8:0:1::1") == "token_mismatch"


def test_the_limit_does_not_tell_which_tenants_exist() -> None:
    """Were unknown tenants one source, a client that used it up would see who is still looked at."""
    authenticate = authentication(Store())
    for number in range(100 * BURST):
        with pytest.raises((TokenMismatchError, TooManyFailuresError)):
            attempt(authenticate, "wrong", f"invented-{number}")
    for exists in (True, False):
        with pytest.raises(TooManyFailuresError):
            authenticate(Presented(token="wrong"), tenant="acme", exists=exists, source_address=ADDRESS)


# Senders ------------------------------------------------------------------------------------------------------------

GITHUB = Credentials(OLD.tokens, (), {"hook": (SECRETS["github"],)})
ROTATED = Credentials(OLD.tokens, (), {"hook": (OTHER_SECRETS["github"], SECRETS["github"])})


def by_github(secret: str = SECRETS["github"], *, route: str = "hook") -> Presented:
    headers = signed_by("github", at=0, secret=secret, body=b"{}")
    return Presented(sender_call=SenderCall(SENDERS["github"], route, headers, b"{}"))


def send(authenticate: Authenticate, presented: Presented, *, exists: bool = True) -> str:
    try:
        authenticate(presented, tenant="acme", exists=exists, source_address=ADDRESS)
    except (SignatureMismatchError, TokenMismatchError, TooManyFailuresError) as refusal:
        return refusal.code
    return "proven"


def test_a_senders_wrong_signatures_never_block_its_addresses() -> None:
    """Anybody can make a sender send to us, with a secret of his own."""
    authenticate = authentication(Store(known=GITHUB, newer=GITHUB))
    for _ in range(3 * BURST):
        assert send(authenticate, by_github(OTHER_SECRETS["github"])) == "signature_mismatch"
    assert send(authenticate, by_github()) == "proven"
    assert send(authenticate, Presented(token=OLD.tokens[0])) == "proven"


def test_other_failures_from_its_addresses_do_not_block_a_sender_either() -> None:
    """Some senders let their users set headers, a token's for one."""
    authenticate = authentication(Store(known=GITHUB, newer=GITHUB))
    for _ in range(BURST):
        assert send(authenticate, replace(by_github(), token="wrong")) == "token_mismatch"
    assert send(authenticate, replace(by_github(), token=OLD.tokens[0])) == "too_many_failures"
    assert send(authenticate, by_github()) == "proven"


def test_a_senders_rotated_secret_is_looked_for_after_a_mismatch() -> None:
    store = Store(known=GITHUB, newer=ROTATED)
    assert send(authentication(store), by_github(OTHER_SECRETS["github"])) == "proven"
    assert store.calls == ["read acme", "refresh acme"]


def test_an_unknown_tenant_and_an_unknown_route_cost_the_same_work_as_a_wrong_secret() -> None:
    seen = []
    for presented, exists in (
        (by_github(OTHER_SECRETS["github"]), True),
        (by_github(route="nothing"), True),
        (by_github(), False),
    ):
        store = Store(known=GITHUB, newer=GITHUB)
        assert send(authentication(store), presented, exists=exists) == "signature_mismatch"
        seen.append([call.split()[0] for call in store.calls])
    assert seen == [["read", "refresh"]] * 3
