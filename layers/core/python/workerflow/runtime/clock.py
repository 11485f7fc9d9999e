"""The real clock and the real dice: the system's implementations of the ports `Clock` and `Ids`."""

from __future__ import annotations

import random
import secrets
import time

NONCE_BYTES = 8
SECRET_BYTES = 32


class SystemClock:
    """Wall-clock time. Lambda keeps it within milliseconds (Amazon Time Sync)."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000


class SystemIds:
    """Randomness of the operating system for names, an ordinary generator for jitter."""

    def nonce(self) -> str:
        return secrets.token_hex(NONCE_BYTES)

    def secret(self) -> str:
        return secrets.token_urlsafe(SECRET_BYTES)

    def jitter(self) -> float:
        return random.random()  # noqa: S311 - spreads load, protects nothing
