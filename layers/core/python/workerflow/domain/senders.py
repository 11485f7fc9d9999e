"""Senders whose webhooks we take, as data. Module sender_call checks them all; docs/senders.md is this in prose.

    sender               signature header         signed bytes                          key of the task
    standard-webhooks    webhook-signature        webhook-id . webhook-timestamp . body   webhook-id
    stripe               stripe-signature         timestamp . body                        the body's `id`
    slack                x-slack-signature        v0 : timestamp : body                   the body's `event_id`
    github               x-hub-signature-256      body                                    SHA-256 of the body
    shopify              x-shopify-hmac-sha256    body                                    SHA-256 of the body

None of them covers method, path or tenant: that is why a sender's secret belongs to one route of one tenant. And only
what is signed names a task: a delivery id in a header beside the signature could be exchanged, and a captured call run
again.

Sources: Standard Webhooks specification 1.0, "Signature scheme"; GitHub, "Validating webhook deliveries"; Stripe,
"Verify webhook signatures manually"; Slack, "Verifying requests from Slack"; Shopify, "Verify webhook deliveries".
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Literal

from workerflow.domain.route import Authentication

MIN_KEY_BYTES = 16
"""Of a secret that is written in base64, once it is decoded."""

_HEX = r"([0-9a-f]{64})"
_BASE64 = r"([A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=)"
"""32 bytes in the one spelling that an encoder makes: the last digit's unused bits are zero."""


class Part(Enum):
    """A part of the signed bytes that differs from call to call."""

    ID = "id"
    TIMESTAMP = "timestamp"
    BODY = "body"


@dataclass(frozen=True, slots=True)
class Handshake:
    """What a sender asks before it sends anything: an object whose `field` is `value` wants its `echo` back."""

    field: str
    value: str
    echo: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """How one sender signs.

    Attributes:
        name: what a route's `authentication` says.
        title: how people call it.
        signature_header: by which its calls are recognised.
        mac: one signature in that header; the group is the MAC.
        encoding: of the MAC.
        syntax: the same in words, for whoever got it wrong.
        separator: between several signatures; None where there is exactly one.
        others: signatures of versions that are none of ours: passed over.
        has_commas: whether a comma is the header's own syntax; elsewhere it is a repeated header.
        timestamp_header: where the timestamp is, if in a header of its own.
        timestamp_item: where it is, if among the signatures; the group is its text.
        id_header: the signed header that names the event.
        id_field: the body's field that names it. Without both, the body's digest does.
        signed: the parts, in order, with the bytes between them.
        secret_prefix: of secrets that are written in base64; None for those whose text is the key.
        handshake: answered instead of becoming a task.
    """

    name: Authentication
    title: str
    signature_header: str
    mac: re.Pattern[str]
    encoding: Literal["hex", "base64"]
    syntax: str
    signed: tuple[Part | bytes, ...]
    separator: str | None = None
    others: re.Pattern[str] | None = None
    has_commas: bool = False
    timestamp_header: str | None = None
    timestamp_item: re.Pattern[str] | None = None
    id_header: str | None = None
    id_field: str | None = None
    secret_prefix: str | None = None
    handshake: Handshake | None = None

    @property
    def unsigned_alone(self) -> tuple[str, ...]:
        """Headers that mean nothing without the signature's."""
        return tuple(name for name in (self.timestamp_header, self.id_header) if name is not None)

    @property
    def headers(self) -> tuple[str, ...]:
        """Every header that the check looks at."""
        return (self.signature_header, *self.unsigned_alone)

    def key_bytes(self, secret: str) -> bytes | None:
        """The HMAC's key that a secret's text stands for, or None if it stands for none."""
        if self.secret_prefix is None:
            return secret.encode()
        digits = secret.removeprefix(self.secret_prefix).rstrip("=")
        try:
            key = base64.b64decode(digits + "=" * (-len(digits) % 4), validate=True)
        except (binascii.Error, ValueError):  # ValueError: characters outside ASCII
            return None
        return key if len(key) >= MIN_KEY_BYTES else None


SENDERS: Mapping[str, Sender] = {
    sender.name: sender
    for sender in (
        Sender(
            name="standard-webhooks",
            title="Standard Webhooks",
            signature_header="webhook-signature",
            mac=re.compile(rf"v1,{_BASE64}\Z"),
            encoding="base64",
            syntax="`webhook-signature` is `v1,` and 32 bytes in base64; `webhook-id` ASCII without space or full stop",
            separator=" ",
            others=re.compile(r"(?!v1,)v[0-9][0-9a-z]{0,7},[A-Za-z0-9+/=_-]{1,512}\Z"),
            has_commas=True,
            timestamp_header="webhook-timestamp",
            id_header="webhook-id",
            signed=(Part.ID, b".", Part.TIMESTAMP, b".", Part.BODY),
            secret_prefix="whsec_",  # noqa: S106 - what every such secret begins with
        ),
        Sender(
            name="github",
            title="GitHub",
            signature_header="x-hub-signature-256",
            mac=re.compile(rf"sha256={_HEX}\Z"),
            encoding="hex",
            syntax="`x-hub-signature-256` is `sha256=` and 64 lower-case hex digits",
            signed=(Part.BODY,),
        ),
        Sender(
            name="stripe",
            title="Stripe",
            signature_header="stripe-signature",
            mac=re.compile(rf"v1={_HEX}\Z"),
            encoding="hex",
            syntax="`stripe-signature` is `t=<seconds>,v1=` and 64 lower-case hex digits",
            separator=",",
            others=re.compile(r"(?!v1=|t=)[a-z][a-z0-9]{0,7}=[A-Za-z0-9+/=_-]{1,512}\Z"),
            has_commas=True,
            timestamp_item=re.compile(r"t=([!-~]{0,64})\Z"),
            id_field="id",
            signed=(Part.TIMESTAMP, b".", Part.BODY),
        ),
        Sender(
            name="slack",
            title="Slack",
            signature_header="x-slack-signature",
            mac=re.compile(rf"v0={_HEX}\Z"),
            encoding="hex",
            syntax="`x-slack-signature` is `v0=` and 64 lower-case hex digits",
            timestamp_header="x-slack-request-timestamp",
            id_field="event_id",
            signed=(b"v0:", Part.TIMESTAMP, b":", Part.BODY),
            handshake=Handshake("type", "url_verification", "challenge"),
        ),
        Sender(
            name="shopify",
            title="Shopify",
            signature_header="x-shopify-hmac-sha256",
            mac=re.compile(rf"{_BASE64}\Z"),
            encoding="base64",
            syntax="`x-shopify-hmac-sha256` is 32 bytes in base64",
            signed=(Part.BODY,),
        ),
    )
}
"""By the name that a route's `authentication` says."""
