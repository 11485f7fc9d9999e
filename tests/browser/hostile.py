"""Texts that somebody sends who means harm, in every field that a caller or a handler controls."""

from __future__ import annotations

import json

from tests.integration.dashboard_world import DashboardWorld
from workerflow.domain.failure import Failure
from workerflow.domain.output import HandlerOutput, HttpResponse
from workerflow.domain.refused_call import RefusedCall
from workerflow.domain.run import AttemptResult, RunState
from workerflow.domain.stored import StoredBytes
from workerflow.ports.stores import AttemptRecord

MARK = "window.hacked=1"
ASCII = (
    f"</textarea></title></script><script>{MARK}</script><img src=x onerror={MARK}>"
    f"\"'><svg onload={MARK}>javascript:{MARK} {{{{7*7}}}} &lt;b&gt;"
)
ANYTHING = (
    f"{ASCII}\x1b[31mred\x1b[0m\x00 \u202egnp.exe\u202c \u0645\u0631\u062d\u0628\u0627 \U0001f469\u200d\U0001f467 "
)
LONG = ANYTHING + "W" * 400


def seed_hostile(world: DashboardWorld) -> tuple[str, str]:
    """Put the texts everywhere; trace ids of a run that failed with them, and of one that answered them."""
    body = json.dumps({ANYTHING: LONG, "url": f"javascript:{MARK}", "list": [ASCII, {"": ANYTHING}]}).encode()
    failure = Failure(
        "retryable",
        error_class=ASCII[:150],
        message=LONG[:480],
        traceback=f"Traceback (most recent call last):\n{LONG}\n{ANYTHING}",
        frame="handlers/echo.py:run",
    )
    task = world.seeds.queued(
        key=ASCII.replace(" ", "")[:200],
        payload=StoredBytes.inlined(body),
        content_type=f"application/json; charset={ASCII[:80]}",
        traceparent=ASCII[:100],
    )
    run = world.seeds.failed(task, failure=failure)
    record = AttemptRecord(run.tenant, run.trace_id, run.attempt, world.now_ms(), run.expires_at_s, failure=failure)
    world.aws.runs.put_attempt(record)
    text = HandlerOutput.from_return(
        HttpResponse(body=LONG, headers={"x-evil": ASCII[:200], "content-type": "text/html"}), mode="sync"
    )
    answered = world.seeds.running(world.seeds.queued(mode="sync"))
    world.seeds._end(answered, AttemptResult.SUCCEEDED, state=RunState.SUCCEEDED, output=text.encode())
    world.seeds.audit(actor=ASCII[:80], action="run.replayed", target=ASCII[:80], reason=LONG, details={"note": LONG})
    _refuse(world)
    return run.trace_id, answered.trace_id


def _refuse(world: DashboardWorld) -> None:
    call = RefusedCall(
        tenant="default",
        reason="signature_mismatch",
        slot=0,
        at_ms=world.now_ms() - 1000,
        request_id="c6af9ac6",
        status=401,
        detail=ASCII,
        method=ASCII[:20],
        path="/api/" + ASCII[:60],
        source_address=ASCII[:40],
        headers=(ASCII[:60], "x-signature"),
        expected={"version": "workerflow-v1", ASCII[:30]: ANYTHING},
    )
    world.aws.refused_calls.put(call)
