"""People at the door: what they send, what they are answered, and when they call again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

TOKEN = "token-0123456789abcdef"
SECRET_NAME = "workerflow/dev/default/ingress"
SECRET = json.dumps({"token": {"current": TOKEN}})

_CALL_AGAIN = frozenset(
    {
        "store_unavailable",
        "rate_limited",
        "tenant_busy",
        "in_flight",
        "sync_timeout",
        "try_again",
        "route_paused",
        "internal_error",
    }
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a caller got."""

    status: int
    headers: Mapping[str, str]
    document: dict[str, Any]

    @classmethod
    def read(cls, answered: Mapping[str, Any]) -> Answer:
        """From what the function hands to the platform."""
        return cls(answered["statusCode"], answered["headers"], json.loads(answered["body"]))

    @property
    def code(self) -> str | None:
        """The problem's code, None for a good answer."""
        code: str | None = self.document.get("code")
        return code

    @property
    def accepted(self) -> bool:
        return 200 <= self.status < 300

    @property
    def wait_seconds(self) -> float | None:
        """When to call again, or None if this is the last word."""
        return float(self.headers.get("retry-after", "2")) if self.code in _CALL_AGAIN else None


@dataclass(slots=True)
class Caller:
    """Somebody with one key. Calls again as long as the answers say so, if it is one that returns."""

    route: str
    key: str
    body: bytes
    returns: bool = True
    answers: list[Answer | None] = field(default_factory=list)
    calls_again_ms: int | None = None

    @property
    def last(self) -> Answer:
        """The answer that it was content with."""
        answer = self.answers[-1]
        assert answer is not None, f"{self.key} never got an answer"
        return answer

    @property
    def trace_ids(self) -> set[str]:
        """The tasks that it was told of."""
        return {answer.headers["x-trace-id"] for answer in self.answers if answer is not None and answer.accepted}

    def hear(self, answer: Answer | None, now_ms: int) -> None:
        """Take an answer (None: the line went dead), and decide when to call again."""
        self.answers.append(answer)
        wait_seconds = answer.wait_seconds if answer is not None else 1.0
        self.calls_again_ms = None
        if wait_seconds is not None and self.returns:
            self.calls_again_ms = now_ms + round(wait_seconds * 1000)

    def event(self) -> dict[str, Any]:
        """The call, as API Gateway hands it over."""
        return _event("POST", f"/api/{self.route}", {"idempotency-key": self.key}) | {"body": self.body.decode()}


def read_event(trace_id: str) -> dict[str, Any]:
    """Somebody asks for a run."""
    return _event("GET", f"/api/runs/{trace_id}", {})


def _event(method: str, path: str, headers: Mapping[str, str]) -> dict[str, Any]:
    return {
        "rawPath": path,
        "rawQueryString": "",
        "headers": {"authorization": f"Bearer {TOKEN}", "content-type": "application/json", **headers},
        "requestContext": {"http": {"method": method, "path": path, "sourceIp": "203.0.113.7"}, "stage": "$default"},
        "isBase64Encoded": False,
    }
