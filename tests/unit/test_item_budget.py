"""The sizes that the budget stands on (docs/tables.md tells the same figures)."""

from __future__ import annotations

from dataclasses import replace
from hashlib import shake_128

import pytest

from tests.support.runs import a_run, next_version
from tests.support.tasks import NOW_MS, an_acceptance
from workerflow.adapters.dynamodb.attributes import Item
from workerflow.adapters.dynamodb.item_size import WRITE_UNIT_BYTES, item_bytes
from workerflow.adapters.dynamodb.items import acceptance, run
from workerflow.domain.run import HISTORY_KEPT, Attempt, AttemptResult, LetterClass, Run, RunState
from workerflow.domain.task import Acceptance
from workerflow.domain.transitions import ERROR_KEPT
from workerflow.tables import TASKS_BY_TIME

UUID_KEY = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
ODD_MS = 1_760_000_123_457
LONGEST_TENANT = "t" * 63
LONGEST_SOURCE = "route:" + "r" * 63
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def worst_run(error: str) -> Run:
    """Every attribute there, every name of its greatest length, a long history with odd times."""
    task = an_acceptance("k", tenant=LONGEST_TENANT, source=LONGEST_SOURCE, deadline_ms=NOW_MS + 86_399_999)
    history = tuple(
        Attempt(18 + n, NOW_MS + 1 + n * 10_799_999, NOW_MS + 1 + n * 10_799_999 + 239_999, AttemptResult.RETRYABLE)
        for n in range(HISTORY_KEPT)
    )
    odd_ms = NOW_MS + 1_234_567
    return replace(
        a_run(task),
        kind="scheduled_job",
        mode="async",
        state=RunState.ABANDONED,
        version=99_999,
        updated_at_ms=odd_ms,
        attempt=25,
        claimed_at_ms=odd_ms,
        lease_until_ms=odd_ms,
        not_before_ms=odd_ms,
        due_at_ms=odd_ms,
        finished_at_ms=odd_ms,
        expires_at_s=1_234_567_891,
        paused=True,
        handed_over=True,
        resends=999,
        cancel_asked_at_ms=odd_ms,
        history=history,
        has_output_item=True,
        letter_class=LetterClass.INVALID_PAYLOAD,
        error=error,
    )


@pytest.mark.parametrize("letter", ["e", "\N{LATIN SMALL LETTER E WITH ACUTE}", "\N{EURO SIGN}", "\N{GRINNING FACE}"])
def test_a_row_never_outgrows_one_write_unit(letter: str) -> None:
    kept = run.kept(worst_run(letter * ERROR_KEPT))
    assert run.row_bytes(kept) <= WRITE_UNIT_BYTES
    assert kept.error
    assert run.from_item(run.to_item(kept)) == kept


def test_an_ordinary_error_is_kept_whole() -> None:
    ordinary = replace(worst_run("e" * ERROR_KEPT), tenant="default", source="route:webhook_forward")
    assert run.kept(ordinary).error == "e" * ERROR_KEPT


def _task(body: bytes, traceparent: str | None = TRACEPARENT) -> Acceptance:
    return an_acceptance(
        UUID_KEY,
        body=body,
        traceparent=traceparent,
        source="route:webhook_echo",
        accepted_at_ms=ODD_MS,
        nonce="a1b2c3d4e5f60718",
    )


def _acceptance(body: bytes, traceparent: str | None = TRACEPARENT) -> Item:
    return acceptance.to_item(_task(body, traceparent))


def test_a_small_acceptance_and_its_index_entry_are_one_unit_each() -> None:
    item = _acceptance(shake_128(b"seed").digest(100))
    entry = {name: item[name] for name in ("pk", "tenant_shard", "trace_id", *TASKS_BY_TIME.included)}
    assert item_bytes(item) == 503
    assert item_bytes(entry) == 198


def test_a_body_of_six_hundred_bytes_still_fits_into_the_unit_of_its_acceptance() -> None:
    assert WRITE_UNIT_BYTES - item_bytes(_acceptance(b"")) == 622
    assert WRITE_UNIT_BYTES - item_bytes(_acceptance(b"", None)) == 688


def test_the_rows_of_a_success_are_far_below_their_unit() -> None:
    claim = replace(a_run(_task(b"")), claimed_at_ms=ODD_MS, lease_until_ms=ODD_MS + 1, updated_at_ms=ODD_MS)
    attempt = Attempt(1, ODD_MS, ODD_MS + 523, AttemptResult.SUCCEEDED)
    done = next_version(
        claim, "2" * 16, state=RunState.SUCCEEDED, lease_until_ms=None, finished_at_ms=ODD_MS + 12, history=(attempt,)
    )
    assert run.row_bytes(claim) == 286
    assert run.row_bytes(done) == 321


def test_the_longest_row_leaves_room_for_an_error() -> None:
    assert run.row_bytes(worst_run("")) == 872
