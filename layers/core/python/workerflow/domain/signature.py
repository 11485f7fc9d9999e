r"""WorkerFlow signature v1: what a caller signs, and how it is checked. docs/signing.md is this module in prose.

The signature is HMAC-SHA256 over eight lines joined by LF, none of which can contain one:

    workerflow-v1
    timestamp       seconds since the epoch, [1-9][0-9]{9,11}
    METHOD
    path            as matched: no stage prefix, nothing to decode
    query           empty on every call that is accepted
    tenant          `default` where the call names none
    key             the Idempotency-Key, [!-~]{1,255}; empty on a GET
    hex SHA-256 of the raw body

Because route, tenant, key and method are lines of their own, a captured call is good for nothing but itself.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from workerflow.domain.errors import InvalidIdentifierError

SIGNATURE_HEADER = "x-signature"
TIMESTAMP_HEADER = "x-signature-timestamp"
VERSION_LINE = "workerflow-v1"
TOLERANCE_SECONDS = 300
"""How far a timestamp may lie from our clock, in either direction, both ends included."""

LIVE_SECRETS = 2
"""Secrets that live side by side: the current one, and the previous one while senders change over."""

_DECOY = b"compared in the place of a secret that does not exist; a match with it never counts"
_SIGNATURE = re.compile(r"v1=([0-9a-f]{64})\Z")
_TIMESTAMP = re.compile(r"[1-9][0-9]{9,11}\Z")
_KEY = re.compile(r"[!-~]{0,255}\Z")
_LINE = re.compile(r"[ -~]*\Z")


class SignatureVerdict(StrEnum):
    """What a check found. The values other than `VALID` are the stable codes of the refusals."""

    VALID = "valid"
    MALFORMED = "signature_malformed"
    TIMESTAMP_MALFORMED = "signature_timestamp_malformed"
    TIMESTAMP_SKEW = "signature_timestamp_skew"
    MISMATCH = "signature_mismatch"


@dataclass(frozen=True, slots=True)
class SignedCall:
    """Everything that a signature covers.

    Attributes:
        timestamp: the text of `x-signature-timestamp`: seconds since the epoch.
        method: upper case.
        path: as matched, e.g. `/api/webhook_echo`.
        query: without its question mark; empty on every call that is accepted.
        tenant: the tenant the call is for, `default` where it names none.
        key: the `Idempotency-Key`; empty on a GET.
        body: the raw bytes, before anything was decoded.
    """

    timestamp: str
    method: str
    path: str
    query: str
    tenant: str
    key: str
    body: bytes

    def message(self) -> bytes:
        """The bytes that are signed.

        Raises:
            InvalidIdentifierError: a field has a shape that no accepted call has. Never retry.
        """
        if not _TIMESTAMP.match(self.timestamp):
            raise InvalidIdentifierError("a signature's timestamp is [1-9][0-9]{9,11}: seconds since the epoch")
        if not _KEY.match(self.key):
            raise InvalidIdentifierError("an idempotency key is [!-~]{1,255}, and empty on a GET")
        digest = hashlib.sha256(self.body).hexdigest()
        lines = (VERSION_LINE, self.timestamp, self.method, self.path, self.query, self.tenant, self.key, digest)
        if not all(_LINE.match(line) for line in lines):
            raise InvalidIdentifierError("a signed line is printable ASCII")
        return "\n".join(lines).encode("ascii")


def sign(secret: bytes | str, call: SignedCall) -> str:
    """The value of `x-signature` for `call`: `v1=` and 64 lower-case hex digits.

    Args:
        secret: the signing secret; a text stands for its UTF-8 bytes.
        call: what is sent.

    Raises:
        InvalidIdentifierError: a field has a shape that no accepted call has.
    """
    return f"v1={_mac(secret, call.message()).hex()}"


def verify(secrets: Sequence[bytes | str], call: SignedCall, signature: str, *, now_seconds: float) -> SignatureVerdict:
    """Check a call's signature against every live secret, with the same work however many there are.

    Args:
        secrets: the live secrets, at most LIVE_SECRETS; without any, everything is a mismatch.
        call: the call as it was matched; nothing in it needs to be trusted.
        signature: the text of `x-signature`.
        now_seconds: our clock, seconds since the epoch.

    Returns:
        VALID, or the first fault found: the signature's shape, the timestamp's shape, its distance from our clock,
        and only then the comparison. Never raises for a call, whatever is in it.
    """
    shape = _SIGNATURE.match(signature)
    if shape is None:
        return SignatureVerdict.MALFORMED
    fault = timestamp_fault(call.timestamp, now_seconds=now_seconds)
    if fault is not None:
        return fault
    try:
        message = call.message()
    except InvalidIdentifierError:
        return SignatureVerdict.MISMATCH
    claimed = bytes.fromhex(shape[1])
    matches = [hmac.compare_digest(_mac(secret, message), claimed) for secret in with_decoys(secrets)]
    return SignatureVerdict.VALID if any(matches[: len(secrets)]) else SignatureVerdict.MISMATCH


def timestamp_fault(text: str, *, now_seconds: float) -> SignatureVerdict | None:
    """What is wrong with a signature's timestamp: its shape, or its distance from our clock, before or after it."""
    if not _TIMESTAMP.match(text):
        return SignatureVerdict.TIMESTAMP_MALFORMED
    return SignatureVerdict.TIMESTAMP_SKEW if abs(now_seconds - int(text)) > TOLERANCE_SECONDS else None


def with_decoys(secrets: Sequence[bytes | str]) -> tuple[bytes | str, ...]:
    """The secrets, filled up to LIVE_SECRETS, for whoever compares them all and counts the first `len(secrets)` only.

    The decoy is public, so a match with one must never count.
    """
    return (*secrets, *(_DECOY,) * (LIVE_SECRETS - len(secrets)))


def _mac(secret: bytes | str, message: bytes) -> bytes:
    raw = secret.encode() if isinstance(secret, str) else secret
    return hmac.digest(raw, message, "sha256")
