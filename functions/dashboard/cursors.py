"""Cursors: where a list goes on, sealed, so that none can be made up or used elsewhere.

    position --seal(scope)--> cursor --open(scope)--> position        another scope, another tenant: refused

The scope is the endpoint, the tenant and the filters: a position of one list means nothing in another.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Mapping
from dataclasses import dataclass

from workerflow.domain.access_keys import SEAL_BYTES, AccessKeys
from workerflow.domain.dashboard_refusals import CursorInvalidError
from workerflow.domain.errors import StoreUnavailableError
from workerflow.ports.operations import AccessKeySource

CURSOR_FIELD = "cursor"
NOT_OF_THE_SCOPE = frozenset({CURSOR_FIELD, "limit"})
"""Parameters that may change from page to page."""
MAX_CURSOR_CHARACTERS = 1024


def scope_of(endpoint: str, tenant: str, query: Mapping[str, str]) -> bytes:
    """What a cursor is bound to.

    Args:
        endpoint: its name.
        tenant: whose list it is.
        query: decoded values of the request's parameters, by name.
    """
    filters = sorted((name, value) for name, value in query.items() if name not in NOT_OF_THE_SCOPE)
    parts = [endpoint, tenant, *(text for pair in filters for text in pair)]
    return b"".join(b"%d:%s" % (len(raw), raw) for raw in (part.encode() for part in parts))


@dataclass(frozen=True, slots=True)
class Cursors:
    """Seals and opens cursors."""

    keys: AccessKeySource

    def seal(self, position: str | None, scope: bytes) -> str | None:
        """The cursor of a position; None at the list's end."""
        if position is None:
            return None
        raw = position.encode()
        return base64.urlsafe_b64encode(self._keys().cursor_seal(scope, raw) + raw).rstrip(b"=").decode("ascii")

    def open(self, cursor: str | None, scope: bytes) -> str | None:
        """The position behind a cursor; None where there is no cursor.

        Raises:
            CursorInvalidError: it is none of ours, or of another list.
        """
        if cursor is None:
            return None
        sealed = _decoded(cursor)
        seal, position = sealed[:SEAL_BYTES], sealed[SEAL_BYTES:]
        if not hmac.compare_digest(seal, self._keys().cursor_seal(scope, position)):
            raise CursorInvalidError("begin again without a cursor, or with the filters that it was given for")
        return position.decode()

    def _keys(self) -> AccessKeys:
        keys = self.keys.read()
        if keys is None:
            raise StoreUnavailableError("the dashboard's key was there a moment ago, and is gone")
        return keys


def _decoded(cursor: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(cursor[:MAX_CURSOR_CHARACTERS].encode("ascii") + b"==")
    except (binascii.Error, ValueError):
        return b""
