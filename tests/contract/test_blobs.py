"""BlobStore: what both implementations promise."""

from __future__ import annotations

import pytest

from tests.contract.worlds import Ports
from workerflow.domain.errors import IntegrityError, StoreUnavailableError
from workerflow.domain.stored import StoredBytes

BODY = b"\x00\x01 a body \xff" * 1000
STORED = StoredBytes.pointed(BODY, "default/hash/digest")


def test_an_object_is_read_back_byte_for_byte(world: Ports) -> None:
    world.blobs.put("default/hash/digest", BODY)
    assert world.blobs.get(STORED) == BODY


def test_bytes_inside_an_item_are_read_without_any_call(world: Ports) -> None:
    with world.refusing():
        assert world.blobs.get(StoredBytes.inlined(BODY)) == BODY


def test_an_object_that_is_gone_is_never_asked_for_again(world: Ports) -> None:
    with pytest.raises(IntegrityError):
        world.blobs.get(STORED)


def test_an_object_with_other_bytes_is_refused(world: Ports) -> None:
    world.blobs.put("default/hash/digest", BODY + b"!")
    with pytest.raises(IntegrityError):
        world.blobs.get(STORED)


def test_other_bytes_inside_an_item_are_refused(world: Ports) -> None:
    with pytest.raises(IntegrityError):
        world.blobs.get(StoredBytes(sha256="0" * 64, size=2, inline=b"{}"))


def test_a_copy_lives_by_itself(world: Ports) -> None:
    world.blobs.put("default/a/digest", BODY)
    world.blobs.copy("default/a/digest", "default/b/digest")
    world.blobs.put("default/a/digest", b"other")
    assert world.blobs.get(StoredBytes.pointed(BODY, "default/b/digest")) == BODY


def test_what_is_gone_cannot_be_copied(world: Ports) -> None:
    with pytest.raises(IntegrityError):
        world.blobs.copy("default/a/digest", "default/b/digest")


def test_a_store_that_does_not_answer_is_asked_again(world: Ports) -> None:
    with world.refusing():
        for call in (
            lambda: world.blobs.put("default/hash/digest", BODY),
            lambda: world.blobs.get(STORED),
            lambda: world.blobs.copy("default/a/digest", "default/b/digest"),
        ):
            with pytest.raises(StoreUnavailableError):
                call()
