"""The conditions under which items are written, each with its name.

Attribute names stand behind `#`: `state`, `key` and `kind` are reserved words of DynamoDB.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from workerflow.adapters.dynamodb.attributes import Value


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition expression; `#x` stands for the attribute x, values are plain."""

    expression: str
    attributes: tuple[str, ...] = ()
    values: Mapping[str, Value] = field(default_factory=dict)


NOT_THERE = Condition("attribute_not_exists(#pk)", ("pk",))
"""Nothing stands under this key."""

STILL_THERE = Condition("attribute_exists(#pk)", ("pk",))
"""What is to be changed was not deleted."""


def forgotten(now_ms: int) -> Condition:
    """Nothing stands under this key, or only what has expired: TTL deletes late."""
    return Condition("attribute_not_exists(#pk) OR #expires_at <= :now", ("pk", "expires_at"), {":now": now_ms // 1000})


def unchanged(expected_version: int | None) -> Condition:
    """The item is of the version that was read: None where there was none."""
    if expected_version is None:
        return NOT_THERE
    return Condition("#version = :expected", ("version",), {":expected": expected_version})


def in_state(state: str) -> Condition:
    """The item is in the state that was read."""
    return Condition("#state = :state", ("state",), {":state": state})


def counted(n: int) -> Condition:
    """The count stands at `n`; no row counts as 0."""
    if n == 0:
        return NOT_THERE
    return Condition("#n = :n", ("n",), {":n": n})
