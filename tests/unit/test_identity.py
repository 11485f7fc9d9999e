"""Names are derived: no two tuples share one, a trace id leads back to its acceptance, and ids sort by time."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workerflow.domain.errors import InvalidIdentifierError
from workerflow.domain.identity import (
    HASH_HEX_DIGITS,
    SHARDS,
    TraceId,
    acceptance_hash,
    effect_key,
    first_trace_id_at,
    require_tenant,
    shard_of,
    shards_at,
)

# Few letters and many separators: what a concatenation would confuse.
PARTS = st.text(alphabet="a:#/0123456789|\x00é", max_size=6)
TIMES_MS = st.integers(min_value=0, max_value=2**48 - 1)
HASHES = st.text(alphabet=string.hexdigits[:16], min_size=HASH_HEX_DIGITS, max_size=HASH_HEX_DIGITS)


class TestAcceptanceHash:
    @given(st.tuples(PARTS, PARTS, PARTS), st.tuples(PARTS, PARTS, PARTS))
    def test_different_tuples_never_share_a_key_whatever_separators_they_contain(
        self, one: tuple[str, str, str], other: tuple[str, str, str]
    ) -> None:
        assert (acceptance_hash(*one) == acceptance_hash(*other)) == (one == other)

    def test_moving_a_border_between_parts_makes_another_key(self) -> None:
        assert acceptance_hash("ab", "c", "d") != acceptance_hash("a", "bc", "d")
        assert acceptance_hash("a", "b:1", "c") != acceptance_hash("a", "b", "1:c")

    def test_it_never_changes_for_it_is_what_keys_are_remembered_by(self) -> None:
        assert acceptance_hash("default", "route:webhook_echo", "order-4711") == "b557ae5ebc9dbbbb1a437b3d75943c81"

    @given(PARTS, PARTS, PARTS)
    def test_it_is_128_bits_in_lower_case_hex(self, tenant: str, scope: str, key: str) -> None:
        assert set(acceptance_hash(tenant, scope, key)) <= set("0123456789abcdef")
        assert len(acceptance_hash(tenant, scope, key)) == HASH_HEX_DIGITS


class TestTraceId:
    @given(TIMES_MS, HASHES)
    def test_time_and_key_can_be_read_from_it(self, time_ms: int, key_hash: str) -> None:
        trace_id = TraceId.mint(time_ms, key_hash)
        assert TraceId.parse(trace_id.value) == trace_id
        assert (trace_id.accepted_at_ms, trace_id.key_hash) == (time_ms, key_hash)

    @given(TIMES_MS, TIMES_MS, HASHES, HASHES)
    def test_ids_sort_by_time(self, one_ms: int, other_ms: int, one: str, other: str) -> None:
        earlier, later = sorted([one_ms, other_ms])
        if earlier < later:
            assert TraceId.mint(earlier, one).value < TraceId.mint(later, other).value

    @given(TIMES_MS, HASHES)
    def test_the_first_id_of_a_moment_is_a_bound_of_all_that_follow(self, time_ms: int, key_hash: str) -> None:
        assert first_trace_id_at(time_ms) <= TraceId.mint(time_ms, key_hash).value
        if time_ms > 0:
            assert TraceId.mint(time_ms - 1, key_hash).value < first_trace_id_at(time_ms)

    @given(TIMES_MS, HASHES)
    def test_its_shard_is_one_of_the_few(self, time_ms: int, key_hash: str) -> None:
        trace_id = TraceId.mint(time_ms, key_hash)
        assert trace_id.shard == shard_of(trace_id.value)
        assert trace_id.shard in range(SHARDS)

    def test_its_last_byte_says_which_and_that_never_changes_for_indexes_are_sharded_by_it(self) -> None:
        assert [shard_of("f" * 42 + f"{byte:02x}") for byte in range(256)] == [0, 1, 2, 3] * 64

    def test_a_tick_visits_every_shard_and_each_minute_begins_with_another(self) -> None:
        orders = [shards_at(minute * 60_000 + 59_999) for minute in range(SHARDS)]
        assert all(sorted(order) == list(range(SHARDS)) for order in orders)
        assert [order[0] for order in orders] == list(range(SHARDS))

    def test_shards_are_taken_evenly(self) -> None:
        shards = [TraceId.mint(0, acceptance_hash("default", "s", str(number))).shard for number in range(4_000)]
        assert all(850 < shards.count(shard) < 1_150 for shard in range(SHARDS))

    @given(st.text(max_size=50))
    def test_whatever_else_is_no_trace_id(self, text: str) -> None:
        if len(text) != 44 or set(text) - set("0123456789abcdef"):
            with pytest.raises(InvalidIdentifierError):
                TraceId.parse(text)

    @pytest.mark.parametrize("text", ["A" * 44, "0" * 44 + "\n", "\n" + "0" * 44, "\u0660" * 44, " " + "0" * 43])
    def test_nor_is_what_only_looks_like_one(self, text: str) -> None:
        with pytest.raises(InvalidIdentifierError):
            TraceId.parse(text)


class TestTenant:
    @pytest.mark.parametrize("tenant", ["a", "0", "default", "acme-eu-1", "a" * 63, "a-"])
    def test_letters_digits_and_hyphens_name_one(self, tenant: str) -> None:
        assert require_tenant(tenant) == tenant

    @pytest.mark.parametrize(
        "tenant",
        ["", "-a", "A", "a" * 64, "a_b", "a#b", "a/b", "a.b", "a\n", "\na", "ä", "\u0430", "\u0660", "../a"],
    )
    def test_nothing_else_does(self, tenant: str) -> None:
        with pytest.raises(InvalidIdentifierError):
            require_tenant(tenant)

    def test_a_refusal_repeats_only_the_beginning_of_what_it_refuses(self) -> None:
        with pytest.raises(InvalidIdentifierError) as refused:
            require_tenant("A" * 10_000)
        assert len(str(refused.value)) < 200


class TestEffectKey:
    @given(st.tuples(PARTS, PARTS), st.tuples(PARTS, PARTS))
    def test_another_root_or_step_is_another_effect(self, one: tuple[str, str], other: tuple[str, str]) -> None:
        assert (effect_key(*one) == effect_key(*other)) == (one == other)

    def test_it_never_changes_for_a_provider_remembers_it(self) -> None:
        assert effect_key("0" * 44, "charge") == "32092fede2023ed0d5e4573bd6f71c18d4484067"

    @given(PARTS, PARTS)
    def test_it_is_safe_in_any_header(self, root: str, step: str) -> None:
        assert len(effect_key(root, step)) == 40
        assert effect_key(root, step).isalnum()
