"""The names of objects in the payload bucket: from a name alone follows what the object is, and whom to ask about it.

    <tenant>/<key hash>/<day>.<sha256>                 a payload, named by the day on which it was written
    <tenant>/<key hash>/<trace id>.out.<attempt>       an attempt's output
    <tenant>/snapshots/<date>.json                     the configuration of a day

A duplicate call writes the same payload object again, and only on the same day: so nobody will ever come to need an
object of the day before yesterday that no acceptance points to, and deleting it can meet no call in flight.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

DAY_MS = 24 * 3_600_000
SNAPSHOTS = "snapshots"

_PAYLOAD = re.compile(r"([0-9a-f]{32})/([0-9]{1,6})\.[0-9a-f]{64}\Z")
_OUTPUT = re.compile(r"([0-9a-f]{32})/([0-9a-f]{44})\.out\.([0-9]{1,4})\Z")


@dataclass(frozen=True, slots=True)
class PayloadObject:
    """A payload of the acceptance with that key hash, or of nobody; written on that day since the epoch, in UTC."""

    key_hash: str
    day: int


@dataclass(frozen=True, slots=True)
class OutputObject:
    """An output that an attempt at that task left behind."""

    trace_id: str
    attempt: int


def payload_pointer(tenant: str, key_hash: str, sha256: str, at_ms: int) -> str:
    """Name a payload that is written at `at_ms`. Another body never overwrites it."""
    return f"{tenant}/{key_hash}/{at_ms // DAY_MS}.{sha256}"


def output_pointer(tenant: str, trace_id: str, attempt: int) -> str:
    """Name an attempt's output."""
    return f"{tenant}/{trace_id[-32:]}/{trace_id}.out.{attempt}"


def snapshot_prefix(tenant: str) -> str:
    """What the names of a tenant's snapshots begin with; they sort by day."""
    return f"{tenant}/{SNAPSHOTS}/"


def snapshot_pointer(tenant: str, date: str) -> str:
    """Name the snapshot of a date, as in `2026-11-23`."""
    return f"{snapshot_prefix(tenant)}{date}.json"


def read_pointer(tenant: str, pointer: str) -> PayloadObject | OutputObject | None:
    """What a tenant's object is by its name; None for a snapshot, and for anything that was not named here."""
    name = pointer.removeprefix(f"{tenant}/")
    if found := _PAYLOAD.match(name):
        return PayloadObject(found[1], int(found[2]))
    if (found := _OUTPUT.match(name)) and found[2].endswith(found[1]):
        return OutputObject(found[2], int(found[3]))
    return None
