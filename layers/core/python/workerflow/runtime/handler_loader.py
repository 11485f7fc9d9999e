"""From a source of the manifest to the function that handles it.

Imported at the first task that needs it, and not when `workflow` starts: a module with a fault, or a slow one, costs
its own sources and no other. Only places that the manifest names are ever imported; a call never names one.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from workerflow.domain.errors import RetryableError
from workerflow.domain.source import Source


class HandlerLoadError(RetryableError):
    """The handler's module cannot be imported, or lacks the function. Retryable: the next deploy may mend it."""

    code = "handler_load"


def load(source: Source) -> Callable[..., Any]:
    """The function behind `source`. Its module is imported once per process; a failed import is tried again next time.

    Raises:
        HandlerLoadError: from whatever the import raised.
    """
    try:
        function = getattr(importlib.import_module(source.module), source.function)
    except (Exception, SystemExit) as error:
        place = f"{source.module}.{source.function}"
        raise HandlerLoadError(f"{place} cannot be loaded: {type(error).__name__}: {error}") from error
    if not callable(function):
        raise HandlerLoadError(f"{source.module}.{source.function} is no function")
    handler: Callable[..., Any] = function
    return handler
