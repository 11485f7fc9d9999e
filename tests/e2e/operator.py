"""Whoever sits at the dashboard: asks its API with a token, and gives orders."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.e2e.backstage import Backstage
from tests.e2e.calls import eventually
from tools.local import Answer, LocalStack
from workerflow.tables import DEAD_LETTERS

BULK_ROUTE = "e2e_bulk"
LETTERS = 300
QUIET_SECONDS = 3
BUSY = 503
LONG_ENOUGH_SECONDS = 150.0
"""The emulator's tick comes once a minute, and may be busy with something else."""


@dataclass(frozen=True, slots=True)
class Operator:
    """Asks the dashboard of one stack, over its function URL, with a token that may write."""

    stack: LocalStack

    def get(self, path: str) -> Any:
        """What the API tells; a busy machine is asked again, as the API says."""
        answer = eventually(lambda: self.stack.ask_dashboard("GET", path), lambda answer: answer.status != BUSY)
        assert answer.status == 200, (path, answer)
        return answer.json()

    def order(self, path: str, key: str | None = None, **body: Any) -> Any:
        """What came of an order; repeated under its key where that is not known."""
        key = key or uuid.uuid4().hex
        answer = eventually(lambda: self.send(path, key, **body), lambda answer: answer.status != BUSY)
        assert answer.status == 200, (path, answer)
        return answer.json()

    def send(self, path: str, key: str, **body: Any) -> Answer:
        """Give an order under a key."""
        headers = {
            "authorization": f"Bearer {self.stack.dashboard_token}",
            "content-type": "application/json",
            "idempotency-key": key,
        }
        return self.stack.ask_dashboard("POST", path, body=json.dumps(body).encode(), headers=headers)

    def job_when(self, job_id: str, is_so: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """A bulk job, as soon as `is_so` of it."""
        job: dict[str, Any] = eventually(lambda: self.get(f"/api/bulk-jobs/{job_id}"), is_so, LONG_ENOUGH_SECONDS)
        return job

    def bulk_job(self, action: str) -> tuple[str, int]:
        """A job over all open letters of BULK_ROUTE, counted and started; its id, and how many it counted."""
        counted = self.order(
            "/api/bulk-jobs", action=action, filter={"source": f"route:{BULK_ROUTE}"}, reason="the bank is back"
        )
        job_id = counted["details"]["jobId"]
        matched = self.get(f"/api/bulk-jobs/{job_id}")["matched"]
        self.order(f"/api/bulk-jobs/{job_id}/start")
        return job_id, matched


@dataclass(frozen=True, slots=True)
class Bulk:
    """Two jobs that the emulator's own tick worked on, one after the other.

    Attributes:
        aborted_at: how many letters the first one had visited when its end was ordered.
        replayed: the first one, aborted; `resolved`: the second one, done.
    """

    counted: int
    aborted_at: int
    replayed: dict[str, Any]
    left: int
    resolved: dict[str, Any]


def work_in_bulk(operator: Operator, backstage: Backstage, body: bytes) -> Bulk:
    """Have LETTERS replayed, stop that in the middle, and have those that are left resolved."""
    backstage.fail_many(BULK_ROUTE, LETTERS, body)
    replaying, counted = operator.bulk_job("replay")
    begun = operator.job_when(replaying, lambda job: job["visited"] > 0)
    operator.order(f"/api/bulk-jobs/{replaying}/abort")
    wait_until_nothing_is_replayed(backstage)
    resolving, left = operator.bulk_job("resolve")
    resolved = operator.job_when(resolving, lambda job: job["state"] == "done")
    return Bulk(counted, begun["visited"], operator.get(f"/api/bulk-jobs/{replaying}"), left, resolved)


def wait_until_nothing_is_replayed(backstage: Backstage) -> None:
    """The batch that was being worked on is worked on to its end."""
    left, before = open_letters(backstage), -1
    while left != before:
        time.sleep(QUIET_SECONDS)
        left, before = open_letters(backstage), left


def open_letters(backstage: Backstage) -> int:
    """How many letters of BULK_ROUTE nobody has dealt with."""
    letters = (item for item in backstage.items(DEAD_LETTERS) if item["source"] == f"route:{BULK_ROUTE}")
    return sum(item["state"] == "open" for item in letters)
