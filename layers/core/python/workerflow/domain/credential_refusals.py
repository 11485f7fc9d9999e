"""Calls that are refused because of who sends them, or because that cannot be told. Part of the tree in refusals.

    RefusedError
    |-- TooManyFailuresError      429, before anything was compared
    |-- SignatureAmbiguousError   400, before anything was compared
    |-- UnauthorizedError         401: missing, malformed or wrong
    `-- ...RequiredError, ...     403: valid, and not what the route takes

Neither titles nor details tell whether a tenant exists, or what its secrets are.
"""

from __future__ import annotations

from workerflow.domain.refusals import RefusedError


class TooManyFailuresError(RefusedError):
    """The source address failed too often; nothing was compared."""

    code = "too_many_failures"
    status = 429
    title = "Too many calls with wrong credentials"
    retryable = True

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__("wait, then call with valid credentials", headers={"retry-after": str(retry_after_seconds)})


class SignatureAmbiguousError(RefusedError):
    """Signatures of two schemes: what one covers, the other may not."""

    code = "signature_ambiguous"
    status = 400
    title = "The call carries signatures of two schemes"


class UnauthorizedError(RefusedError):
    """Base of what is wrong with credentials. RFC 9110 section 15.5.2: a 401 carries a challenge."""

    status = 401
    title = "The credentials are not valid"

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail, headers={"www-authenticate": 'Bearer realm="workerflow"'})


class CredentialsMissingError(UnauthorizedError):
    """Neither a token nor a signature."""

    code = "credentials_missing"
    title = "The call carries no credentials"


class TokenMalformedError(UnauthorizedError):
    """An Authorization header that is not `Bearer <token>`."""

    code = "token_malformed"
    title = "The Authorization header is malformed"


class TokenMismatchError(UnauthorizedError):
    """A token that is not the tenant's; also a tenant that does not exist."""

    code = "token_mismatch"


class SignatureMissingError(UnauthorizedError):
    """What belongs to a signature, without the signature."""

    code = "signature_missing"
    title = "The call carries no signature"


class SignatureMalformedError(UnauthorizedError):
    """A signature that does not have its scheme's syntax."""

    code = "signature_malformed"
    title = "The signature is malformed"


class SignatureTimestampMalformedError(UnauthorizedError):
    """A signature whose timestamp is missing, or no timestamp."""

    code = "signature_timestamp_malformed"
    title = "The signature's timestamp is malformed"


class SignatureTimestampSkewError(UnauthorizedError):
    """A timestamp too far from our clock, in either direction."""

    code = "signature_timestamp_skew"
    title = "The signature's timestamp is too far from the present"


class SignatureMismatchError(UnauthorizedError):
    """A signature that is not this call's; also a tenant that does not exist."""

    code = "signature_mismatch"


class TokenRequiredError(RefusedError):
    """Valid credentials, but the route takes only a token."""

    code = "token_required"
    status = 403
    title = "This route takes a bearer token"


class SignatureRequiredError(RefusedError):
    """Valid credentials, but the route takes only a signature."""

    code = "signature_required"
    status = 403
    title = "This route takes a signature"


class SenderRequiredError(RefusedError):
    """Valid credentials, but the route takes only the signature of the sender whose webhooks it receives."""

    code = "sender_required"
    status = 403
    title = "This route takes a sender's signature"


class SenderNotTakenError(RefusedError):
    """A sender's valid signature, on a route that is not for its webhooks."""

    code = "sender_not_taken"
    status = 403
    title = "This route takes no sender's signature"
