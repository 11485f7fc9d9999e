"""The keys behind tokens, sessions, forms and cursors, each derived from one master secret under a label of its own.

    master --HMAC(label)--> token key     --HMAC(id, secret)--> what is kept of a token
                            session key   --HMAC(cookie)------> what is kept of a session
                            csrf key      --HMAC(session)-----> what the session's forms carry
                            cursor key    --HMAC(scope, position)--> what seals a cursor

So what is kept proves nothing by itself: whoever reads the tables can neither guess a token by trying nor make one up.
Whoever replaces the master secret ends every token, session, form and cursor at once.

Source: RFC 2104 (HMAC); NIST SP 800-108, section 4.1 (keys derived by a PRF in counter mode, one block, label first).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from dataclasses import dataclass, field
from typing import Any, Self

from workerflow.domain.errors import IntegrityError

MASTER_BYTES = 32
MASTER_FIELD = "key"
SEAL_BYTES = 16


@dataclass(frozen=True, slots=True)
class AccessKeys:
    """The derived keys. Two of the same master secret are equal."""

    token: bytes = field(repr=False)
    session: bytes = field(repr=False)
    csrf: bytes = field(repr=False)
    cursor: bytes = field(repr=False)

    @classmethod
    def derive(cls, master: bytes) -> Self:
        """The keys of a master secret of MASTER_BYTES random bytes."""
        return cls(*(_derived(master, label) for label in ("token", "session", "csrf", "cursor")))

    @classmethod
    def parse(cls, text: str) -> Self:
        """The keys of a secret's text, as `master_text` writes it.

        Raises:
            IntegrityError: it is not `{"key": <base64 of 32 bytes>}`; nothing of it is repeated.
        """
        return cls.derive(_master_of(text))

    def token_digest(self, token_id: str, secret: str) -> str:
        """What is kept of a token: 64 hex digits."""
        return hmac.new(self.token, f"{token_id}:{secret}".encode(), hashlib.sha256).hexdigest()

    def session_digest(self, cookie: str) -> str:
        """What is kept of a session's cookie: 64 hex digits."""
        return hmac.new(self.session, cookie.encode(), hashlib.sha256).hexdigest()

    def csrf_token(self, session_digest: str) -> str:
        """What the forms of a session carry: 43 characters of base64url."""
        return _text_of(hmac.digest(self.csrf, session_digest.encode(), "sha256"))

    def cursor_seal(self, scope: bytes, position: bytes) -> bytes:
        """SEAL_BYTES that prove a position to be ours, for this scope and no other."""
        return hmac.digest(self.cursor, b"%d:%s%s" % (len(scope), scope, position), "sha256")[:SEAL_BYTES]


def master_text(master: bytes) -> str:
    """A master secret as its secret's text."""
    return json.dumps({MASTER_FIELD: base64.b64encode(master).decode("ascii")})


def are_equal(one: str, other: str) -> bool:
    """Whether two texts are the same, in a time that does not tell where they differ."""
    return hmac.compare_digest(one.encode("utf-8", "surrogatepass"), other.encode("utf-8", "surrogatepass"))


def _derived(master: bytes, label: str) -> bytes:
    return hmac.digest(master, b"workerflow dashboard v1\0%s" % label.encode("ascii"), "sha256")


def _master_of(text: str) -> bytes:
    try:
        document: Any = json.loads(text)
        master = base64.b64decode(document[MASTER_FIELD], validate=True)
    except (ValueError, TypeError, KeyError, RecursionError, binascii.Error):
        raise IntegrityError(f'the secret is not {{"{MASTER_FIELD}": <base64>}}') from None
    if len(master) != MASTER_BYTES:
        raise IntegrityError(f"the secret's {MASTER_FIELD} is not {MASTER_BYTES} bytes")
    return master


def _text_of(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")
