"""A route, as its handler's decorator declares it: an HTTP entry bound to a function."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, override

from workerflow.domain.source import Source

Mode = Literal["async", "sync"]
Authentication = Literal["signature", "token", "any", "standard-webhooks", "github", "stripe", "slack", "shopify"]

RESERVED_NAMES = frozenset({"runs", "health", "t"})
"""First segments under `/api/` that are the platform's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route(Source):
    """One HTTP entry, bound to a handler. Its name is the last segment of its path.

    Attributes:
        mode: `async` answers 202 and runs behind the queue; `sync` runs while the caller waits.
        authentication: what a call must carry: `signature` (WorkerFlow v1), `token` (bearer), `any` of these two, or
            the signature of a sender whose webhooks it receives.
        schema: JSON Schema, Draft 2020-12, of the payload; None takes any JSON.
    """

    mode: Mode
    authentication: Authentication = "any"
    schema: Mapping[str, Any] | None = None

    @property
    @override
    def source(self) -> str:
        return f"route:{self.name}"

    @property
    @override
    def answers_caller(self) -> bool:
        return self.mode == "sync"
