"""Moments as text: RFC 3339 in UTC with milliseconds, as the API, payloads of fires and events write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def timestamp(time_ms: int) -> str:
    """Epoch milliseconds as RFC 3339 in UTC with milliseconds: `2026-11-24T16:00:00.000Z`."""
    return (_EPOCH + timedelta(milliseconds=time_ms)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_timestamp(text: object) -> int | None:
    """Epoch milliseconds of an RFC 3339 timestamp, cut to the millisecond; None if it is none, or names no offset."""
    if not isinstance(text, str):
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return None if moment.tzinfo is None else (moment - _EPOCH) // timedelta(milliseconds=1)
