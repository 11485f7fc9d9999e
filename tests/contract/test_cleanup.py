"""CleanupStore: what both implementations promise."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.contract.worlds import Ports
from tests.support.tasks import NOW_MS
from workerflow.domain.errors import StoreUnavailableError
from workerflow.ports.cleanup import CleanupMark
from workerflow.ports.stores import Conflict, Written

MARK = CleanupMark("default", "default/abc", 1, "1" * 16, {"route:gone": NOW_MS})


def test_a_mark_begins_where_there_is_none(world: Ports) -> None:
    assert world.cleanup.get_mark("default") is None
    assert world.cleanup.write_mark(MARK) == Written()
    assert world.cleanup.get_mark("default") == MARK
    assert world.cleanup.get_mark("another") is None


def test_a_mark_moves_from_the_version_that_was_read(world: Ports) -> None:
    second = CleanupMark("default", "", 2, "2" * 16)
    world.cleanup.write_mark(MARK)
    assert world.cleanup.write_mark(second) == Written()
    assert world.cleanup.get_mark("default") == second
    assert world.cleanup.write_mark(replace(second, nonce="3" * 16)) == Conflict(second)


def test_a_later_version_of_no_mark_conflicts_with_nothing(world: Ports) -> None:
    assert world.cleanup.write_mark(replace(MARK, version=2)) == Conflict(None)


def test_a_mark_whose_answer_was_lost_is_found_to_be_our_own(world: Ports) -> None:
    with world.losing_answers(), pytest.raises(StoreUnavailableError):
        world.cleanup.write_mark(MARK)
    assert world.cleanup.write_mark(MARK) == Written()
