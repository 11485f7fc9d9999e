"""docs/operating.md is true: its numbers, states, reasons and audit events are those of the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from infra.constructs.queue import MAX_RECEPTIONS, RETENTION
from tests.fakes.surroundings import FakeSignals
from workerflow.domain.bulk import BATCH, KEPT_SECONDS, BulkState
from workerflow.domain.error_group import BEHIND_SECONDS
from workerflow.domain.errors import IntegrityError, StoreUnavailableError
from workerflow.domain.replay import MAX_GENERATIONS
from workerflow.domain.task import TaskMessage
from workerflow.services.bulk_jobs import LETTERS_COUNTED
from workerflow.services.group_errors import EVERY_MINUTES
from workerflow.services.list_error_groups import GROUPS_LISTED, OPEN_READ, TAIL_READ
from workerflow.services.readable_rows import NAMED, tell_unreadable, tell_unreadable_one
from workerflow.services.tick import BULK_LETTERS, PART_SECONDS
from workerflow.services.work_bulk import GIVE_UP_SECONDS

ROOT = Path(__file__).parents[2]
PAGE = " ".join((ROOT / "docs" / "operating.md").read_text().split())
[FOUND_BY] = re.findall(r"filter message like /([^/]+)/", PAGE)
SERVICES = ROOT / "layers" / "core" / "python" / "workerflow" / "services"


@pytest.mark.parametrize(
    "told",
    [
        f"{BEHIND_SECONDS} seconds behind the present, every {EVERY_MINUTES} minutes for each tenant",
        f"the up to {TAIL_READ} newest ones added",
        f"from the index of open letters, up to {OPEN_READ:,}",
        f"{GROUPS_LISTED} groups are listed",
        f"looks at {LETTERS_COUNTED:,} open letters at most",
        f"each batch of {BATCH} letters",
        f"told of for {KEPT_SECONDS // 86_400} days",
        f"at most {BULK_LETTERS:,} letters a minute, and work for at most {PART_SECONDS['bulk']} seconds of each",
        f"replayed {MAX_GENERATIONS} times already",
    ],
)
def test_its_numbers_are_those_of_the_code(told: str) -> None:
    assert told in PAGE


def test_what_fails_is_given_up_after_a_day() -> None:
    assert GIVE_UP_SECONDS == 24 * 3600
    assert "After a day without any progress" in PAGE


def test_every_state_of_a_job_is_told() -> None:
    assert [state for state in BulkState if state.value not in PAGE] == []


def test_every_reason_of_a_refusal_is_told_and_none_that_there_is_not() -> None:
    sources = "".join(
        (SERVICES / f"{name}.py").read_text() for name in ("replay_task", "resolve_letter", "act_on_letter")
    )
    codes = set(re.findall(r'(?:NotReplayable|NotResolved)\(\s*"(\w+)"', sources)) | {"not_open"}
    # Of an edited payload, and of an order that no person gave: a bulk job has neither.
    codes -= {"payload_too_large", "sync_task"}
    table = PAGE.split("### Why a letter is refused")[1].split("A letter that was refused")[0]
    told = {name for row in re.findall(r"\| ((?:`\w+`(?:, )?)+) \|", table) for name in re.findall(r"`(\w+)`", row)}
    assert told == codes | {IntegrityError.code, StoreUnavailableError.code}


def test_every_audit_event_of_a_job_is_told() -> None:
    sources = "".join((SERVICES / f"{name}.py").read_text() for name in ("bulk_jobs", "work_bulk"))
    assert set(re.findall(r'"(bulk\.\w+)"', sources)) == set(re.findall(r"`(bulk\.\w+)`", PAGE))


def test_what_finds_items_that_were_passed_in_the_log_is_what_the_log_says() -> None:
    signals = FakeSignals()
    tell_unreadable(signals, "runs of acme", {f"{number}": f"fault {number}" for number in range(9)})
    tell_unreadable_one(signals, "run 1 of acme", IntegrityError("fault 1"))
    assert all(re.search(FOUND_BY, message) for message, _ in signals.told)
    assert [str(error).count("fault") for _, error in signals.told] == [NAMED, 1]
    assert NAMED == 3
    assert "the first three of those" in PAGE


def test_the_message_that_is_sent_by_hand_is_a_task() -> None:
    [body] = re.findall(r"--message-body '([^']*)'", PAGE)
    assert TaskMessage.from_text(body) is not None
    assert f"comes back {MAX_RECEPTIONS} times" in PAGE
    assert f"for {RETENTION.to_days()} days" in PAGE
