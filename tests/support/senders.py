"""Calls as the senders themselves sign them: by their own libraries, where a library can sign."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from slack_sdk.signature import SignatureVerifier
from standardwebhooks import Webhook
from stripe import WebhookSignature

STANDARD_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
"""Of the test vector that the reference implementations share."""
SECRETS: Mapping[str, str] = {
    "standard-webhooks": STANDARD_SECRET,
    "github": "It's a Secret to Everybody",
    "stripe": "whsec_0123456789abcdefghijklmnopqrstuv",
    "slack": "8f742231b10e8888abcd99yyyzzz85a5",
    "shopify": "shpss_0123456789abcdef0123456789abcdef",
}
OTHER_SECRETS: Mapping[str, str] = {
    name: f"whsec_{base64.b64encode(bytes(24)).decode()}" if name == "standard-webhooks" else f"other-{name}-0123456789"
    for name in SECRETS
}
BODIES: Mapping[str, bytes] = {
    "standard-webhooks": b'{"type":"contact.created","data":{"id":"1f81eb52"}}',
    "github": b'{"zen":"Keep it logically awesome.","hook_id":1}',
    "stripe": b'{"id":"evt_1","object":"event","type":"invoice.paid","pending_webhooks":1}',
    "slack": b'{"type":"event_callback","event_id":"Ev1","event":{"type":"app_mention"}}',
    "shopify": b'{"id":820982911946154508,"email":"jon@example.com"}',
}
"""What each might send."""
TIMED = ("standard-webhooks", "stripe", "slack")
"""Those that sign a timestamp."""


def _standard(secret: str, body: bytes, at: int, event_id: str) -> dict[str, str]:
    signature = Webhook(secret).sign(event_id, datetime.fromtimestamp(at, UTC), body.decode())
    return {"webhook-id": event_id, "webhook-timestamp": str(at), "webhook-signature": signature}


def _stripe(secret: str, body: bytes, at: int, _event_id: str) -> dict[str, str]:
    return {"stripe-signature": WebhookSignature.generate_signature_header(body.decode(), secret, at)}


def _slack(secret: str, body: bytes, at: int, _event_id: str) -> dict[str, str]:
    signature = SignatureVerifier(secret).generate_signature(timestamp=str(at), body=body)
    return {"x-slack-request-timestamp": str(at), "x-slack-signature": str(signature)}


def _github(secret: str, body: bytes, _at: int, event_id: str) -> dict[str, str]:
    """As @octokit/webhooks-methods does, which a test holds it against."""
    digest = hmac.digest(secret.encode(), body, "sha256").hex()
    return {"x-hub-signature-256": f"sha256={digest}", "x-github-delivery": event_id, "x-github-event": "push"}


def _shopify(secret: str, body: bytes, _at: int, event_id: str) -> dict[str, str]:
    """As `openssl dgst` does, which a test holds it against: Shopify publishes no vector."""
    digest = base64.b64encode(hmac.digest(secret.encode(), body, "sha256")).decode()
    return {"x-shopify-hmac-sha256": digest, "x-shopify-webhook-id": event_id, "x-shopify-topic": "orders/create"}


_SIGNERS: Mapping[str, Callable[[str, bytes, int, str], dict[str, str]]] = {
    "standard-webhooks": _standard,
    "github": _github,
    "stripe": _stripe,
    "slack": _slack,
    "shopify": _shopify,
}


def signed_by(
    sender: str, *, at: int, body: bytes | None = None, secret: str | None = None, event_id: str = "msg_1"
) -> dict[str, str]:
    """The headers with which `sender` sends a body, by default its of BODIES with its secret of SECRETS."""
    return _SIGNERS[sender](secret or SECRETS[sender], BODIES[sender] if body is None else body, at, event_id)


def flipped(value: bytes, bit: int) -> bytes:
    """`value` with one bit flipped."""
    changed = bytearray(value)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def flips_of_text(text: str) -> list[str]:
    """`text`, once for each bit of its ASCII, with that bit flipped."""
    return [flipped(text.encode(), bit).decode("latin-1") for bit in range(len(text) * 8)]
