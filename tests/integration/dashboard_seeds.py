"""What the dashboard shows, put into the tables as the rest of the system would: through the same adapters."""

from __future__ import annotations

import itertools
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from tests.support.aws import AwsWorld
from tests.support.tasks import an_acceptance
from workerflow.domain.audit import AuditEvent
from workerflow.domain.dead_letter import DeadLetter
from workerflow.domain.failure import Failure
from workerflow.domain.manifest import Manifest
from workerflow.domain.output import HandlerOutput
from workerflow.domain.refused_call import RefusedCall
from workerflow.domain.run import Attempt, AttemptResult, LetterClass, Run, RunState
from workerflow.domain.task import Acceptance
from workerflow.ports.stores import Written

FAILURE = Failure(
    "retryable",
    "requests.Timeout",
    "no answer in 3 s",
    traceback='Traceback (most recent call last):\n  File "handler.py", line 7\nrequests.Timeout: no answer in 3 s\n',
    frame="handlers/echo.py:run",
)
"""What is told of a run that failed, unless a test says otherwise."""


@dataclass
class Seeds:
    """Puts things into the tables; each is a little older than now, and every one a different one."""

    aws: AwsWorld
    manifest: Manifest
    _numbers: itertools.count[int] = field(default_factory=itertools.count)

    def queued(
        self, source: str = "route:webhook_echo", *, tenant: str = "default", age_seconds: float = 10, **changes: Any
    ) -> Acceptance:
        """A task that was accepted and not begun."""
        number = next(self._numbers)
        accepted_at_ms = _now_ms() - round(age_seconds * 1000)
        kind = "scheduled_job" if source.startswith("schedule:") else "http_route"
        fields: dict[str, Any] = {"nonce": f"{number:016x}", "kind": kind} | changes
        key = fields.pop("key", f"key-{number}")
        acceptance = an_acceptance(key, tenant=tenant, source=source, accepted_at_ms=accepted_at_ms, **fields)
        assert self.aws.acceptances.put(acceptance, now_ms=accepted_at_ms) == Written()
        return acceptance

    def running(self, acceptance: Acceptance | None = None, **changes: Any) -> Run:
        """A run whose first attempt is being made."""
        task = acceptance or self.queued()
        begun_at_ms = task.accepted_at_ms + 500
        fields: dict[str, Any] = {
            "state": RunState.RUNNING,
            "attempt": 1,
            "owner": "0" * 16,
            "claim": "c" * 16,
            "claimed_at_ms": begun_at_ms,
            "lease_until_ms": _now_ms() + 60_000,
        }
        return self._write(Run.of_task(task).change(nonce="c" * 16, now_ms=begun_at_ms, **fields | changes))

    def waiting(self, acceptance: Acceptance | None = None, *, due_in_seconds: float = 600) -> Run:
        """A run whose first attempt failed, and whose next one comes later."""
        run = self.running(acceptance)
        due_at_ms = _now_ms() + round(due_in_seconds * 1000)
        return self._end(
            run,
            AttemptResult.RETRYABLE,
            state=RunState.WAITING,
            due_at_ms=due_at_ms,
            not_before_ms=due_at_ms,
            error=f"{FAILURE.error_class}: {FAILURE.message}",
        )

    def succeeded(self, acceptance: Acceptance | None = None, output: Mapping[str, Any] | None = None) -> Run:
        """A run that has ended well."""
        run = self.running(acceptance)
        encoded = HandlerOutput.from_return(dict(output or {"ok": True}), mode="async").encode()
        return self._end(run, AttemptResult.SUCCEEDED, state=RunState.SUCCEEDED, output=encoded)

    def failed(
        self,
        acceptance: Acceptance | None = None,
        *,
        letter_class: LetterClass = LetterClass.EXHAUSTED,
        failure: Failure = FAILURE,
    ) -> Run:
        """A run that has failed for good, with its dead letter."""
        task = acceptance or self.queued()
        run = self.running(task)
        ended = self._ended(
            run,
            AttemptResult.RETRYABLE,
            state=RunState.FAILED,
            letter_class=letter_class,
            error=f"{failure.error_class}: {failure.message}"[:200],
        )
        letter = DeadLetter.of_failed_run(ended, failure, task)
        assert self.aws.runs.write(ended, letter=letter) == Written()
        return ended

    def cancelled(self, acceptance: Acceptance | None = None) -> Run:
        """A run that somebody cancelled before it began."""
        task = acceptance or self.queued()
        now_ms = task.accepted_at_ms + 1000
        state = RunState.CANCELLED
        return self._write(Run.of_task(task).change(nonce="d" * 16, now_ms=now_ms, state=state, finished_at_ms=now_ms))

    def refused_call(
        self, tenant: str | None = "default", *, reason: str = "signature_mismatch", slot: int = 0
    ) -> None:
        """A call that ingress refused."""
        expected = {"version": "workerflow-v1", "method": "POST", "path": "/api/webhook_echo"}
        call = RefusedCall(
            tenant=tenant,
            reason=reason,
            slot=slot,
            at_ms=_now_ms() - 1000,
            request_id="c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
            status=401,
            detail="",
            method="POST",
            path="/api/webhook_echo",
            source_address="203.0.113.9",
            headers=("content-type", "x-signature", "x-signature-timestamp"),
            expected=expected,
        )
        self.aws.refused_calls.put(call)

    def audit(self, tenant: str = "default", **changes: Any) -> AuditEvent:
        """An entry of the trail."""
        number = next(self._numbers)
        event = AuditEvent(
            tenant=tenant,
            at_ms=_now_ms() - 1000 + number,
            nonce=f"{number:016x}",
            actor="ada (abcdefghij23)",
            action="switch.set",
            target="route:webhook_echo",
            reason="the provider is down",
            details={"before": "enabled", "after": "paused"},
            address="203.0.113.7",
        )
        self.aws.audit.append(replace(event, **changes))
        return event

    def _end(self, run: Run, result: AttemptResult, **fields: Any) -> Run:
        return self._write(self._ended(run, result, **fields))

    def _ended(self, run: Run, result: AttemptResult, **fields: Any) -> Run:
        """The version after a run's current attempt."""
        ended_at_ms = (run.claimed_at_ms or run.updated_at_ms) + 1500
        attempt = Attempt(run.attempt, run.claimed_at_ms or ended_at_ms, ended_at_ms, result)
        finished = {"finished_at_ms": ended_at_ms} if fields["state"].is_terminal else {}
        fields = {"lease_until_ms": None, "history": (*run.history, attempt)} | finished | fields
        return run.change(nonce="f" * 16, now_ms=ended_at_ms, **fields)

    def _write(self, run: Run) -> Run:
        assert self.aws.runs.write(run) == Written()
        return run


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
