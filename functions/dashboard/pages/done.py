"""What became of an order, on the page that it leads back to: read from what was recorded with it.

The address carries the order's key and nothing else. So a link that somebody made up shows nothing, and a page that is
loaded again tells the same.
"""

from __future__ import annotations

from collections.abc import Sequence

from functions.dashboard.call import Call
from functions.dashboard.pages.rendering import address
from functions.dashboard.services import Dashboard
from workerflow.domain.identity import DEFAULT_TENANT
from workerflow.domain.operation import Operation, OperationKey, is_key
from workerflow.runtime.http import Response

DONE = "done"
"""The parameter of a page that an order leads back to."""


def done_on(dashboard: Dashboard, call: Call) -> Operation | None:
    """The order that led here, or None: no read for a page that was opened as any other.

    Raises:
        StoreUnavailableError: ask again.
    """
    key = call.query.get(DONE, "")
    if not is_key(key):
        return None
    wanted = OperationKey.of(call.caller.token.token_id, key)
    return dashboard.once.operations.find(call.tenant, wanted, now_ms=dashboard.clock.now_ms())


def lead_back(call: Call, segments: Sequence[str]) -> Response:
    """To the page that tells what an order did. Source: RFC 9110, section 15.4.4: 303 is asked for by GET."""
    return lead_to(call, segments, **{DONE: call.key})


def lead_to(call: Call, segments: Sequence[str], **query: str) -> Response:
    """To another page of the same tenant."""
    is_own = call.caller.token.tenant is not None or call.tenant == DEFAULT_TENANT
    tenant = {} if is_own else {"tenant": call.tenant}
    return Response(303, {"location": address(segments, {**query, **tenant})})
