"""Who is calling: a tenant's live secrets, what a call presents, and the one decision about both.

The work is the same whoever asks. Decoys are compared in the place of secrets that do not exist, and a call for an
unknown tenant is checked in full before it is refused: neither the answer nor its time tells whether a tenant exists
or how many secrets it has.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

from workerflow.domain.credential_refusals import (
    CredentialsMissingError,
    SignatureMalformedError,
    SignatureMismatchError,
    SignatureRequiredError,
    SignatureTimestampMalformedError,
    SignatureTimestampSkewError,
    TokenMismatchError,
    TokenRequiredError,
    UnauthorizedError,
)
from workerflow.domain.errors import IntegrityError
from workerflow.domain.route import Authentication
from workerflow.domain.signature import (
    SIGNATURE_HEADER,
    TIMESTAMP_HEADER,
    TOLERANCE_SECONDS,
    SignatureVerdict,
    SignedCall,
    verify,
    with_decoys,
)

MIN_SECRET_CHARACTERS = 16
"""Shorter ones are refused when they are read: an empty signing secret would let everybody in."""

_KINDS = ("token", "signing")
_SLOTS = ("current", "previous")

_REFUSALS: Mapping[SignatureVerdict, tuple[type[UnauthorizedError], str]] = {
    SignatureVerdict.MALFORMED: (
        SignatureMalformedError,
        f"`{SIGNATURE_HEADER}` is `v1=` and 64 lower-case hex digits",
    ),
    SignatureVerdict.TIMESTAMP_MALFORMED: (
        SignatureTimestampMalformedError,
        f"`{TIMESTAMP_HEADER}` is the seconds since the epoch",
    ),
    SignatureVerdict.TIMESTAMP_SKEW: (SignatureTimestampSkewError, f"at most {TOLERANCE_SECONDS} s from our clock"),
    SignatureVerdict.MISMATCH: (
        SignatureMismatchError,
        "the secret, the tenant or one of the signed lines is another one; sign the very bytes that are sent",
    ),
}
"""What to say to each verdict. A tenant that does not exist is told the same as a wrong secret."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """A tenant's live secrets. `Credentials()` has none and lets nobody in.

    Attributes:
        tokens: bearer tokens, current first.
        signing_secrets: secrets of the WorkerFlow signature, current first.
    """

    tokens: tuple[str, ...] = field(default=(), repr=False)
    signing_secrets: tuple[str, ...] = field(default=(), repr=False)

    @classmethod
    def parse(cls, document: str) -> Self:
        """Read `{"token": {"current": ..., "previous": ...}, "signing": {...}}`; every part may be absent.

        Raises:
            IntegrityError: the document has another shape, or a secret is shorter than MIN_SECRET_CHARACTERS. The
                message repeats nothing of it.
        """
        try:
            found = json.loads(document)
        except ValueError:
            raise IntegrityError("the credentials are not JSON") from None
        if not isinstance(found, dict) or not found.keys() <= set(_KINDS):
            raise IntegrityError("the credentials are an object with `token` and `signing`")
        tokens, signing_secrets = (_live(kind, found.get(kind)) for kind in _KINDS)
        return cls(tokens, signing_secrets)


def _live(kind: str, slots: object) -> tuple[str, ...]:
    if slots is None:
        return ()
    if not isinstance(slots, dict) or not slots.keys() <= set(_SLOTS):
        raise IntegrityError(f"`{kind}` is an object with `current` and `previous`")
    secrets = [slots[slot] for slot in _SLOTS if slots.get(slot) is not None]
    if not all(isinstance(one, str) and len(one) >= MIN_SECRET_CHARACTERS for one in secrets):
        raise IntegrityError(f"each secret of `{kind}` is a text of at least {MIN_SECRET_CHARACTERS} characters")
    return tuple(secrets)


@dataclass(frozen=True, slots=True)
class PresentedSignature:
    """The text of `x-signature`, and the call that it claims to cover."""

    text: str
    call: SignedCall


@dataclass(frozen=True, slots=True)
class Presented:
    """What a call presents: at least one of the two, well-formed or not.

    Attributes:
        token: the bearer token, without its scheme.
        signature: the signature with its call.
    """

    token: str | None = field(default=None, repr=False)
    signature: PresentedSignature | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Proof:
    """What was proven. A call that presents two kinds has proven both, or was refused."""

    by_token: bool
    by_signature: bool

    def require(self, authentication: Authentication) -> None:
        """Raise TokenRequiredError or SignatureRequiredError (403) if the route wants what was not proven."""
        if authentication == "token" and not self.by_token:
            raise TokenRequiredError("send `Authorization: Bearer <token>`")
        if authentication == "signature" and not self.by_signature:
            raise SignatureRequiredError("send `x-signature` and `x-signature-timestamp`")


def prove(presented: Presented, credentials: Credentials, *, tenant_exists: bool, now_seconds: float) -> Proof:
    """Check everything that a call presents.

    Args:
        presented: from the call.
        credentials: of its tenant; of any other, for the work's sake, if there is no such tenant.
        tenant_exists: False refuses, after all the work.
        now_seconds: our clock, seconds since the epoch.

    Raises:
        UnauthorizedError: nothing presented, or the first fault, the signature's before the token's. Those with the
            codes `signature_mismatch` and `token_mismatch` may be due to a secret that changed since it was read.
    """
    if presented.token is None and presented.signature is None:
        raise CredentialsMissingError("send `Authorization: Bearer <token>`, or sign the call")
    if presented.signature is not None:
        _prove_signature(presented.signature, credentials, tenant_exists=tenant_exists, now_seconds=now_seconds)
    if presented.token is not None and not (_is_live(presented.token, credentials.tokens) and tenant_exists):
        raise TokenMismatchError("the token or the tenant is another one")
    return Proof(by_token=presented.token is not None, by_signature=presented.signature is not None)


def _prove_signature(
    signature: PresentedSignature, credentials: Credentials, *, tenant_exists: bool, now_seconds: float
) -> None:
    verdict = verify(credentials.signing_secrets, signature.call, signature.text, now_seconds=now_seconds)
    if verdict is SignatureVerdict.VALID and not tenant_exists:
        verdict = SignatureVerdict.MISMATCH
    if verdict is not SignatureVerdict.VALID:
        refusal, detail = _REFUSALS[verdict]
        raise refusal(detail)


def _is_live(token: str, live: Sequence[str]) -> bool:
    """Digests are compared, so that neither length nor common beginning shows in the time."""
    presented = _digest(token)
    matches = [hmac.compare_digest(presented, _digest(one)) for one in with_decoys(live)]
    return any(matches[: len(live)])


def _digest(text: bytes | str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text).digest()
