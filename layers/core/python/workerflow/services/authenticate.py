"""Whose token it is that somebody shows, if it is anybody's.

    text --parse--> id, secret --one read by id--> what is kept --one comparison--> live? --> Token
                                                                `- differs: newer keys? compare once more

An id that there is not costs what one costs that there is: a read, and a comparison with what nothing can equal. What
is wrong with a token (unknown, wrong, expired, revoked) is not told, for it would tell a guesser how near he is.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from workerflow.domain.access import PresentedToken, Token
from workerflow.domain.access_keys import AccessKeys, are_equal
from workerflow.ports.operations import AccessKeySource, TokenStore
from workerflow.ports.world import Clock

_NOBODYS_DIGEST = "-" * 64
"""Of the length of a digest, and none: it is not hexadecimal."""


class Denial(StrEnum):
    """Why somebody is not let in."""

    MALFORMED = "token_malformed"
    INVALID = "token_invalid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Authenticate:
    """Proves tokens."""

    keys: AccessKeySource
    tokens: TokenStore
    clock: Clock

    def __call__(self, text: str) -> Token | Denial:
        """Prove a token.

        Args:
            text: as it was shown, whatever it is.

        Returns:
            The token, which is live; or why nobody is let in. Without keys nobody ever is.

        Raises:
            StoreUnavailableError: unknown; ask again.
        """
        presented = PresentedToken.parse(text)
        if presented is None:
            return Denial.MALFORMED
        known = self.keys.read()
        kept = self.tokens.get_token(presented.token_id)
        if not _proves(presented, kept, known):
            newer = self.keys.refresh()
            if newer == known or not _proves(presented, kept, newer):
                return Denial.INVALID
        return kept if kept is not None and kept.is_live(self.clock.now_ms()) else Denial.INVALID


def _proves(presented: PresentedToken, kept: Token | None, keys: AccessKeys | None) -> bool:
    if keys is None:
        return False
    shown = keys.token_digest(presented.token_id, presented.secret)
    return are_equal(shown, _NOBODYS_DIGEST if kept is None else kept.digest)
