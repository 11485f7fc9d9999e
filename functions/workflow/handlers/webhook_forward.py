"""Post the payload on to a URL: a route that has an effect outside, and what belongs to that.

The URL is FORWARD_URL where the operator set it at deployment: one receiver for everybody. Without it, it is the
tenant's connector secret `forward-url`: a receiver for each, changed without a deploy, and the place for a URL that
carries a token. It may lead to the public internet only, unless the operator allowed the host (ALLOWED_PRIVATE_HOSTS).
Every attempt and every replay carries the same `Idempotency-Key`, so that a receiver that honours it acts once.
"""

from __future__ import annotations

from typing import Any

from workerflow.handlers import Context, RetryableError, RetryPolicy, route
from workerflow.runtime.outbound import Outbound
from workerflow.runtime.settings import WebhookForwardSettings, read_settings

SECRET = "forward-url"  # noqa: S105 - the secret's name
STEP = "forward"
TOTAL_SECONDS = 20.0
RESERVE_SECONDS = 2.0
"""Kept back from the attempt's time, so that a slow receiver ends the call and not the process."""


@route(
    mode="async",
    timeout_seconds=30,
    retry=RetryPolicy(max_attempts=8, base_seconds=5, cap_seconds=1800),
    secrets=(SECRET,),
)
def webhook_forward(_payload: object, context: Context) -> dict[str, Any]:
    """Post the payload, byte for byte, to the configured URL."""
    url = read_settings(WebhookForwardSettings).forward_url or context.secret(SECRET)
    return forward(context, url, Outbound.from_environment())


def forward(context: Context, url: str, outbound: Outbound) -> dict[str, Any]:
    """Post the context's body to `url` through `outbound`.

    Raises:
        RetryableError: no answer, or 408, 425, 429 or 5xx; with the receiver's `Retry-After`, up to an hour.
        PermanentError: any other answer but 2xx (a redirect is not followed), or a URL that may not be called.
    """
    seconds = min(TOTAL_SECONDS, context.remaining_seconds() - RESERVE_SECONDS)
    if seconds <= 0:
        raise RetryableError("no time is left in this attempt")
    answer = outbound.post(url, context.body, _headers(context), total_seconds=seconds)
    answer.require_success(context.now_ms())
    return {"status": answer.status, "answerBytes": len(answer.body), "answerTruncated": answer.truncated}


def _headers(context: Context) -> dict[str, str]:
    headers = {
        "Content-Type": context.content_type or "application/json",
        "Idempotency-Key": context.effect_key(STEP),
        "User-Agent": "WorkerFlow-webhook-forward",
        "X-WorkerFlow-Trace-Id": context.trace_id,
    }
    return headers | ({"traceparent": context.traceparent} if context.traceparent else {})
