"""What became known of a request until it was answered, however far it came: for its answer's headers, and the log.

The door fills it in as it goes from check to check, and the handler reads it when the answer stands. It decides
nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from workerflow.runtime.http import Request

UNKNOWN_TENANT = "unknown"


@dataclass(slots=True)
class CallSoFar:
    """One request on its way.

    Attributes:
        request: once the event could be read.
        tenant: that the request is in the name of, proven or not; None until it is known, and for one that does not
            exist: what strangers invent is neither logged nor counted.
        expected: makes the lines that a signature should have covered; None if the request carries nothing of one.
        headers: of the answer, whatever that will be.
    """

    request: Request | None = None
    tenant: str | None = None
    expected: Callable[[], Mapping[str, str]] | None = None
    headers: dict[str, str] = field(default_factory=dict)
