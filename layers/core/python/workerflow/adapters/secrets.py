"""Tenants' credentials on Secrets Manager, cached.

A secret is read again when its copy is older than CACHE_SECONDS, and once earlier if a check against it failed, at
most every REFRESH_FLOOR_SECONDS (whoever sends wrong tokens must not make us call AWS at will). So a rotation that
publishes the new secret before its first use is noticed at once, and a retired secret is gone after CACHE_SECONDS.

    read            failed check        failed check    failed check           read
     |---------------|--------10 s-------|-> refresh     |-> floor: no refresh   |-> older than 300 s: refresh

While Secrets Manager does not answer, the last copy serves on, for STALE_SECONDS at most.

The time of an answer must not tell whether there is such a tenant. So in the name of one that there is not, a secret is
read, too: the default tenant's, which costs what any secret costs, as one of DECOYS copies of their own, by the same
ages and floors. What comes of it lets nobody in, and its failure fails nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from workerflow.adapters.aws_errors import code_of, in_our_words
from workerflow.domain.credentials import Credentials
from workerflow.domain.errors import IntegrityError, PlatformError
from workerflow.domain.identity import DEFAULT_TENANT
from workerflow.ports.world import Clock, Faults

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

CACHE_SECONDS = 300
REFRESH_FLOOR_SECONDS = 10
STALE_SECONDS = 3600
DECOYS = 64
"""Copies for all tenants that do not exist together: so many reads are made for them in REFRESH_FLOOR_SECONDS, at most,
however many names are invented."""
_GONE = frozenset({"ResourceNotFoundException", "InvalidRequestException"})  # the latter: scheduled for deletion


@dataclass(frozen=True, slots=True)
class _Copy:
    """What was read; `text` is None if there is no such secret. `tried_at_ms` may be later than `read_at_ms`."""

    text: str | None
    read_at_ms: int
    tried_at_ms: int


type _Fetch = Callable[[str, _Copy | None, int], _Copy]


@dataclass(frozen=True, slots=True)
class _Slot:
    """Where a copy is kept: that of the secret itself, or one of its decoys."""

    name: str
    decoy: int | None = None


class SecretTexts:
    """Secrets by name. Safe to use from several threads."""

    def __init__(self, client: Callable[[], SecretsManagerClient], clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._copies: dict[_Slot, _Copy] = {}
        self._lock = Lock()

    def read(self, name: str) -> str | None:
        """The secret's text, at most CACHE_SECONDS old; None if there is no such secret.

        Raises:
            StoreUnavailableError: it cannot be read, and no copy is young enough to stand in.
        """
        return self._text(_Slot(name), CACHE_SECONDS, self._fetch)

    def refresh(self, name: str) -> str | None:
        """The same, at most REFRESH_FLOOR_SECONDS old: for after a failed check."""
        return self._text(_Slot(name), REFRESH_FLOOR_SECONDS, self._fetch)

    def read_decoy(self, name: str, decoy: int) -> str | None:
        """What `read` does and costs, with a copy of its own by the number `decoy`; None if it cannot be read."""
        return self._text(_Slot(name, decoy), CACHE_SECONDS, self._fetch_quietly)

    def refresh_decoy(self, name: str, decoy: int) -> str | None:
        """What `refresh` does and costs, in the same way."""
        return self._text(_Slot(name, decoy), REFRESH_FLOOR_SECONDS, self._fetch_quietly)

    def _text(self, slot: _Slot, max_age_seconds: int, fetch: _Fetch) -> str | None:
        with self._lock:  # one read of a secret at a time: the others wait for its copy
            now_ms = self._clock.now_ms()
            copy = self._copies.get(slot)
            if copy is not None and self._is_young(copy, now_ms, max_age_seconds):
                return copy.text
            self._copies[slot] = fresh = fetch(slot.name, copy, now_ms)
            return fresh.text

    @staticmethod
    def _is_young(copy: _Copy, now_ms: int, max_age_seconds: int) -> bool:
        # A try that failed counts for the floor: an outage must not add its time-out to every call.
        tried_lately = now_ms - copy.tried_at_ms < REFRESH_FLOOR_SECONDS * 1000
        return tried_lately or now_ms - copy.read_at_ms < max_age_seconds * 1000

    def _fetch(self, name: str, copy: _Copy | None, now_ms: int) -> _Copy:
        try:
            return _Copy(self._get(name), read_at_ms=now_ms, tried_at_ms=now_ms)
        except PlatformError:
            if copy is None or now_ms - copy.read_at_ms >= STALE_SECONDS * 1000:
                raise
            return _Copy(copy.text, copy.read_at_ms, tried_at_ms=now_ms)

    def _fetch_quietly(self, name: str, copy: _Copy | None, now_ms: int) -> _Copy:
        """A read that failed is a copy, too: else every call would try again."""
        try:
            return self._fetch(name, copy, now_ms)
        except PlatformError:
            return _Copy(None, read_at_ms=now_ms, tried_at_ms=now_ms)

    def _get(self, name: str) -> str | None:
        with in_our_words():
            try:
                return self._client().get_secret_value(SecretId=name).get("SecretString")
            except ClientError as error:
                if code_of(error) in _GONE:
                    return None
                raise


class TenantCredentials:
    """The credentials of `<prefix><tenant>/ingress`."""

    def __init__(self, texts: SecretTexts, *, prefix: str, faults: Faults) -> None:
        self._texts = texts
        self._prefix = prefix
        self._faults = faults

    def read(self, tenant: str, *, exists: bool = True) -> Credentials:
        """A tenant's live secrets; none if nothing, or nothing readable, is configured: fail closed.

        Args:
            tenant: whose.
            exists: False takes the same time, and gives the credentials of a decoy.

        Raises:
            StoreUnavailableError: unknown; ask again. Never for a decoy.
        """
        if not exists:
            return _of_decoy(self._texts.read_decoy(self._name(DEFAULT_TENANT), _decoy_of(tenant)))
        return self._parse(tenant, self._texts.read(self._name(tenant)))

    def refresh(self, tenant: str, *, exists: bool = True) -> Credentials:
        """The same after a failed check: read again unless that was done a moment ago."""
        if not exists:
            return _of_decoy(self._texts.refresh_decoy(self._name(DEFAULT_TENANT), _decoy_of(tenant)))
        return self._parse(tenant, self._texts.refresh(self._name(tenant)))

    def _name(self, tenant: str) -> str:
        return f"{self._prefix}{tenant}/ingress"

    def _parse(self, tenant: str, text: str | None) -> Credentials:
        if text is None:
            return Credentials()
        try:
            return Credentials.parse(text)
        except IntegrityError as error:
            self._faults.failure(f"the credentials of tenant {tenant} are malformed: nobody gets in", error)
            return Credentials()


def _decoy_of(tenant: str) -> int:
    """Always the same for a name: whoever asks twice in the name of nobody finds a copy, as for a tenant."""
    return int.from_bytes(hashlib.sha256(tenant.encode()).digest()[:4]) % DECOYS


def _of_decoy(text: str | None) -> Credentials:
    try:
        return Credentials() if text is None else Credentials.parse(text)
    except IntegrityError:
        return Credentials()
