"""docs/errors.md is true: every code, with its status and title, and nothing that no code has."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from functions.ingress.call_headers import MAX_HEADER_CHARACTERS
from workerflow.adapters.schema import LISTED_BODY_BYTES, MAX_FAULTS
from workerflow.domain.errors import WorkerFlowError
from workerflow.domain.failure_limit import BURST, SECONDS_PER_FAILURE
from workerflow.domain.json_body import MAX_BODY_BYTES, MAX_DEPTH
from workerflow.domain.refusal_catalogue import all_refusals
from workerflow.domain.refusals import InternalError, OutcomeUnknownError, RefusedError

PAGE = (Path(__file__).parents[2] / "docs" / "errors.md").read_text()


def table(heading: str) -> list[list[str]]:
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    rows = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("|")]
    return rows[2:]


def code_in(cell: str) -> str:
    (code,) = re.findall(r"`([a-z0-9_]+)`", cell)
    return str(code)


def subclasses(kind: type[WorkerFlowError]) -> Iterator[type[WorkerFlowError]]:
    for one in kind.__subclasses__():
        yield one
        yield from subclasses(one)


def test_every_refusal_is_listed_once_with_its_status_and_title() -> None:
    listed = [(code_in(row[0]), row[1], row[2], row[3]) for row in table("All codes")]
    known = [(one.code, str(one.status), "yes" if one.retryable else "no", one.title) for one in all_refusals()]
    assert sorted(listed) == sorted(known)


def test_no_two_refusals_share_a_code() -> None:
    codes = [one.code for one in all_refusals()]
    assert len(set(codes)) == len(codes)
    assert all(re.fullmatch(r"[a-z][a-z0-9_]{2,40}", code) for code in codes)


def test_the_order_names_every_code_that_is_a_step_of_its_own() -> None:
    ordered = [
        code for row in table("In which order a request is looked at") for code in re.findall(r"`(\w+)`", row[2])
    ]
    everywhere = {OutcomeUnknownError.code, InternalError.code}
    assert len(set(ordered)) == len(ordered)
    assert set(ordered) == {one.code for one in all_refusals()} - everywhere


def test_every_other_error_of_ours_is_listed() -> None:
    listed = {code_in(row[0]) for row in table("Errors inside")}
    known = {
        vars(one)["code"]
        for one in subclasses(WorkerFlowError)
        if "code" in vars(one) and not issubclass(one, RefusedError) and one.__module__ == "workerflow.domain.errors"
    }
    assert listed == known


def test_the_pages_numbers_are_the_codes() -> None:
    assert f"at most {MAX_BODY_BYTES:,} bytes" in PAGE
    assert f"at most {MAX_HEADER_CHARACTERS:,} characters" in PAGE
    assert f"at most {MAX_DEPTH} arrays" in PAGE
    assert f"at most {MAX_FAULTS}; of a body over {LISTED_BODY_BYTES // 1024} KB the first" in PAGE
    assert f"{BURST} at once, then one in {SECONDS_PER_FAILURE} s" in PAGE


def test_the_example_is_what_a_refusal_says() -> None:
    (example,) = [one for one in all_refusals() if f'"code": "{one.code}"' in PAGE]
    assert f'"title": "{example.title}"' in PAGE
    assert f'"status": {example.status}' in PAGE
