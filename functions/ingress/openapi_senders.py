"""Senders in the OpenAPI document: how each signs, and what a route for its webhooks takes beside the body."""

from __future__ import annotations

from typing import Any

from functions.ingress.openapi_schemas import SIGNATURE_TIMESTAMP
from workerflow.domain.route import Route
from workerflow.domain.senders import SENDERS, Part, Sender
from workerflow.domain.signature import TOLERANCE_SECONDS

type Node = dict[str, Any]

_SIGNED_ID = {"type": "string", "pattern": "^[!-+\\--\\-/-~]{1,255}$"}
_PARTS = {
    Part.ID: "the id",
    Part.TIMESTAMP: f"the timestamp (seconds since the epoch, at most {TOLERANCE_SECONDS} s from our clock)",
    Part.BODY: "the raw body",
}


def sender_of(route: Route) -> Sender | None:
    """The sender whose webhooks a route receives, if any's."""
    return SENDERS.get(route.authentication)


def security_schemes() -> Node:
    """The senders' signatures, by the name that a route's `authentication` says."""
    return {
        name: {"type": "apiKey", "in": "header", "name": sender.signature_header, "description": _about(sender)}
        for name, sender in SENDERS.items()
    }


def _about(sender: Sender) -> str:
    signed = [part.decode() if isinstance(part, bytes) else _PARTS[part] for part in sender.signed]
    return (
        f"{sender.title}: HMAC-SHA256 of {' '.join(signed)}, with the secret of this route. {sender.syntax}. "
        f"The task's key is {_key(sender)}; an `Idempotency-Key` is not looked at."
    )


def _key(sender: Sender) -> str:
    if sender.id_header:
        return f"`{sender.id_header}`"
    return f"the body's `{sender.id_field}`" if sender.id_field else "the SHA-256 of the body"


def parameters(sender: Sender) -> list[Node]:
    """The signed headers beside the signature's own."""
    found = ((sender.id_header, _SIGNED_ID), (sender.timestamp_header, SIGNATURE_TIMESTAMP))
    return [{"in": "header", "name": name, "required": True, "schema": schema} for name, schema in found if name]


def handshake(sender: Sender) -> Node:
    """What its handshake is answered, as a JSON schema; empty if it has none."""
    asked = sender.handshake
    if asked is None:
        return {}
    return {"type": "object", "required": [asked.echo], "properties": {asked.echo: {"type": "string"}}}
