"""When a failed attempt is tried again: capped exponential back-off with full jitter."""

from __future__ import annotations

from dataclasses import dataclass

MAX_ATTEMPTS_LIMIT = 25
"""Far below the queue's own redrive limit (`infra`: 100 receives), which means "the platform is broken"."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how far apart.

    Attributes:
        max_attempts: attempts in all, the first one included (1 to MAX_ATTEMPTS_LIMIT).
        base_seconds: ceiling of the first delay.
        cap_seconds: ceiling of any delay that the policy itself computes.
    """

    max_attempts: int = 5
    base_seconds: float = 2.0
    cap_seconds: float = 900.0

    def delay_seconds(self, attempt: int, *, jitter: float) -> float:
        """Delay before the attempt after `attempt`, for a uniform `jitter` in [0, 1).

        Source: M. Brooker, "Exponential Backoff And Jitter" (AWS Architecture Blog, 2015), "full jitter":
        random_between(0, min(cap, base * 2 ** attempt)).
        """
        ceiling = min(self.cap_seconds, self.base_seconds * 2.0 ** min(attempt - 1, 62))
        return ceiling * jitter


@dataclass(frozen=True, slots=True)
class RetryDecision:
    """`delay_seconds` until the next attempt, or None: none is left."""

    delay_seconds: float | None

    @property
    def gives_up(self) -> bool:
        return self.delay_seconds is None


def decide_retry(
    policy: RetryPolicy, attempt: int, *, retry_after_seconds: float | None, jitter: float
) -> RetryDecision:
    """Decide what follows a retryable failure of attempt number `attempt` (1-based).

    `retry_after_seconds`, what the other side asked for, is a floor under the policy's own delay: never sooner.
    """
    if attempt >= policy.max_attempts:
        return RetryDecision(None)
    own = policy.delay_seconds(attempt, jitter=jitter)
    return RetryDecision(max(own, retry_after_seconds or 0.0))
