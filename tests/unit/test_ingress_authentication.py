"""Credentials are checked against what is known, once more against what is newer, and with the same work for all."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from functions.ingress.authentication import Authenticate
from tests.fakes.surroundings import FakeClock
from workerflow.domain.credential_refusals import CredentialsMissingError, TokenMismatchError, TooManyFailuresError
from workerflow.domain.credentials import Credentials, Presented
from workerflow.domain.failure_limit import BURST, FailureLimit

OLD, NEW = Credentials(("token-old-0123456789",)), Credentials(("token-new-0123456789", "token-old-0123456789"))
ADDRESS = "192.0.2.1"


@dataclass
class Store:
    """Credentials as they are known, and as they are when one looks again."""

    known: Credentials = OLD
    newer: Credentials = OLD
    calls: list[str] = field(default_factory=list)

    def read(self, tenant: str) -> Credentials:
        self.calls.append(f"read {tenant}")
        return self.known

    def refresh(self, tenant: str) -> Credentials:
        self.calls.append(f"refresh {tenant}")
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
    assert known.calls == unknown.calls


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
