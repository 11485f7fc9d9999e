"""Lambda in process: `lambda.Invoke` on the line runs a function of ours and answers as Lambda would.

Whatever ends the function, an exception or its simulated death, is a function error to the invoker, who lives on.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from tests.support.faults import Line, ProcessDied, Request

type Function = Callable[[dict[str, Any]], Any]


def run_functions(line: Line, functions: Mapping[str, Function]) -> None:
    """Answer invocations of `functions` (by name) by calling them with the event."""

    def answer(request: Request) -> tuple[int, dict[str, str], bytes]:
        name = request.url.partition("/functions/")[2].partition("/")[0]
        if name not in functions:
            return 404, {"x-amzn-errortype": "ResourceNotFoundException"}, b'{"Message": "no such function"}'
        return _run(functions[name], json.loads(request.body))

    line.stand_in("lambda.Invoke", answer)


def _run(function: Function, event: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
    try:
        return 200, {}, json.dumps(function(event)).encode()
    except ProcessDied as death:
        told = {"errorType": "Runtime.ExitError", "errorMessage": str(death)}
    except Exception as error:  # noqa: BLE001 - Lambda tells every exception to the invoker
        told = {"errorType": type(error).__name__, "errorMessage": str(error)}
    return 200, {"X-Amz-Function-Error": "Unhandled"}, json.dumps(told).encode()
