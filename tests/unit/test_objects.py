"""What an object is follows from its name."""

from __future__ import annotations

import pytest

from workerflow.domain.objects import (
    OutputObject,
    PayloadObject,
    output_pointer,
    payload_pointer,
    read_pointer,
    snapshot_pointer,
)

HASH = "0123456789abcdef" * 2
TRACE = "0198c0de0000" + HASH
DAY_MS = 86_400_000


def test_a_payload_is_named_by_its_key_the_day_and_its_digest() -> None:
    pointer = payload_pointer("acme", HASH, "f" * 64, 20_000 * DAY_MS + 5)
    assert pointer == f"acme/{HASH}/20000.{'f' * 64}"
    assert read_pointer("acme", pointer) == PayloadObject(HASH, 20_000)


def test_an_output_is_named_by_its_task_and_attempt() -> None:
    pointer = output_pointer("acme", TRACE, 12)
    assert pointer == f"acme/{HASH}/{TRACE}.out.12"
    assert read_pointer("acme", pointer) == OutputObject(TRACE, 12)


@pytest.mark.parametrize(
    "pointer",
    [
        snapshot_pointer("acme", "2026-11-23"),
        f"acme/{HASH}/{'f' * 64}",
        f"acme/{HASH}/20000.{'F' * 64}",
        f"acme/{HASH}/20000.{'f' * 64}\n",
        f"acme/{'f' * 32}/{TRACE}.out.1",
        f"other/{HASH}/20000.{'f' * 64}",
        "acme/",
        "",
    ],
)
def test_anything_else_is_left_to_whoever_put_it_there(pointer: str) -> None:
    assert read_pointer("acme", pointer) is None
