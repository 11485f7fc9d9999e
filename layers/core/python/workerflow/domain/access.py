"""Who may use the dashboard: tokens, and the sessions that browsers get for them.

    token  wfd_<id>_<secret>      id: looked up by;  secret: only its keyed digest is kept
    session  <random>             only its keyed digest is kept; it ends when its token does

A token is named after whoever holds it, is for reading or for writing too, for all tenants or for one, expires, and
may be revoked, which holds from the next request on.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

SESSION_IDLE_SECONDS = 60 * 60
"""A session that nobody used for so long has ended."""
SESSION_SECONDS = 12 * 3600
"""A session ends so long after it began, however much it is used."""
SESSION_SEEN_EVERY_SECONDS = 60
"""Its last use is written at most so often: a page that refreshes itself must not write at each request."""
MAX_TOKEN_DAYS = 400
_TOKEN = re.compile(r"wfd_(?P<id>[a-z2-7]{12})_(?P<secret>[A-Za-z0-9_-]{43})\Z")
_COOKIE = re.compile(r"[A-Za-z0-9_-]{43}\Z")
_NAME = re.compile(r"[a-z0-9][a-z0-9 ._@+-]{0,62}\Z")


class Scope(StrEnum):
    """What a token is for. Whoever may write may read."""

    READ = "read"
    WRITE = "write"

    def includes(self, other: Scope) -> bool:
        """Whether this scope is enough where `other` is asked for."""
        return self is Scope.WRITE or other is Scope.READ


@dataclass(frozen=True, slots=True)
class PresentedToken:
    """A token as somebody shows it."""

    token_id: str
    secret: str

    @classmethod
    def parse(cls, text: str) -> PresentedToken | None:
        """Read `wfd_<id>_<secret>`; None if it is no token of ours, whatever else it is."""
        found = _TOKEN.match(text)
        return cls(found["id"], found["secret"]) if found else None


@dataclass(frozen=True, slots=True)
class Token:
    """A token as it is kept.

    Attributes:
        token_id: 12 characters of base32, not secret.
        name: of whoever holds it, as `is_token_name` allows.
        tenant: the one tenant that it is for; None: all.
        digest: HMAC-SHA256 of id and secret, 64 hex digits.
        revoked_at_ms: since when it is worth nothing; None: it is not revoked.
    """

    token_id: str
    name: str
    scope: Scope
    tenant: str | None
    digest: str
    created_at_ms: int
    expires_at_ms: int
    revoked_at_ms: int | None = None

    @property
    def actor(self) -> str:
        """Who acts, as lineages and audit rows tell it."""
        return f"{self.name} ({self.token_id})"

    def is_live(self, now_ms: int) -> bool:
        """Whether it lets anybody in."""
        return self.revoked_at_ms is None and now_ms < self.expires_at_ms

    def is_for(self, tenant: str) -> bool:
        """Whether it may be used for a tenant."""
        return self.tenant is None or self.tenant == tenant


@dataclass(frozen=True, slots=True)
class Session:
    """A browser's session as it is kept.

    Attributes:
        digest: HMAC-SHA256 of the cookie's value, 64 hex digits.
        seen_at_ms: its last use, to within SESSION_SEEN_EVERY_SECONDS.
    """

    digest: str
    token_id: str
    created_at_ms: int
    seen_at_ms: int

    @property
    def ends_at_ms(self) -> int:
        """When it ends if nobody uses it any more."""
        return min(self.created_at_ms + SESSION_SECONDS * 1000, self.seen_at_ms + SESSION_IDLE_SECONDS * 1000)

    def is_live(self, now_ms: int) -> bool:
        """Whether it is still somebody's."""
        return now_ms < self.ends_at_ms


def is_token_name(text: str) -> bool:
    """Whether a token may be called so: 1 to 63 lower-case letters, digits, spaces and `._@+-`, no space first."""
    return _NAME.match(text) is not None


def is_session_cookie(text: str) -> bool:
    """Whether a text may be the value of a session's cookie: 43 characters of base64url."""
    return _COOKIE.match(text) is not None
