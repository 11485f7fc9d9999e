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
    SenderNotTakenError,
    SenderRequiredError,
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
from workerflow.domain.sender_call import SenderCall, verify_sender
from workerflow.domain.senders import SENDERS, Sender
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
_SENDERS = "senders"
_SLOTS = ("current", "previous")

_REFUSALS: Mapping[SignatureVerdict, type[UnauthorizedError]] = {
    SignatureVerdict.MALFORMED: SignatureMalformedError,
    SignatureVerdict.TIMESTAMP_MALFORMED: SignatureTimestampMalformedError,
    SignatureVerdict.TIMESTAMP_SKEW: SignatureTimestampSkewError,
    SignatureVerdict.MISMATCH: SignatureMismatchError,
}
_DETAILS: Mapping[SignatureVerdict, str] = {
    SignatureVerdict.MALFORMED: f"`{SIGNATURE_HEADER}` is `v1=` and 64 lower-case hex digits",
    SignatureVerdict.TIMESTAMP_MALFORMED: f"`{TIMESTAMP_HEADER}` is the seconds since the epoch",
    SignatureVerdict.TIMESTAMP_SKEW: f"at most {TOLERANCE_SECONDS} s from our clock",
    SignatureVerdict.MISMATCH: (
        "the secret, the tenant or one of the signed lines is another one; sign the very bytes that are sent"
    ),
}
"""What to say to each verdict. A tenant that does not exist is told the same as a wrong secret."""
_SENDER_MISMATCH = "the secret of this route, the tenant or one of the signed bytes is another one"


@dataclass(frozen=True, slots=True)
class Credentials:
    """A tenant's live secrets. `Credentials()` has none and lets nobody in.

    Attributes:
        tokens: bearer tokens, current first.
        signing_secrets: secrets of the WorkerFlow signature, current first.
        sender_secrets: secrets of senders' signatures by the route that each belongs to, current first.
    """

    tokens: tuple[str, ...] = field(default=(), repr=False)
    signing_secrets: tuple[str, ...] = field(default=(), repr=False)
    sender_secrets: Mapping[str, tuple[str, ...]] = field(default_factory=dict, repr=False)

    @classmethod
    def parse(cls, document: str) -> Self:
        """Read `{"token": {"current": ..., "previous": ...}, "signing": {...}, "senders": {"<route>": {...}}}`.

        Every part may be absent.

        Raises:
            IntegrityError: the document has another shape, or a secret is shorter than MIN_SECRET_CHARACTERS. The
                message repeats nothing of it.
        """
        try:
            found = json.loads(document)
        except ValueError:
            raise IntegrityError("the credentials are not JSON") from None
        if not isinstance(found, dict) or not found.keys() <= {*_KINDS, _SENDERS}:
            raise IntegrityError("the credentials are an object with `token`, `signing` and `senders`")
        tokens, signing_secrets = (_live(kind, found.get(kind)) for kind in _KINDS)
        return cls(tokens, signing_secrets, _by_route(found.get(_SENDERS)))


def _by_route(routes: object) -> Mapping[str, tuple[str, ...]]:
    if routes is None:
        return {}
    if not isinstance(routes, dict):
        raise IntegrityError(f"`{_SENDERS}` is an object by routes")
    return {route: _live(_SENDERS, slots) for route, slots in routes.items()}


def _live(kind: str, slots: object) -> tuple[str, ...]:
    if slots is None:
        return ()
    if not isinstance(slots, dict) or not slots.keys() <= set(_SLOTS):
        raise IntegrityError(f"`{kind}` is an object with `current` and `previous`")
    secrets = [slots[slot] for slot in _SLOTS if slots.get(slot) is not None]
    if not all(_is_secret(one) for one in secrets):
        raise IntegrityError(f"each secret of `{kind}` is a text of at least {MIN_SECRET_CHARACTERS} characters")
    return tuple(secrets)


def _is_secret(value: object) -> bool:
    """Half of a surrogate pair has no bytes that a sender could have signed with."""
    is_long = isinstance(value, str) and len(value) >= MIN_SECRET_CHARACTERS
    return is_long and not any("\ud800" <= character <= "\udfff" for character in str(value))


@dataclass(frozen=True, slots=True)
class PresentedSignature:
    """The text of `x-signature`, and the call that it claims to cover."""

    text: str
    call: SignedCall


@dataclass(frozen=True, slots=True)
class Presented:
    """What a call presents, well-formed or not: a token, and a signature of at most one scheme.

    Attributes:
        token: the bearer token, without its scheme.
        signature: the WorkerFlow signature with its call.
        sender_call: the call with its sender's signature.
    """

    token: str | None = field(default=None, repr=False)
    signature: PresentedSignature | None = field(default=None, repr=False)
    sender_call: SenderCall | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Proof:
    """What was proven. A call that presents two kinds has proven both, or was refused.

    Attributes:
        by_token, by_signature: by the tenant's bearer token; by the WorkerFlow signature.
        sender_call: the call whose sender's signature was proven.
    """

    by_token: bool
    by_signature: bool
    sender_call: SenderCall | None = None

    @property
    def sender(self) -> Sender | None:
        """Whose signature was proven; None if no sender's was."""
        return None if self.sender_call is None else self.sender_call.sender

    def require(self, authentication: Authentication) -> None:
        """Refuse, with a 403, what was proven in another way than the route wants.

        Raises:
            TokenRequiredError, SignatureRequiredError: that was not proven.
            SenderRequiredError: the route takes one sender's signature, and nothing else makes up for it.
            SenderNotTakenError: a sender's signature, where the route takes none, or another one's. It is refused
                beside a token, too: which of the two would name the task?
        """
        wanted = SENDERS.get(authentication)
        if wanted is not None and self.sender is None:
            raise SenderRequiredError(f"this route takes the signature of {wanted.title}: `{wanted.signature_header}`")
        if self.sender is not wanted:
            raise SenderNotTakenError("this route is not for the webhooks of this sender")
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
    if presented == Presented():
        raise CredentialsMissingError("send `Authorization: Bearer <token>`, or sign the call")
    if presented.signature is not None:
        _prove_signature(presented.signature, credentials, tenant_exists=tenant_exists, now_seconds=now_seconds)
    if presented.sender_call is not None:
        _prove_sender(presented.sender_call, credentials, tenant_exists=tenant_exists, now_seconds=now_seconds)
    if presented.token is not None and not (_is_live(presented.token, credentials.tokens) and tenant_exists):
        raise TokenMismatchError("the token or the tenant is another one")
    return Proof(
        by_token=presented.token is not None,
        by_signature=presented.signature is not None,
        sender_call=presented.sender_call,
    )


def _prove_signature(
    signature: PresentedSignature, credentials: Credentials, *, tenant_exists: bool, now_seconds: float
) -> None:
    verdict = verify(credentials.signing_secrets, signature.call, signature.text, now_seconds=now_seconds)
    _require_valid(verdict, _DETAILS, tenant_exists=tenant_exists)


def _prove_sender(call: SenderCall, credentials: Credentials, *, tenant_exists: bool, now_seconds: float) -> None:
    """By the secrets of the route in the path: whether there is such a route is for later, and another one's no use."""
    secrets = credentials.sender_secrets.get(call.route, ())
    verdict = verify_sender(secrets, call, now_seconds=now_seconds)
    _require_valid(verdict, _details_of(call.sender), tenant_exists=tenant_exists)


def _details_of(sender: Sender) -> Mapping[SignatureVerdict, str]:
    timestamp = f"`{sender.timestamp_header}`" if sender.timestamp_header else f"`t` in `{sender.signature_header}`"
    return {
        **_DETAILS,
        SignatureVerdict.MALFORMED: sender.syntax,
        SignatureVerdict.TIMESTAMP_MALFORMED: f"{timestamp} is the seconds since the epoch",
        SignatureVerdict.MISMATCH: _SENDER_MISMATCH,
    }


def _require_valid(verdict: SignatureVerdict, details: Mapping[SignatureVerdict, str], *, tenant_exists: bool) -> None:
    if verdict is SignatureVerdict.VALID and not tenant_exists:
        verdict = SignatureVerdict.MISMATCH
    if verdict is not SignatureVerdict.VALID:
        raise _REFUSALS[verdict](details[verdict])


def _is_live(token: str, live: Sequence[str]) -> bool:
    """Digests are compared, so that neither length nor common beginning shows in the time."""
    presented = _digest(token)
    matches = [hmac.compare_digest(presented, _digest(one)) for one in with_decoys(live)]
    return any(matches[: len(live)])


def _digest(text: bytes | str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text).digest()
