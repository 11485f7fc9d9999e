"""`Retry-After`, as other servers send it."""

from __future__ import annotations

import re
from datetime import UTC
from email.utils import parsedate_to_datetime

_SECONDS = re.compile(r"[0-9]{1,18}\Z")


def parse_retry_after(value: str | None, now_ms: int, *, cap_seconds: float) -> float | None:
    """How long another server asks us to wait.

    Args:
        value: the header's value: a number of seconds or an HTTP date; None if there was none.
        now_ms: the time that a date is measured from, epoch milliseconds.
        cap_seconds: what is believed at most.

    Returns:
        0 to `cap_seconds` (0 for a date that is past), or None if there is no value, or one that means nothing.

    Source: RFC 9110 section 10.2.3.
    """
    text = (value or "").strip()
    if _SECONDS.match(text):
        return min(float(text), cap_seconds)
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, IndexError):
        return None
    at_seconds = (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
    return min(max(at_seconds - now_ms / 1000, 0.0), cap_seconds)
