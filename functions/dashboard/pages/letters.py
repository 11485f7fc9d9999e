"""Dead letters: alike errors grouped, the one seen last first; and the letters of one error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from functions.dashboard.api.parameters import letter_filter_of, value_of
from functions.dashboard.api.rules import LETTER_STATE
from functions.dashboard.cursors import scope_of
from functions.dashboard.pages.orders import Order, bulk_order
from functions.dashboard.pages.parameters import WINDOW_NAMES, WINDOWS, sources_of, window_of
from functions.dashboard.pages.rendering import page
from workerflow.domain.bulk import BulkAction, LetterFilter
from workerflow.domain.run import LetterClass
from workerflow.domain.timestamp import timestamp

if TYPE_CHECKING:
    from functions.dashboard.call import Call
    from functions.dashboard.services import Dashboard
    from workerflow.runtime.http import Response
    from workerflow.services.list_error_groups import ErrorGroupView

PAGE = 50
_LIST = "showLetters"
_ALL = "all"


@dataclass(frozen=True, slots=True)
class Asked:
    """Which letters an address asks for.

    Attributes:
        window: the name of the length of time that they failed in, or empty.
        from_ms: when that began.
    """

    letter_class: LetterClass | None
    source: str | None
    fingerprint: str | None
    shows_all: bool
    window: str
    from_ms: int

    @classmethod
    def of(cls, call: Call, now_ms: int) -> Asked:
        """Read an address, as the API reads it. Raises ParameterInvalidError."""
        wanted, window = letter_filter_of(call), window_of(call.query)
        return cls(
            letter_class=wanted.letter_class,
            source=wanted.source,
            fingerprint=wanted.fingerprint,
            shows_all=value_of(call, "state", LETTER_STATE) == _ALL,
            window=window or "",
            from_ms=now_ms - WINDOWS[window] if window else 0,
        )

    @property
    def is_filtered(self) -> bool:
        """Whether it asks for a part only."""
        return bool(self.letter_class or self.source or self.window)

    @property
    def letters(self) -> LetterFilter:
        """The same as services are asked."""
        return LetterFilter(self.letter_class, self.source, self.fingerprint, self.from_ms)

    def shows(self, view: ErrorGroupView) -> bool:
        """Whether a group of errors is asked for."""
        group = view.group
        is_of_state = self.shows_all or view.open > 0
        is_of_kind = self.letters.fits(group.letter_class, group.source, self.fingerprint or group.fingerprint)
        return is_of_state and is_of_kind and group.last_seen_ms >= self.from_ms

    @property
    def fields(self) -> dict[str, str]:
        """What the form of a bulk job carries, to mean these letters."""
        told = {
            "class": self.letter_class.value if self.letter_class else "",
            "source": self.source or "",
            "fingerprint": self.fingerprint or "",
            "from": timestamp(self.from_ms) if self.from_ms else "",
        }
        return {name: value for name, value in told.items() if value}

    @property
    def words(self) -> str:
        """The same in words, to go on after a verb."""
        words = "all open letters of this error" if self.fingerprint else "all open dead letters"
        if self.letter_class:
            words += f" of the class {self.letter_class.value.replace('_', ' ')}"
        if self.source:
            words += f" of {self.source}"
        return words + (f" of the {dict(WINDOW_NAMES)[self.window]}" if self.window else "")


def show(dashboard: Dashboard, call: Call) -> Response:
    """The errors that fit the address; or, if it names one, that error's letters."""
    asked = Asked.of(call, dashboard.clock.now_ms())
    return _letters(dashboard, call, asked) if asked.fingerprint else _groups(dashboard, call, asked)


def _groups(dashboard: Dashboard, call: Call, asked: Asked) -> Response:
    found = dashboard.list_error_groups(call.tenant)
    groups = [view for view in found.groups if asked.shows(view)]
    return page(
        dashboard,
        call,
        "letters.html",
        groups=groups,
        any_open=any(view.open for view in groups),
        open_is_exact=found.open_is_exact,
        count_is_exact=found.count_is_exact,
        orders=_orders(asked),
        **_filters(dashboard, call, asked),
    )


def _letters(dashboard: Dashboard, call: Call, asked: Asked) -> Response:
    groups = dashboard.list_error_groups(call.tenant).groups
    scope = scope_of(_LIST, call.tenant, call.query)
    before = dashboard.cursors.open(call.query.get("cursor"), scope)
    found = dashboard.list_letters(call.tenant, asked.letters, open_only=not asked.shows_all, before=before, limit=PAGE)
    return page(
        dashboard,
        call,
        "letter_group.html",
        view=next((view for view in groups if view.group.fingerprint == asked.fingerprint), None),
        letters=found.letters,
        is_first=before is None,
        next_cursor=dashboard.cursors.seal(found.next_before, scope),
        searched_back_to_ms=found.searched_back_to_ms,
        page_size=PAGE,
        orders=_orders(asked),
        **_filters(dashboard, call, asked),
    )


def _orders(asked: Asked) -> Sequence[Order]:
    back = ("letters",)
    return [bulk_order(action, asked.words, asked.fields, back) for action in BulkAction]


def _filters(dashboard: Dashboard, call: Call, asked: Asked) -> dict[str, Any]:
    return {
        "asked": asked,
        "classes": [(one.value, one.value.replace("_", " ")) for one in LetterClass],
        "sources": sources_of(dashboard, call.tenant, asked.source),
        "windows": WINDOW_NAMES,
    }
