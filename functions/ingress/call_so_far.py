"""What became known of a request until it was answered, however far it came: for its answer's headers, and the log.

The door fills it in as it goes from check to check, and the handler reads it when the answer stands. It decides
nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from functions.ingress.call_headers import CallHeaders
from workerflow.runtime.http import Request

UNKNOWN_TENANT = "unknown"


@dataclass(slots=True)
class CallSoFar:
    """One request on its way.

    Attributes:
        request: once the event could be read.
        headers_read: those that decide about it, once they were found to be well-formed.
        tenant_named: that it names, whether there is such a tenant or not.
        tenant: the same if there is one, proven or not: what strangers invent is neither logged nor counted.
        headers: of the answer, whatever that will be.
    """

    request: Request | None = None
    headers_read: CallHeaders | None = None
    tenant_named: str = ""
    tenant: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
