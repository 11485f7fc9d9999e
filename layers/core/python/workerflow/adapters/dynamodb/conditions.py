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

NOT_REVOKED = Condition("attribute_exists(#pk) AND attribute_not_exists(#revoked_ms)", ("pk", "revoked_ms"))
"""The token is there, and nobody has revoked it."""


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


def same_write(version: int, nonce: str) -> Condition:
    """The item is still as this write left it."""
    return Condition(
        "#version = :version AND #nonce = :nonce", ("version", "nonce"), {":version": version, ":nonce": nonce}
    )


def free_for(holder: str, now_ms: int) -> Condition:
    """Nobody holds the slot, or only until a time that is over, or this holder does already."""
    return Condition(
        "attribute_not_exists(#pk) OR #until_ms <= :now OR #holder = :holder",
        ("pk", "until_ms", "holder"),
        {":now": now_ms, ":holder": holder},
    )


def held_by(holder: str) -> Condition:
    """This holder still holds the slot."""
    return Condition("#holder = :holder", ("holder",), {":holder": holder})


def followed_by(before: tuple[str, int], after: tuple[str, int]) -> Condition:
    """The slot is held by whom, and until when, it was read; or it was handed on already, by this very write."""
    return Condition(
        "#holder = :holder AND #until_ms = :until OR #holder = :next AND #until_ms = :next_until",
        ("holder", "until_ms"),
        {":holder": before[0], ":until": before[1], ":next": after[0], ":next_until": after[1]},
    )


def full(now_us: int) -> Condition:
    """The bucket is full, or was never used."""
    return Condition("attribute_not_exists(#tat) OR #tat <= :now", ("tat",), {":now": now_us})


def with_room(now_us: int, latest_us: int, *, seen: str, nonce: str) -> Condition:
    """The bucket is not full and has room for one more; and this very call was not counted yet."""
    return Condition(
        f"#tat > :now AND #tat <= :latest AND NOT #{seen} = :nonce",
        ("tat", seen),
        {":now": now_us, ":latest": latest_us, ":nonce": nonce},
    )
