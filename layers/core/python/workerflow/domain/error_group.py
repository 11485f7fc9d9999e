"""Groups of alike errors: how many dead letters share a fingerprint, since when, and what one of them says.

Kept by the tick, which walks over the letters behind the present and adds each once: the group's counts and the walk's
position are written in one transaction. What failed since the walk's position is added when somebody reads.
"""

from __future__ import annotations

from dataclasses import dataclass

from workerflow.domain.run import LetterClass

BEHIND_SECONDS = 60
"""The walk stays so far behind the present: the index of letters lags, and what is passed is never looked at again."""


@dataclass(frozen=True, slots=True)
class ErrorGroup:
    """Dead letters with one fingerprint.

    Attributes:
        letter_class, source, error_class, message: of the sample.
        sample: trace id of the newest letter when the group was last written.
        count: letters since `first_seen_ms`, whatever became of them.
        expires_at_s: when it is forgotten: not before its newest letter.
    """

    tenant: str
    fingerprint: str
    source: str
    letter_class: LetterClass
    error_class: str
    message: str
    sample: str
    count: int
    first_seen_ms: int
    last_seen_ms: int
    expires_at_s: int

    def is_expired(self, now_ms: int) -> bool:
        """Whether it counts as absent: TTL deletes late."""
        return self.expires_at_s * 1000 <= now_ms
