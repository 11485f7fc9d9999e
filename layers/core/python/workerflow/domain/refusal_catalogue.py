"""Every way in which a call can be refused, from all modules of the tree: for whoever documents or checks them."""

from __future__ import annotations

from types import ModuleType

from workerflow.domain import credential_refusals, refusals, task_refusals
from workerflow.domain.refusals import RefusedError

_MODULES: tuple[ModuleType, ...] = (refusals, credential_refusals, task_refusals)


def all_refusals() -> tuple[type[RefusedError], ...]:
    """Every class that a caller can meet, in order of definition: those with a code of their own."""
    return tuple(kind for module in _MODULES for kind in vars(module).values() if _is_met(kind, module))


def _is_met(value: object, module: ModuleType) -> bool:
    is_ours = isinstance(value, type) and issubclass(value, RefusedError) and value.__module__ == module.__name__
    return is_ours and "code" in vars(value)
