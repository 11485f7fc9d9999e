"""Plain values <-> DynamoDB's typed attributes, without boto3's Decimal. Standard library only.

    Item {"pk": "default#…", "version": 3} --pack--> {"pk": {"S": "default#…"}, "version": {"N": "3"}}

What is None is left out: an absent attribute is how an item says "nothing", and how it stays out of a sparse index.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from workerflow.domain.errors import IntegrityError, InvalidIdentifierError

type Value = str | int | float | bytes | bool | Mapping[str, "Value"] | None
type Item = dict[str, Any]
"""An item in plain values: text, whole and real numbers, bytes, flags, maps."""
type PackedItem = dict[str, Any]
"""An item as it travels."""


def pack(item: Mapping[str, Value]) -> PackedItem:
    """The item as DynamoDB takes it; None is left out."""
    return {name: pack_value(value) for name, value in item.items() if value is not None}


def pack_value(value: Value) -> dict[str, Any]:
    """One value as DynamoDB takes it."""
    match value:
        case bool():
            return {"BOOL": value}
        case str():
            return {"S": value}
        case int() | float():
            return {"N": repr(value)}
        case bytes():
            return {"B": value}
        case Mapping():
            return {"M": pack(value)}
        case _:
            raise IntegrityError(f"a {type(value).__name__} is not kept in items")


def unpack(packed: Mapping[str, Mapping[str, Any]]) -> Item:
    """The plain values of an item as DynamoDB gives it; IntegrityError for a type that no code of ours writes."""
    item: Item = {}
    for name, typed in packed.items():
        [(kind, value)] = typed.items()
        if kind not in _UNPACK:
            raise IntegrityError(f"attribute {name} is of type {kind}")
        item[name] = _UNPACK[kind](value)
    return item


def unpack_known(packed: Mapping[str, Mapping[str, Any]]) -> Item:
    """The same without the attributes of such a type: whether the rest is enough is the codec's to say."""
    return unpack({name: typed for name, typed in packed.items() if typed.keys() <= _UNPACK.keys()})


def _number(text: str) -> float:
    return int(text) if text.lstrip("-").isdigit() else float(text)


_UNPACK: dict[str, Callable[[Any], Any]] = {"S": str, "N": _number, "B": bytes, "BOOL": bool, "M": unpack}


@contextmanager
def reading(what: str, item: Item) -> Iterator[None]:
    """Turn whatever goes wrong while an item is read into an IntegrityError that names it."""
    try:
        yield
    except (KeyError, ValueError, TypeError, AttributeError, InvalidIdentifierError, zlib.error) as error:
        key = "/".join(str(item[name]) for name in ("pk", "sk") if name in item)
        raise IntegrityError(f"{key} is no {what}: {error!r}") from error


def squeezed(name: str, raw: bytes) -> Item:
    """Bytes under `name`, or compressed under `<name>_z` where that is smaller."""
    packed = zlib.compress(raw, 6) if len(raw) > _WORTH_COMPRESSING else raw
    return {f"{name}_z": packed} if len(packed) + 2 < len(raw) else {name: raw}


_WORTH_COMPRESSING = 64


def stretched(name: str, item: Item) -> bytes | None:
    """The bytes that `squeezed` put under `name`, or None if there are none."""
    if (packed := item.get(f"{name}_z")) is not None:
        return zlib.decompress(packed)
    raw: bytes | None = item.get(name)
    return raw
