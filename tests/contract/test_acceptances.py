"""AcceptanceStore: what both implementations promise."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.contract.worlds import Ports
from tests.support.tasks import NOW_MS, an_acceptance
from workerflow.domain.errors import StoreUnavailableError
from workerflow.domain.identity import SHARDS, first_trace_id_at, shard_of
from workerflow.domain.stored import StoredBytes
from workerflow.domain.task import Acceptance, AcceptedTask, Lineage
from workerflow.ports.stores import Conflict, Oldest, Written

END = first_trace_id_at(NOW_MS * 2)


def test_what_was_put_is_read_back_whole(world: Ports) -> None:
    acceptance = an_acceptance(
        body=b'{"text": "' + b"x" * 5000 + b'"}',
        traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        not_before_ms=NOW_MS + 5,
        lineage=Lineage("a" * 44, "b" * 44, 3, "a" * 44, edited=True),
    )
    assert world.acceptances.put(acceptance, now_ms=NOW_MS) == Written()
    assert world.acceptances.get(acceptance.tenant, acceptance.key_hash) == acceptance


@pytest.mark.parametrize("body", [b"", b"{}", b"\x00\xff" * 60, b"a" * 4096])
def test_a_payload_comes_back_byte_for_byte(world: Ports, body: bytes) -> None:
    acceptance = an_acceptance(body=body)
    world.acceptances.put(acceptance, now_ms=NOW_MS)
    found = world.acceptances.get(acceptance.tenant, acceptance.key_hash)
    assert found is not None
    assert found.payload.inline == body


def test_a_payload_behind_a_pointer_stays_behind_it(world: Ports) -> None:
    acceptance = an_acceptance(payload=StoredBytes.pointed(b"large", "default/hash/digest"))
    world.acceptances.put(acceptance, now_ms=NOW_MS)
    assert world.acceptances.get(acceptance.tenant, acceptance.key_hash) == acceptance


def test_a_second_acceptance_of_a_key_meets_the_first(world: Ports) -> None:
    first, second = an_acceptance(nonce="1" * 16), an_acceptance(nonce="2" * 16, accepted_at_ms=NOW_MS + 1)
    world.acceptances.put(first, now_ms=NOW_MS)
    assert world.acceptances.put(second, now_ms=NOW_MS + 1) == Conflict(first)
    assert world.acceptances.get(first.tenant, first.key_hash) == first


def test_keys_of_two_tenants_do_not_meet(world: Ports) -> None:
    ours, theirs = an_acceptance(tenant="ours"), an_acceptance(tenant="theirs")
    assert world.acceptances.put(ours, now_ms=NOW_MS) == Written()
    assert world.acceptances.put(theirs, now_ms=NOW_MS) == Written()
    assert world.acceptances.get("ours", theirs.key_hash) is None


def test_an_expired_acceptance_makes_room(world: Ports) -> None:
    first = an_acceptance(nonce="1" * 16)
    world.acceptances.put(first, now_ms=NOW_MS)
    later_ms = first.expires_at_s * 1000
    second = an_acceptance(nonce="2" * 16, accepted_at_ms=later_ms)
    assert world.acceptances.put(second, now_ms=later_ms - 1) == Conflict(first)
    assert world.acceptances.put(second, now_ms=later_ms) == Written()
    assert world.acceptances.get(second.tenant, second.key_hash) == second


def test_an_expired_acceptance_is_still_read(world: Ports) -> None:
    acceptance = an_acceptance(expires_at_s=1)
    world.acceptances.put(acceptance, now_ms=NOW_MS)
    assert world.acceptances.get(acceptance.tenant, acceptance.key_hash) == acceptance


def test_a_put_whose_answer_was_lost_is_found_to_be_our_own(world: Ports) -> None:
    acceptance = an_acceptance()
    with world.losing_answers(), pytest.raises(StoreUnavailableError):
        world.acceptances.put(acceptance, now_ms=NOW_MS)
    assert world.acceptances.put(acceptance, now_ms=NOW_MS) == Written()


def test_a_refused_put_leaves_nothing(world: Ports) -> None:
    acceptance = an_acceptance()
    with world.refusing(), pytest.raises(StoreUnavailableError):
        world.acceptances.put(acceptance, now_ms=NOW_MS)
    assert world.acceptances.get(acceptance.tenant, acceptance.key_hash) is None


def test_a_shard_is_listed_in_order_of_acceptance_between_two_bounds(world: Ports) -> None:
    in_order = _accept(world, 60)[0]
    after, until = in_order[1].trace_id, in_order[-1].trace_id
    listed = world.acceptances.list_accepted("default", 0, after=after, until=until, limit=100)
    assert [task.trace_id for task in listed.entries] == [one.trace_id for one in in_order[2:-1]]
    assert (listed.position, listed.is_over) == (in_order[-2].trace_id, True)


def test_a_list_stops_at_its_limit_and_goes_on_after_its_last(world: Ports) -> None:
    in_order = _accept(world, 60)[1]
    first = world.acceptances.list_accepted("default", 1, after="", until=END, limit=3)
    rest = world.acceptances.list_accepted("default", 1, after=first.position, until=END, limit=100)
    assert [task.trace_id for task in (*first.entries, *rest.entries)] == [one.trace_id for one in in_order]
    assert (len(first.entries), first.is_over, rest.is_over) == (3, False, True)


def test_a_list_that_ends_with_its_limit_is_over(world: Ports) -> None:
    [first, *_, last] = in_order = _accept(world, 60)[2]
    listed = world.acceptances.list_accepted("default", 2, after="", until=END, limit=len(in_order))
    assert (listed.position, listed.is_over) == (last.trace_id, True)
    bounded = world.acceptances.list_accepted(
        "default", 2, after=first.trace_id, until=last.trace_id, limit=len(in_order) - 2
    )
    assert (bounded.position, bounded.is_over) == (in_order[-2].trace_id, True)
    assert not world.acceptances.list_accepted(
        "default", 2, after=first.trace_id, until=last.trace_id, limit=len(in_order) - 3
    ).is_over


def test_an_unreadable_task_holds_up_no_other_and_is_told(world: Ports) -> None:
    first, spoilt, *_, last = in_order = _accept(world, 60)[3]
    world.spoil(spoilt)
    world.spoil(last)
    listed = world.acceptances.list_accepted("default", 3, after="", until=END, limit=2)
    assert [task.trace_id for task in listed.entries] == [first.trace_id]
    assert (list(listed.unreadable), listed.position, listed.is_over) == ([spoilt.trace_id], spoilt.trace_id, False)
    rest = world.acceptances.list_accepted("default", 3, after=listed.position, until=END, limit=100)
    assert [task.trace_id for task in rest.entries] == [one.trace_id for one in in_order[2:-1]]
    assert (list(rest.unreadable), rest.position, rest.is_over) == ([last.trace_id], last.trace_id, True)


def test_a_list_tells_what_the_sweeper_needs(world: Ports) -> None:
    [acceptance] = [one for shard in _accept(world, 1).values() for one in shard]
    shard = shard_of(acceptance.trace_id)
    assert list(world.acceptances.list_accepted("default", shard, after="", until=END, limit=5).entries) == [
        AcceptedTask(
            tenant="default",
            trace_id=acceptance.trace_id,
            source=acceptance.source,
            kind=acceptance.kind,
            mode=acceptance.mode,
            deadline_ms=acceptance.deadline_ms,
            expires_at_s=acceptance.expires_at_s,
        )
    ]


@pytest.mark.parametrize(("after", "until", "limit"), [(END, "0", 5), (END, END, 5), ("", END, 0)])
def test_a_list_of_nothing_is_empty(world: Ports, after: str, until: str, limit: int) -> None:
    _accept(world, 5)
    found = world.acceptances.list_accepted("default", 0, after=after, until=until, limit=limit)
    assert found == Oldest([], after, is_over=True)


def test_lists_of_tenants_are_apart(world: Ports) -> None:
    _accept(world, 8)
    for shard in range(SHARDS):
        found = world.acceptances.list_accepted("default-2", shard, after="", until=END, limit=5)
        assert found == Oldest([], "", is_over=True)


def _accept(world: Ports, count: int) -> dict[int, list[Acceptance]]:
    """Accept tasks, newest first, and tell them by shard, oldest first."""
    made = [an_acceptance(f"key-{number}", accepted_at_ms=NOW_MS + number) for number in range(count)]
    for acceptance in reversed(made):
        world.acceptances.put(replace(acceptance, nonce=acceptance.key_hash[:16]), now_ms=NOW_MS)
    return {shard: [one for one in made if shard_of(one.trace_id) == shard] for shard in range(SHARDS)}
