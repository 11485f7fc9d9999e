"""Whether a call comes from whom it says: the limit, the tenant's secrets, the comparison, one look for newer secrets.

limit of failures --> copy of the secrets --> check --> proven
                                              `- mismatch --> newer secrets? --> check again
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from workerflow.domain.credential_refusals import SignatureMismatchError, TokenMismatchError, TooManyFailuresError
from workerflow.domain.credentials import Credentials, Presented, Proof, prove
from workerflow.domain.failure_limit import FailureLimit, failure_bucket
from workerflow.ports.world import Clock


class CredentialStore(Protocol):
    """Where tenants' live secrets are. Both methods raise StoreUnavailableError: unknown, ask again.

    For a tenant that does not exist (`exists` is False) they take the time that they take for one that does, give
    credentials of whomever for the comparison's sake, and raise nothing.
    """

    def read(self, tenant: str, *, exists: bool = True) -> Credentials:
        """The live secrets, as far as is known here; none if nothing is configured."""

    def refresh(self, tenant: str, *, exists: bool = True) -> Credentials:
        """The live secrets after a check failed: newer ones, if it is time to look for them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Authenticate:
    """Decides about credentials.

    Calls for tenants that do not exist cost the same work, secrets are read and compared, and are refused all the same.

    A call that only a sender's signature proves stands outside of the limit: whoever makes a sender send to us with a
    wrong secret could otherwise get that sender's addresses blocked.
    """

    store: CredentialStore
    limit: FailureLimit
    clock: Clock

    def __call__(self, presented: Presented, *, tenant: str, exists: bool, source_address: str) -> Proof:
        """Prove a call's credentials.

        Args:
            presented: from the call.
            tenant: that the call names.
            exists: whether there is such a tenant.
            source_address: of the caller, as the platform saw it.

        Raises:
            TooManyFailuresError: the client behind the address failed too often; nothing was compared.
            UnauthorizedError: they are missing, malformed or wrong.
            StoreUnavailableError: the secrets cannot be read.
        """
        bucket = None if _is_senders_alone(presented) else failure_bucket(source_address, tenant)
        now_ms = self.clock.now_ms()
        if bucket is not None and (wait_seconds := self.limit.wait_seconds(bucket, now_ms)):
            raise TooManyFailuresError(wait_seconds)
        try:
            return self._prove(presented, tenant, exists=exists)
        except (SignatureMismatchError, TokenMismatchError):
            if bucket is not None:
                self.limit.record_failure(bucket, now_ms)
            raise

    def _prove(self, presented: Presented, tenant: str, *, exists: bool) -> Proof:
        known = self.store.read(tenant, exists=exists)
        try:
            return self._check(presented, known, exists=exists)
        except (SignatureMismatchError, TokenMismatchError):
            newer = self.store.refresh(tenant, exists=exists)
            if newer == known:
                raise
        return self._check(presented, newer, exists=exists)

    def _check(self, presented: Presented, credentials: Credentials, *, exists: bool) -> Proof:
        return prove(presented, credentials, tenant_exists=exists, now_seconds=self.clock.now_ms() / 1000)


def _is_senders_alone(presented: Presented) -> bool:
    return presented.sender_call is not None and presented.token is None
