"""The ledger row as a value: its versions, its partitions, what it remembers."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.runs import a_run, a_waiting_run
from tests.support.tasks import NOW_MS, an_acceptance
from workerflow.domain.identity import SHARDS, shard_of
from workerflow.domain.run import (
    HISTORY_KEPT,
    RUN_OUTLIVES_ACCEPTANCE_S,
    AttemptResult,
    Run,
    RunState,
    capped_partition,
    due_partition,
    paused_partition,
)
from workerflow.domain.task import AcceptedTask

OPEN = {RunState.QUEUED, RunState.RUNNING, RunState.WAITING, RunState.PARKED}


class TestBeginning:
    def test_a_task_without_a_row_is_queued_nobodys_and_not_due(self) -> None:
        task = an_acceptance()
        run = Run.of_task(task)
        assert (run.state, run.version, run.attempt) == (RunState.QUEUED, 0, 0)
        assert (run.owner, run.claim, run.lease_until_ms, run.due_at_ms) == (None, None, None, None)
        assert (run.trace_id, run.deadline_ms, run.updated_at_ms) == (task.trace_id, task.deadline_ms, NOW_MS)

    def test_the_index_knows_enough_of_a_task_to_make_the_same_row(self) -> None:
        task = an_acceptance()
        known = AcceptedTask(
            task.tenant, task.trace_id, task.source, task.kind, task.mode, task.deadline_ms, task.expires_at_s
        )
        assert Run.of_task(known) == Run.of_task(task)

    def test_a_row_outlives_its_acceptance_so_that_no_key_is_free_while_its_run_shows(self) -> None:
        task = an_acceptance()
        assert Run.of_task(task).expires_at_s == task.expires_at_s + RUN_OUTLIVES_ACCEPTANCE_S
        assert RUN_OUTLIVES_ACCEPTANCE_S == 7 * 24 * 3600


class TestVersions:
    def test_every_change_is_the_next_version_of_a_new_value(self) -> None:
        before = a_run()
        after = before.change(nonce="n", now_ms=NOW_MS + 5, state=RunState.PARKED)
        assert (after.version, after.nonce, after.updated_at_ms) == (before.version + 1, "n", NOW_MS + 5)
        assert (before.state, after.state) == (RunState.RUNNING, RunState.PARKED)

    def test_the_first_version_expects_no_row_and_every_other_its_predecessor(self) -> None:
        first = a_run()
        assert (first.version, first.expected_version) == (1, None)
        assert first.change(nonce="n", now_ms=NOW_MS).expected_version == 1


class TestStates:
    @pytest.mark.parametrize("state", list(RunState))
    def test_a_state_is_open_or_terminal(self, state: RunState) -> None:
        assert state.is_terminal == (state not in OPEN)
        assert a_run(state=state).is_terminal == state.is_terminal

    def test_only_a_running_row_has_a_lease_and_only_until_its_end(self) -> None:
        run = a_run(lease_until_ms=NOW_MS)
        assert run.has_live_lease(NOW_MS - 1)
        assert not run.has_live_lease(NOW_MS)
        assert not a_run(lease_until_ms=None).has_live_lease(NOW_MS)
        assert not replace(run, state=RunState.WAITING).has_live_lease(NOW_MS - 1)

    @pytest.mark.parametrize(
        ("mode", "handed_over", "belongs"), [("sync", False, True), ("sync", True, False), ("async", False, False)]
    )
    def test_a_sync_task_is_its_callers_until_it_is_handed_over(
        self, mode: str, handed_over: bool, belongs: bool
    ) -> None:
        assert a_run(mode=mode, handed_over=handed_over).belongs_to_caller is belongs


class TestPartitions:
    def test_what_has_no_due_time_stands_in_no_index(self) -> None:
        assert a_run().open_partition is None
        assert a_run(paused=True).open_partition is None

    def test_what_is_due_stands_in_its_shards_partition(self) -> None:
        run = a_waiting_run(due_at_ms=NOW_MS)
        assert run.open_partition == due_partition("default", shard_of(run.trace_id))

    def test_what_is_paused_stands_apart_with_its_source(self) -> None:
        run = a_waiting_run(due_at_ms=NOW_MS, paused=True)
        assert run.open_partition == paused_partition("default", "route:echo", shard_of(run.trace_id))

    def test_what_waits_for_a_place_stands_apart_with_its_tenant(self) -> None:
        run = a_waiting_run(due_at_ms=NOW_MS, capped=True)
        assert run.open_partition == capped_partition("default", shard_of(run.trace_id))

    def test_no_two_partitions_share_a_name(self) -> None:
        tenants, sources = ("a", "b", "a-paused", "a-capped"), ("route:x", "route:y")
        due = [due_partition(tenant, shard) for tenant in tenants for shard in range(SHARDS)]
        paused = [
            paused_partition(tenant, source, shard)
            for tenant in tenants
            for source in sources
            for shard in range(SHARDS)
        ]
        capped = [capped_partition(tenant, shard) for tenant in tenants for shard in range(SHARDS)]
        assert len({*due, *paused, *capped}) == len(due) + len(paused) + len(capped)


class TestHistory:
    def test_an_attempt_is_told_with_its_beginning_end_and_result(self) -> None:
        run = a_run(attempt=3, claimed_at_ms=NOW_MS)
        [attempt] = run.with_attempt(AttemptResult.TIMEOUT, NOW_MS + 30_000)
        assert (attempt.number, attempt.started_at_ms, attempt.ended_at_ms) == (3, NOW_MS, NOW_MS + 30_000)
        assert attempt.result is AttemptResult.TIMEOUT

    @given(st.integers(0, 40))
    def test_it_keeps_the_newest_few_in_order(self, attempts: int) -> None:
        run = a_run()
        for number in range(1, attempts + 1):
            run = replace(run, attempt=number)
            run = replace(run, history=run.with_attempt(AttemptResult.RETRYABLE, NOW_MS + number))
        kept = [attempt.number for attempt in run.history]
        assert kept == list(range(1, attempts + 1))[-HISTORY_KEPT:]
