"""The headers that decide about a call, checked for their syntax before anything else is done with them.

API Gateway joins a repeated header's values by commas, and so may any proxy on the way. Two values could be read as
one by us and as the other by somebody else, so none of these headers may carry a comma at all: not even the key,
whose alphabet would allow it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from workerflow.domain.credential_refusals import (
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
    """The five headers that decide about a call, each well-formed as far as it can be told without a secret."""

    authorization: str | None = field(repr=False)
    signature: str | None = field(repr=False)
    timestamp: str | None
    tenant: str | None
    key: str | None

    @property
    def is_signed(self) -> bool:
        """Whether the call carries anything of a signature."""
        return self.signature is not None or self.timestamp is not None


def read_call_headers(headers: Mapping[str, str]) -> CallHeaders:
    """Read the headers that decide about a call.

    Raises:
        RefusedError: header_repeated, header_malformed, key_malformed or tenant_malformed, each a 400.
    """
    return CallHeaders(
        authorization=_header(headers, AUTHORIZATION_HEADER),
        signature=_header(headers, SIGNATURE_HEADER),
        timestamp=_header(headers, TIMESTAMP_HEADER),
        tenant=_checked_tenant(_header(headers, TENANT_HEADER)),
        key=_key(headers),
    )


def tenant_of(headers: CallHeaders, path_tenant: str | None) -> str:
    """The tenant that a call names, by header or path; `default` if by neither.

    Raises:
        TenantMalformedError, TenantAmbiguousError: 400.
    """
    in_path = _checked_tenant(path_tenant)
    if headers.tenant is not None and in_path is not None and headers.tenant != in_path:
        raise TenantAmbiguousError(f"the path and `{TENANT_HEADER}` name different tenants")
    return in_path or headers.tenant or DEFAULT_TENANT


def presented_by(request: Request, headers: CallHeaders, tenant: str) -> Presented:
    """What the call presents to prove who sends it.

    Raises:
        UnauthorizedError: a header that cannot be what it should be: token_malformed, signature_missing or
            signature_timestamp_malformed.
    """
    return Presented(token=_token(headers.authorization), signature=_signature(request, headers, tenant))


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
    if not headers.is_signed:
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
