"""What an item weighs by DynamoDB's rule."""

from __future__ import annotations

import pytest

from workerflow.adapters.dynamodb.item_size import item_bytes, write_units
from workerflow.domain.errors import IntegrityError


@pytest.mark.parametrize(
    ("item", "size"),
    [
        ({}, 0),
        ({"pk": "abc"}, 5),
        ({"pk": "\N{EURO SIGN}"}, 5),
        ({"n": 0}, 2),
        ({"n": 7}, 3),
        ({"n": 42}, 3),
        ({"n": -42}, 4),
        ({"n": 100}, 3),  # pairs of zeros at an end weigh nothing
        ({"n": 12_000}, 4),  # 1|20|00
        ({"n": 3.5}, 4),  # 03|.50
        ({"n": 1_760_000_000_000}, 4),
        ({"n": 1_760_000_000_123}, 9),
        ({"n": 0.125}, 4),
        ({"b": b"\x00\x01"}, 3),
        ({"f": True}, 2),
        ({"gone": None}, 0),
        ({"m": {"a": "b"}}, 1 + 3 + 1 + 2),
        ({"l": ["a", "b"]}, 1 + 3 + 2 + 2),
    ],
)
def test_an_item_weighs_its_names_and_values(item: dict[str, object], size: int) -> None:
    assert item_bytes(item) == size  # type: ignore[arg-type]


def test_what_cannot_be_kept_cannot_be_weighed() -> None:
    with pytest.raises(IntegrityError):
        item_bytes({"odd": object()})  # type: ignore[dict-item]


@pytest.mark.parametrize(("size", "units"), [(0, 1), (1, 1), (1024, 1), (1025, 2), (2048, 2), (2049, 3)])
def test_a_write_costs_a_unit_for_each_started_kb(size: int, units: int) -> None:
    assert write_units(size) == units
