"""A call with a sender's signature: how it is checked, which event it tells of, what a handshake is answered."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from workerflow.domain.refusals import EventIdMalformedError
from workerflow.domain.senders import Part, Sender
from workerflow.domain.signature import SignatureVerdict, timestamp_fault, with_decoys

MAX_SIGNATURES = 10
"""Signatures in one header: a sender that rotates its secret sends two or three."""
MAX_SIGNATURE_CHARACTERS = 2048

_EVENT_ID = re.compile(r"[!-~]{1,255}\Z")
_SIGNED_ID = re.compile(r"[!-\-/-~]{1,255}\Z")
"""Without a full stop: that parts it from what follows, and `a.1764000000` must not read as an id and a timestamp."""
_CHALLENGE = re.compile(r"[!-~]{1,1024}\Z")


@dataclass(frozen=True, slots=True)
class SenderCall:
    """A call that carries a sender's signature; nothing in it needs to be trusted.

    Attributes:
        sender: whose signature it claims to carry.
        route: the last segment of its path, whether there is such a route or not; empty on a GET.
        headers: those of `sender.headers` that came.
        body: the raw bytes, before anything was decoded.
    """

    sender: Sender
    route: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Claim:
    """What the headers say: the MACs, decoded, none if they are malformed; and the parts that are signed with the body.

    Their texts are unchecked, and empty where there are none.
    """

    macs: tuple[bytes, ...]
    parts: Mapping[Part, str]


def verify_sender(secrets: Sequence[str], call: SenderCall, *, now_seconds: float) -> SignatureVerdict:
    """Check a call's signatures against every live secret, with the same work however many there are.

    Args:
        secrets: the live secrets of the route, at most LIVE_SECRETS; without any, everything is a mismatch.
        call: the call as it came.
        now_seconds: our clock, seconds since the epoch.

    Returns:
        VALID, or the first fault found: the shape of the signatures and of a signed id, the timestamp's shape, its
        distance from our clock, and only then the comparison. Never raises for a call, whatever is in it.
    """
    claim = _claim(call)
    if not claim.macs or (Part.ID in call.sender.signed and not _SIGNED_ID.match(claim.parts[Part.ID])):
        return SignatureVerdict.MALFORMED
    if Part.TIMESTAMP in call.sender.signed:
        fault = timestamp_fault(claim.parts[Part.TIMESTAMP], now_seconds=now_seconds)
        if fault is not None:
            return fault
    message = _message(call, claim)
    keys = [key for secret in secrets if (key := call.sender.key_bytes(secret)) is not None]
    matches = [_matches(key, message, claim.macs) for key in with_decoys(keys)]
    return SignatureVerdict.VALID if any(matches[: len(keys)]) else SignatureVerdict.MISMATCH


def _matches(key: bytes | str, message: bytes, macs: Sequence[bytes]) -> bool:
    expected = hmac.digest(key.encode() if isinstance(key, str) else key, message, "sha256")
    return any([hmac.compare_digest(expected, mac) for mac in macs])  # noqa: C419 - all of them, for the same work


def _message(call: SenderCall, claim: _Claim) -> bytes:
    known = {Part.BODY: call.body} | {part: text.encode() for part, text in claim.parts.items()}
    return b"".join(part if isinstance(part, bytes) else known[part] for part in call.sender.signed)


def claimed_parts(call: SenderCall) -> Mapping[Part, str]:
    """The id and the timestamp that the headers claim, unchecked; empty where there is none."""
    return _claim(call).parts


def _claim(call: SenderCall) -> _Claim:
    sender = call.sender
    macs, timestamps = _read_signatures(sender, call.headers[sender.signature_header])
    if sender.timestamp_header:
        timestamps = (call.headers.get(sender.timestamp_header, ""),)
    event_id = call.headers.get(sender.id_header, "") if sender.id_header else ""
    return _Claim(macs, {Part.ID: event_id, Part.TIMESTAMP: timestamps[0] if len(timestamps) == 1 else ""})


def _read_signatures(sender: Sender, text: str) -> tuple[tuple[bytes, ...], tuple[str, ...]]:
    """The MACs and timestamps of a signature header; nothing at all if any part of it is not as it should be."""
    if len(text) > MAX_SIGNATURE_CHARACTERS:
        return (), ()
    items = text.split(sender.separator) if sender.separator else [text]
    macs, timestamps = [], []
    for item in items:
        if found := sender.mac.match(item):
            macs.append(bytes.fromhex(found[1]) if sender.encoding == "hex" else base64.b64decode(found[1]))
        elif sender.timestamp_item and (found := sender.timestamp_item.match(item)):
            timestamps.append(found[1])
        elif not (sender.others and sender.others.match(item)):
            return (), ()
    return (tuple(macs), tuple(timestamps)) if len(items) <= MAX_SIGNATURES else ((), ())


def event_key(call: SenderCall, document: Any) -> str:  # noqa: ANN401 - JSON
    """The key of a sender's call: the event that it tells of, by nothing that is not signed.

    Args:
        call: whose signature was proven.
        document: its body, as JSON.

    Raises:
        EventIdMalformedError: the body does not name its event.
    """
    if call.sender.id_header is not None:
        return call.headers[call.sender.id_header]
    if call.sender.id_field is None:
        return f"sha256-{hashlib.sha256(call.body).hexdigest()}"
    event_id = document.get(call.sender.id_field) if isinstance(document, dict) else None
    if not isinstance(event_id, str) or not _EVENT_ID.match(event_id):
        raise EventIdMalformedError(f"the body's `{call.sender.id_field}` is 1 to 255 printable ASCII characters")
    return event_id


def handshake_answer(sender: Sender, document: Any) -> dict[str, str] | None:  # noqa: ANN401 - JSON
    """What to answer to a sender's handshake, or None if the document is none."""
    asked = sender.handshake
    if asked is None or not isinstance(document, dict) or document.get(asked.field) != asked.value:
        return None
    echo = document.get(asked.echo)
    return {asked.echo: echo} if isinstance(echo, str) and _CHALLENGE.match(echo) else None
