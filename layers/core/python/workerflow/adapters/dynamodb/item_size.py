"""What an item weighs: DynamoDB bills a write by the whole item, per started KB.

Source: AWS, "DynamoDB item sizes and formats" (names and text in UTF-8; a number about one byte for two significant
digits and one more; maps and lists 3 bytes and one for each element; flags one) and "DynamoDB read and write
operations" (a write unit is 1 KB).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from workerflow.domain.errors import IntegrityError

WRITE_UNIT_BYTES = 1024

type Weighed = str | int | float | bytes | bool | Mapping[str, "Weighed"] | Sequence["Weighed"] | None


def item_bytes(item: Mapping[str, Weighed]) -> int:
    """Size of an item in plain values; None is not stored."""
    return sum(len(name.encode()) + _value_bytes(value) for name, value in item.items() if value is not None)


def write_units(size: int) -> int:
    """Write units of a plain write of `size` bytes; a transaction takes twice as many."""
    return max(1, -(-size // WRITE_UNIT_BYTES))


def _value_bytes(value: Weighed) -> int:
    match value:
        case None | bool():
            return 1
        case str():
            return len(value.encode())
        case int() | float():
            return _number_bytes(value)
        case bytes():
            return len(value)
        case Mapping():
            return 3 + len(value) + item_bytes(value)
        case Sequence():
            return 3 + len(value) + sum(_value_bytes(element) for element in value)
    raise IntegrityError(f"a {type(value).__name__} has no size")


def _number_bytes(value: float) -> int:
    """Digits are stored in pairs, counted from the decimal point; pairs of zeros at either end weigh nothing."""
    whole, _, fraction = repr(value).lstrip("-").partition(".")
    digits = whole.zfill(len(whole) + len(whole) % 2) + fraction + "0" * (len(fraction) % 2)
    pairs = [digits[at : at + 2] for at in range(0, len(digits), 2)]
    significant = "".join("0" if pair == "00" else "1" for pair in pairs).strip("0")
    return len(significant) + 1 + (value < 0)
