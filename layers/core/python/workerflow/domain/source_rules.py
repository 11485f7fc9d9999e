"""What a source may be. Its values come from authors' decorators and from a file: no type is trusted.

A rule returns faults in words, never raises, so that all faults of all sources are reported at once.
"""

from __future__ import annotations

import math
import re
from typing import TypeGuard

from workerflow.domain.retry import MAX_ATTEMPTS_LIMIT, RetryPolicy
from workerflow.domain.source import MAX_REASON_CHARS, MAX_RETRY_DELAY_SECONDS, MAX_TIMEOUT_SECONDS, Source

_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}\Z")
_SECRET_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}\Z")
_PYTHON_PATH = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*\Z", re.ASCII)


def source_faults(source: Source) -> list[str]:
    """Everything that is wrong with what routes and schedules have in common, in words for its author."""
    return [
        *_name_faults(source.name),
        *_place_faults("module", source.module),
        *_place_faults("function", source.function),
        *_timeout_faults(source.timeout_seconds),
        *_retry_faults(source.retry),
        *_enabled_faults(source.enabled, source.disabled_reason),
        *_text_faults(source.description),
        *_secret_faults(source.secrets),
    ]


def choice_faults(what: str, value: object, choices: tuple[str, ...]) -> list[str]:
    """A fault unless `value` is one of `choices`."""
    return [] if value in choices else [f"{what} {value!r:.80} is none of {', '.join(choices)}"]


def is_whole(value: object) -> TypeGuard[int]:
    """Whether it is a whole number; True and False are none."""
    return isinstance(value, int) and not isinstance(value, bool)


def _name_faults(name: object) -> list[str]:
    if not isinstance(name, str) or not _NAME.match(name):
        return [f"the name {name!r:.80} is not [a-z][a-z0-9_]{{0,62}}"]
    return []


def _place_faults(what: str, place: object) -> list[str]:
    if isinstance(place, str) and _PYTHON_PATH.match(place):
        return []
    return [f"the {what} {place!r:.80} is not importable"]


def _timeout_faults(seconds: object) -> list[str]:
    if is_whole(seconds) and 1 <= seconds <= MAX_TIMEOUT_SECONDS:
        return []
    return [f"timeout_seconds {seconds!r:.80} is not a whole number from 1 to {MAX_TIMEOUT_SECONDS}"]


def _retry_faults(retry: object) -> list[str]:
    if not isinstance(retry, RetryPolicy):
        return [f"retry is a RetryPolicy, not {type(retry).__name__}"]
    return [*_attempts_faults(retry.max_attempts), *_delay_faults(retry.base_seconds, retry.cap_seconds)]


def _attempts_faults(attempts: object) -> list[str]:
    if is_whole(attempts) and 1 <= attempts <= MAX_ATTEMPTS_LIMIT:
        return []
    return [f"max_attempts {attempts!r:.80} is not a whole number from 1 to {MAX_ATTEMPTS_LIMIT}"]


def _delay_faults(base: object, cap: object) -> list[str]:
    faults = []
    if not _is_number(base) or base <= 0:
        faults.append(f"base_seconds {base!r:.80} is not a number above 0")
    if not _is_number(cap) or cap > MAX_RETRY_DELAY_SECONDS:
        faults.append(f"cap_seconds {cap!r:.80} is not a number up to {MAX_RETRY_DELAY_SECONDS} (12 hours)")
    if not faults and _is_number(base) and _is_number(cap) and cap < base:
        faults.append(f"cap_seconds {cap!r:.80} is below base_seconds {base!r:.80}")
    return faults


def _enabled_faults(enabled: object, reason: object) -> list[str]:
    faults = []
    if not isinstance(enabled, bool):
        faults.append(f"enabled is True or False, not {enabled!r:.80}")
    if not isinstance(reason, str) or len(reason) > MAX_REASON_CHARS:
        faults.append(f"disabled_reason is not text of at most {MAX_REASON_CHARS} characters")
    return faults


def _text_faults(description: object) -> list[str]:
    return [] if isinstance(description, str) else ["description is not text"]


def _secret_faults(secrets: object) -> list[str]:
    if not isinstance(secrets, tuple | list):
        return [f'secrets is a tuple of names, as in ("one",), not {type(secrets).__name__}']
    faults = [
        f"the secret name {name!r:.80} is not [a-z0-9][a-z0-9-]{{0,62}}"
        for name in secrets
        if not isinstance(name, str) or not _SECRET_NAME.match(name)
    ]
    return faults or (["secrets names one of them twice"] if len(set(secrets)) < len(secrets) else [])


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
