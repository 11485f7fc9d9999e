"""The line between our clients and AWS: records every call, and breaks where a test says.

    client.put_item() -> begins -> [fault] -> moto -> [fault] -> answer
                         (a Call, numbered from 1, with the place in our code that it came from)

One API call may take several tries, because the SDK retries by itself. A fault belongs to the *call*:

    REFUSED   no try reaches AWS                                   code sees an error, nothing was applied
    THROTTLED every try is answered "slow down"                    code sees an error, nothing was applied
    HICCUP    the first try does not reach AWS, the next one does  code sees nothing, the SDK deals with it
    LOST      the first try is applied and its answer is lost      the SDK repeats it: code meets its own write
    SILENT    the first try is applied, every answer is lost       code sees an error, and it *was* applied
    DIES_BEFORE, DIES_AFTER                                        the process ends, before or after it was applied

A process that dies is a BaseException (ProcessDied): no `except Exception` on the way survives it, as nothing survives
the real thing. The SDK's own retries are replaced by equal ones without pause and without quota, which would run dry
after some hundred histories.

    clients = Clients(session=LinedSession(line))      every client that it makes is attached
    line.break_call(3, Fault.LOST)
    ...
    line.calls[2].site  ->  Site(operation="dynamodb.PutItem", adapter="DynamoRuns.write", caller="…Ledger.settle")
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from threading import Lock, local
from types import FrameType
from typing import Any, Protocol, override

from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import ConnectionClosedError, EndpointConnectionError, ReadTimeoutError
from botocore.session import Session
from moto.core.botocore_stubber import MockRawResponse
from moto.core.models import botocore_stubber

import workerflow

_CORE = str(Path(workerflow.__file__).parent)
_ADAPTERS = _CORE + "/adapters/"
_TESTS = str(Path(__file__).parents[1])
_FUNCTIONS = str(Path(__file__).parents[2] / "functions")
MOTO_LOCK = Lock()
"""moto is not thread-safe: without this, 100 conditional puts of one key from threads have 101 winners."""


class Fault(StrEnum):
    """What happens to one call."""

    REFUSED = "refused"
    THROTTLED = "throttled"
    HICCUP = "hiccup"
    LOST = "lost"
    SILENT = "silent"
    DIES_BEFORE = "dies_before"
    DIES_AFTER = "dies_after"


class ProcessDied(BaseException):
    """The process that made the call ended there and then."""


@dataclass(frozen=True, slots=True)
class Site:
    """Where in our code a call comes from.

    Attributes:
        operation: `dynamodb.PutItem`.
        adapter: the adapter's method that the core called, `DynamoRuns.write`.
        caller: who called it, from the outside in: `Sweep._visit_task > Ledger.settle > Ledger._write`.
    """

    operation: str
    adapter: str
    caller: str


@dataclass(slots=True)
class Call:
    """One API call.

    Attributes:
        number: from 1, in the order in which calls began.
        parameters: as given to the client.
        tries: how often it was sent, the SDK's retries included.
        applied: how often AWS applied or answered it.
        statuses: HTTP status of every answer that AWS gave, lost ones included.
    """

    number: int
    service: str
    operation: str
    parameters: dict[str, Any]
    site: Site
    fault: Fault | None
    tries: int = 0
    applied: int = 0
    statuses: list[int] = field(default_factory=list)

    @property
    def name(self) -> str:
        return f"{self.service}.{self.operation}"


class Request(Protocol):
    """What a stand-in needs to know of a request."""

    url: str
    body: Any


type StandIn = Callable[[Request], tuple[int, dict[str, str], bytes] | None]
"""Answers a request in place of moto: status, headers, body; None leaves it to moto."""


class Witness(Protocol):
    """Looks at the world before and after AWS applies a call (tests.support.billing)."""

    def before(self, call: Call) -> None: ...

    def after(self, call: Call) -> None: ...


class Line:
    """Attach it to every client of a process; several clients may share one line."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.witness: Witness | None = None
        self.choose: Callable[[Call], Fault | None] = lambda _call: None
        self._stand_ins: dict[str, StandIn] = {}
        self._current = local()
        self._lock = Lock()

    def reset(self) -> None:
        """Forget the calls, and break nothing."""
        self.calls.clear()
        self.choose = lambda _call: None

    def clear(self) -> None:
        """Forget everything, stand-ins and the witness too."""
        self.reset()
        self.witness = None
        self._stand_ins.clear()

    def break_call(self, number: int, fault: Fault) -> None:
        """Break the call with this number (from 1, counted since the last reset)."""
        self.choose = lambda call: fault if call.number == number else None

    @contextmanager
    def breaking(self, fault: Fault, operation: str = "") -> Iterator[None]:
        """Break every call while the block runs, or every one of `operation` (`dynamodb.PutItem`)."""
        before = self.choose
        self.choose = lambda call: fault if operation in {"", call.name} else None
        try:
            yield
        finally:
            self.choose = before

    def stand_in(self, operation: str, answer: StandIn) -> None:
        """Let `answer` answer an operation (`lambda.Invoke`) instead of moto."""
        self._stand_ins[operation] = answer

    def attach(self, client: Any) -> None:
        """Put the line between a client and moto. Attach each client once."""
        events, service = client.meta.events, client.meta.service_model.service_id.hyphenize()
        events.unregister("before-send", botocore_stubber)
        events.unregister(f"needs-retry.{service}", unique_id=f"retry-config-{service}")
        tries = (client.meta.config.retries or {}).get("total_max_attempts", 1)
        events.register("before-parameter-build", self._begin)
        events.register("before-send", self._send)
        events.register("needs-retry", lambda attempts, **answer: _retries(tries, attempts, **answer))

    def _begin(self, params: dict[str, Any], model: Any, **_: object) -> None:
        service = str(model.service_model.service_name)
        site = _site(f"{service}.{model.name}")
        with self._lock:
            call = Call(len(self.calls) + 1, service, str(model.name), params, site, None)
            call.fault = self.choose(call)
            self.calls.append(call)
        self._current.call = call

    def _send(self, request: Any, **_: object) -> AWSResponse:
        call: Call = self._current.call
        call.tries += 1
        self._break_before(call, request)
        if call.fault is Fault.THROTTLED:
            return _response(request.url, *_throttled(call))
        response = self._apply(call, request)
        self._current.call = call  # a stand-in may have made calls of its own meanwhile
        self._break_after(call, request)
        return response

    def _break_before(self, call: Call, request: Any) -> None:
        if call.fault is Fault.DIES_BEFORE:
            raise ProcessDied(f"before {call.site}")
        if call.fault is Fault.REFUSED or (call.fault is Fault.HICCUP and call.tries == 1):
            raise EndpointConnectionError(endpoint_url=request.url)
        if call.fault is Fault.SILENT and call.tries > 1:
            raise ReadTimeoutError(endpoint_url=request.url)

    def _break_after(self, call: Call, request: Any) -> None:
        if call.fault is Fault.DIES_AFTER:
            raise ProcessDied(f"after {call.site}")
        if call.fault is Fault.LOST and call.tries == 1:
            raise ConnectionClosedError(endpoint_url=request.url)
        if call.fault is Fault.SILENT:
            raise ReadTimeoutError(endpoint_url=request.url)

    def _apply(self, call: Call, request: Any) -> AWSResponse:
        call.applied += 1
        if self.witness is not None:
            self.witness.before(call)
        stand_in = self._stand_ins.get(call.name)
        answer = stand_in(request) if stand_in is not None else None
        response = _moto(request) if answer is None else _response(request.url, *answer)
        call.statuses.append(response.status_code)
        if self.witness is not None:
            self.witness.after(call)
        return response


class LinedSession(Session):
    """A botocore session whose clients are all attached to one line."""

    def __init__(self, line: Line) -> None:
        super().__init__()
        self._line = line

    @override
    def create_client(self, *args: Any, **kwargs: Any) -> Any:
        client = super().create_client(*args, **kwargs)
        self._line.attach(client)
        return client


def _moto(request: Any) -> AWSResponse:
    with MOTO_LOCK:
        response = botocore_stubber("before-send", request)
    if response is None:
        raise RuntimeError("moto is not on: this call would have left the machine")
    return response


def _retries(
    tries: int,
    attempts: int,
    *,
    response: Any = None,
    caught_exception: Exception | None = None,
    **_: object,
) -> float | None:
    """The SDK's standard rule without its pauses: connection errors, throttling and 5xx are tried again."""
    if attempts >= tries:
        return None
    if caught_exception is not None:
        return 0.0
    status, parsed = response[0].status_code, response[1]
    throttled = parsed.get("Error", {}).get("Code") in {"ThrottlingException", "SlowDown", "TooManyRequestsException"}
    return 0.0 if throttled or status >= 500 else None


def _response(url: str, status: int, headers: dict[str, str], body: bytes) -> AWSResponse:
    return AWSResponse(url, status, HTTPHeaders.from_pairs(headers.items()), MockRawResponse(body))


def _throttled(call: Call) -> tuple[int, dict[str, str], bytes]:
    """Each service has its own words for "slow down"."""
    if call.service == "s3":
        return 503, {}, b"<?xml version='1.0'?><Error><Code>SlowDown</Code><Message>slow down</Message></Error>"
    code = "TooManyRequestsException" if call.service == "lambda" else "ThrottlingException"
    status = 429 if call.service == "lambda" else 400
    body = f'{{"__type": "{code}", "message": "slow down"}}'.encode()
    return status, {"x-amzn-errortype": code, "content-type": "application/json"}, body


def _site(operation: str) -> Site:
    """Walk up from botocore into our code: first the adapter's frames, then whoever called it."""
    adapter, callers = "", []
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        path = frame.f_code.co_filename
        if path.startswith(_ADAPTERS):
            adapter = frame.f_code.co_qualname
        elif path.startswith((_CORE, _FUNCTIONS)):
            callers.append(frame.f_code.co_qualname)
        elif callers and path.startswith(_TESTS):
            break  # a test's own frames, and a stand-in's caller behind them, are no part of the place
        frame = frame.f_back
    return Site(operation, adapter, " > ".join(reversed(callers)))
