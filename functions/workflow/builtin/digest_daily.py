"""Once a day: what happened on the day before, and what wants attention, posted to the tenant's own webhook.

The URL is the tenant's connector secret `digest-webhook-url`; without one the digest is this run's output, and no more.
Every attempt and every replay carries the same `Idempotency-Key`, so that a receiver that honours it tells it once.
"""

from __future__ import annotations

import json
from typing import Any

from functions.workflow.builtin._wiring import built_ins
from workerflow.domain.errors import SecretNotFoundError
from workerflow.domain.schedule import EVERY_TENANT
from workerflow.handlers import Context, RetryPolicy, schedule
from workerflow.runtime.outbound import Outbound

SECRET = "digest-webhook-url"  # noqa: S105 - the secret's name
STEP = "digest"
TOTAL_SECONDS = 20.0


@schedule(
    cron="0 6 * * *",
    tenants=(EVERY_TENANT,),
    timeout_seconds=60,
    retry=RetryPolicy(max_attempts=6, base_seconds=30, cap_seconds=1800),
    secrets=(SECRET,),
)
def digest_daily(_payload: object, context: Context) -> dict[str, Any]:
    """Sum up the day before, and post it to the tenant's webhook."""
    digest = built_ins().write_digest(context.tenant, due_at_ms=context.due_at_ms)
    return digest | {"delivered": deliver(context, digest, Outbound.from_environment())}


def deliver(context: Context, digest: dict[str, Any], outbound: Outbound) -> str:
    """Post the digest; `delivered`, or `not_configured` where the tenant has no webhook.

    Raises:
        RetryableError: no answer, or one that may be another later: 408, 425, 429, 5xx.
        PermanentError: any other answer but 2xx, or a URL that may not be called.
    """
    try:
        url = context.secret(SECRET)
    except SecretNotFoundError:
        return "not_configured"
    headers = {
        "Content-Type": "application/json",
        "Idempotency-Key": context.effect_key(STEP),
        "User-Agent": "WorkerFlow-digest",
        "X-WorkerFlow-Trace-Id": context.trace_id,
    }
    answer = outbound.post(url, json.dumps(digest).encode(), headers, total_seconds=TOTAL_SECONDS)
    answer.require_success(context.now_ms())
    return "delivered"
