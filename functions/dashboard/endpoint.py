"""What an endpoint is: one method of one path, who may use it, which parameters it takes, and what answers it.

The API's are in module endpoints, the pages' in the package pages; the router, the OpenAPI document and the tests read
the same values. What answers is named, and imported when it is asked for the first time: no cold start pays for all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Literal

from functions.dashboard.call import Call
from functions.dashboard.services import Dashboard
from workerflow.domain.access import Scope
from workerflow.runtime.http import Response

type Handler = Callable[[Dashboard, Call], Response]

API_PREFIX = "/api/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One method of one path.

    Attributes:
        template: the path; `{name}` stands for one segment.
        name: unique; the operation's id in the OpenAPI document.
        answered_by: `module:function` below `functions.dashboard`; the function takes (dashboard, call).
        scope: what the caller's token must allow; None: no credentials are looked at.
        query: names of the parameters that it takes beside `tenant`.
        of_tenant: whether it is about one tenant, and takes `tenant`.
        max_body_bytes: of a write.
    """

    method: Literal["GET", "POST"]
    template: str
    name: str
    answered_by: str
    scope: Scope | None = Scope.READ
    query: tuple[str, ...] = ()
    of_tenant: bool = True
    max_body_bytes: int = 64 * 1024

    @property
    def is_api(self) -> bool:
        """Whether it is for programs: bearer token, JSON. Else it is a page: session, HTML."""
        return self.template.startswith(API_PREFIX)

    @property
    def is_write(self) -> bool:
        """Whether it carries an order out, which has a key."""
        return self.scope is Scope.WRITE and self.method == "POST"

    def load(self) -> Handler:
        """What answers it."""
        module, _, function = self.answered_by.partition(":")
        handler: Handler = getattr(import_module(f"functions.dashboard.{module}"), function)
        return handler
