"""Values of a call's parameters, and the filters that they make. For the API and for pages that take the same ones."""

from __future__ import annotations

from typing import cast

from functions.dashboard.api import rules
from functions.dashboard.api.rules import PARAMETERS, Rule
from functions.dashboard.call import Call
from functions.dashboard.cursors import scope_of
from functions.dashboard.services import Dashboard
from workerflow.domain.bulk import LetterFilter
from workerflow.domain.dashboard_refusals import ParameterInvalidError
from workerflow.domain.task import Kind
from workerflow.services.list_tasks import TaskFilter

DAY_MS = 24 * 3600 * 1000
MAX_WINDOW_DAYS = 400
"""Rollups of days are kept so long."""


def value_of[T](call: Call, name: str, rule: Rule[T]) -> T | None:
    """The value of a parameter; None if it did not come.

    Raises:
        ParameterInvalidError: it is not what the rule says.
    """
    text = call.query.get(name)
    if text is None:
        return None
    value = rule.read(text)
    if value is None:
        raise ParameterInvalidError(name, rule.words)
    return value


def require_values(call: Call) -> None:
    """Refuse the first parameter whose value is not what its rule says."""
    for name in call.query:
        value_of(call, name, PARAMETERS[name])


def limit_of(call: Call) -> int:
    """How many entries a page of a list has at most."""
    return value_of(call, "limit", rules.LIMIT) or rules.DEFAULT_LIMIT


def span_of(call: Call) -> tuple[int | None, int | None]:
    """`from` and `until`, epoch milliseconds, as far as they came."""
    from_ms, until_ms = value_of(call, "from", rules.TIME), value_of(call, "until", rules.TIME)
    if from_ms is not None and until_ms is not None and from_ms >= until_ms:
        raise ParameterInvalidError("from", "is before `until`")
    return from_ms, until_ms


def window_of(dashboard: Dashboard, call: Call) -> tuple[int, int]:
    """`from` and `until` of what is counted: the last 24 hours, unless the call says otherwise."""
    from_ms, until_ms = span_of(call)
    now_ms = dashboard.clock.now_ms()
    if until_ms is None:
        until_ms = now_ms if from_ms is None else min(now_ms, from_ms + MAX_WINDOW_DAYS * DAY_MS)
    if from_ms is None:
        from_ms = max(0, until_ms - DAY_MS)
    if not from_ms < until_ms <= from_ms + MAX_WINDOW_DAYS * DAY_MS:
        raise ParameterInvalidError("from", f"is before `until`, by at most {MAX_WINDOW_DAYS} days")
    return from_ms, until_ms


def task_filter_of(call: Call) -> TaskFilter:
    """Which tasks are asked for."""
    from_ms, until_ms = span_of(call)
    return TaskFilter(
        state=value_of(call, "status", rules.RUN_STATE),
        source=value_of(call, "source", rules.SOURCE),
        kind=cast("Kind | None", value_of(call, "kind", rules.KIND)),
        from_ms=from_ms,
        until_ms=until_ms,
    )


def letter_filter_of(call: Call) -> LetterFilter:
    """Which dead letters are asked for."""
    from_ms, until_ms = span_of(call)
    return LetterFilter(
        letter_class=value_of(call, "class", rules.LETTER_CLASS),
        source=value_of(call, "source", rules.SOURCE),
        fingerprint=value_of(call, "fingerprint", rules.FINGERPRINT),
        from_ms=from_ms or 0,
        until_ms=rules.LAST_MS if until_ms is None else until_ms,
    )


def position_of(dashboard: Dashboard, call: Call) -> str | None:
    """Where the list goes on; None at its beginning.

    Raises:
        CursorInvalidError: the cursor is not of this list with these filters.
    """
    return dashboard.cursors.open(value_of(call, "cursor", rules.CURSOR), _scope(call))


def cursor_at(dashboard: Dashboard, call: Call, position: str | None) -> str | None:
    """The cursor that leads to a position of this list; None at its end."""
    return dashboard.cursors.seal(position, _scope(call))


def _scope(call: Call) -> bytes:
    return scope_of(call.request.path, call.tenant, call.query)
