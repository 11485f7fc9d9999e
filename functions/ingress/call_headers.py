"""The headers that decide about a call, checked for their syntax before anything else is done with them.

API Gateway joins a repeated header's values by commas, and so may any proxy on the way. Two values could be read as
one by us and as the other by somebody else, so none of these headers may carry a comma at all: not even the key,
whose alphabet would allow it. Where the comma is the syntax of a sender's own header, that syntax tells a repeated one.

A sender's call is recognised by its signature's header. From then on nothing counts but what that sender signs: the
Idempotency-Key is not even looked at.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from workerflow.domain.credential_refusals import (
    SignatureAmbiguousError,
    SignatureMissingError,
    SignatureTimestampMalformedError,
    TokenMalformedError,
)
from workerflow.domain.credentials import Presented, PresentedSignature
from workerflow.domain.errors import InvalidIdentifierError
from workerflow.domain.identity import DEFAULT_TENANT, require_tenant
from workerflow.domain.refusals import (
    HeaderMalformedError,
    HeaderRepeatedError,
    KeyMalformedError,
    TenantAmbiguousError,
    TenantMalformedError,
)
from workerflow.domain.sender_call import SenderCall
from workerflow.domain.senders import SENDERS, Sender
from workerflow.domain.signature import SIGNATURE_HEADER, TIMESTAMP_HEADER, SignedCall
from workerflow.runtime.http import Request

AUTHORIZATION_HEADER = "authorization"
KEY_HEADER = "idempotency-key"
TENANT_HEADER = "x-tenant-id"
MAX_HEADER_CHARACTERS = 2048

_PRINTABLE = re.compile(r"[ -~]*\Z")
_KEY = re.compile(r"[!-~]{1,255}\Z")
# Source: RFC 6750 section 2.1 (b64token); RFC 9110 section 11.1: the scheme is case-insensitive.
_BEARER = re.compile(r"(?i:bearer) +([A-Za-z0-9._~+/-]+=*)\Z")


@dataclass(frozen=True, slots=True)
class CallHeaders:
    """The headers that decide about a call, each well-formed as far as it can be told without a secret.

    Attributes:
        sender: whose signature the call carries, if a sender's.
        senders: those headers that senders sign with.
    """

    authorization: str | None = field(repr=False)
    signature: str | None = field(repr=False)
    timestamp: str | None
    tenant: str | None
    key: str | None
    sender: Sender | None = None
    senders: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def is_signed(self) -> bool:
        """Whether the call carries anything of a WorkerFlow signature, or a sender's."""
        return self.signature is not None or self.timestamp is not None or self.sender is not None


def read_call_headers(headers: Mapping[str, str]) -> CallHeaders:
    """Read the headers that decide about a call.

    Raises:
        RefusedError: header_repeated, header_malformed, key_malformed, tenant_malformed or signature_ambiguous, each
            a 400. What is malformed in a sender's header is for the check of its signature to tell.
    """
    sender = _sender(headers)
    return CallHeaders(
        authorization=_header(headers, AUTHORIZATION_HEADER),
        signature=_header(headers, SIGNATURE_HEADER),
        timestamp=_header(headers, TIMESTAMP_HEADER),
        tenant=_checked_tenant(_header(headers, TENANT_HEADER)),
        key=_key(headers) if sender is None else None,
        sender=sender,
        senders=_sender_headers(headers, sender),
    )


def _sender(headers: Mapping[str, str]) -> Sender | None:
    """Whose signature it is."""
    found = [sender for sender in SENDERS.values() if sender.signature_header in headers]
    schemes = [sender.signature_header for sender in found]
    schemes += [name for name in (SIGNATURE_HEADER, TIMESTAMP_HEADER) if name in headers][:1]
    if found and len(schemes) > 1:
        raise SignatureAmbiguousError(f"send one of {', '.join(f'`{name}`' for name in schemes)}")
    return found[0] if found else None


def _sender_headers(headers: Mapping[str, str], sender: Sender | None) -> Mapping[str, str]:
    """Those of the sender; if it is none's, those of all, so that a missing signature can be told."""
    if sender is None:
        return {name: headers[name] for one in SENDERS.values() for name in one.unsigned_alone if name in headers}
    commas = {sender.signature_header} if sender.has_commas else set()
    found = {name: headers.get(name) if name in commas else _once(headers, name) for name in sender.headers}
    return {name: value for name, value in found.items() if value is not None}


def tenant_of(headers: CallHeaders, path_tenant: str | None) -> str:
    """The tenant that a call names, by header or path; `default` if by neither.

    Raises:
        TenantMalformedError, TenantAmbiguousError: 400.
    """
    in_path = _checked_tenant(path_tenant)
    if headers.tenant is not None and in_path is not None and headers.tenant != in_path:
        raise TenantAmbiguousError(f"the path and `{TENANT_HEADER}` name different tenants")
    return in_path or headers.tenant or DEFAULT_TENANT


def presented_by(request: Request, headers: CallHeaders, tenant: str, route: str) -> Presented:
    """What the call presents to prove who sends it.

    Args:
        request: as it came.
        headers: of the request.
        tenant: that it names.
        route: the last segment of a call's path, which a sender's secret belongs to; empty on a GET.

    Raises:
        UnauthorizedError: a header that cannot be what it should be: token_malformed, signature_missing or
            signature_timestamp_malformed.
    """
    presented = Presented(
        token=_token(headers.authorization),
        signature=_signature(request, headers, tenant),
        sender_call=_sender_call(request, headers, route),
    )
    if presented == Presented() and headers.senders:
        raise SignatureMissingError(f"`{min(headers.senders)}` came without its signature")
    return presented


def _sender_call(request: Request, headers: CallHeaders, route: str) -> SenderCall | None:
    return SenderCall(headers.sender, route, headers.senders, request.body) if headers.sender is not None else None


def _once(headers: Mapping[str, str], name: str) -> str | None:
    value = headers.get(name)
    if value is not None and "," in value:
        raise HeaderRepeatedError(f"send `{name}` once, and without a comma")
    return value


def _header(headers: Mapping[str, str], name: str) -> str | None:
    value = _once(headers, name)
    if value is None:
        return None
    if len(value) > MAX_HEADER_CHARACTERS or not _PRINTABLE.match(value):
        raise HeaderMalformedError(f"`{name}` is at most {MAX_HEADER_CHARACTERS} characters of printable ASCII")
    return value


def _key(headers: Mapping[str, str]) -> str | None:
    value = _once(headers, KEY_HEADER)
    if value is not None and not _KEY.match(value):
        raise KeyMalformedError("`Idempotency-Key` is 1 to 255 printable ASCII characters without a space")
    return value


def _checked_tenant(value: str | None) -> str | None:
    try:
        return None if value is None else require_tenant(value)
    except InvalidIdentifierError:
        raise TenantMalformedError("a tenant's id is [a-z0-9][a-z0-9-]{0,62}") from None


def _token(authorization: str | None) -> str | None:
    if authorization is None:
        return None
    bearer = _BEARER.match(authorization)
    if bearer is None:
        raise TokenMalformedError("send `Authorization: Bearer <token>`")
    return bearer[1]


def _signature(request: Request, headers: CallHeaders, tenant: str) -> PresentedSignature | None:
    if headers.signature is None and headers.timestamp is None:
        return None
    if headers.signature is None:
        raise SignatureMissingError(f"`{TIMESTAMP_HEADER}` came without `{SIGNATURE_HEADER}`")
    if headers.timestamp is None:
        raise SignatureTimestampMalformedError(f"`{SIGNATURE_HEADER}` came without `{TIMESTAMP_HEADER}`")
    call = SignedCall(
        timestamp=headers.timestamp,
        method=request.method,
        path=request.path,
        query=request.query,
        tenant=tenant,
        key=(headers.key or "") if request.method == "POST" else "",
        body=request.body,
    )
    return PresentedSignature(headers.signature, call)
