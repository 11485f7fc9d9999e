"""An order's body: a JSON object whose members are read one by one, all faults told at once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from functions.dashboard.api.rules import Rule
from workerflow.domain.dashboard_refusals import BodyInvalidError, repeated_name
from workerflow.domain.json_body import parse_body

MAX_FAULTS = 20


class Members:
    """The members of an object.

    Reading one that is wrong tells a fault and gives a stand-in, which nobody sees: `finish` comes before anything is
    done. A member that nobody read by then is a fault, too.
    """

    def __init__(self, document: object, pointer: str = "", faults: list[dict[str, str]] | None = None) -> None:
        self._faults: list[dict[str, str]] = [] if faults is None else faults
        self._pointer = pointer
        self._is_object = isinstance(document, Mapping)
        self._unread: dict[str, Any] = dict(document) if isinstance(document, Mapping) else {}
        if not self._is_object:
            self._faults.append({"pointer": pointer, "message": "is an object"})

    @classmethod
    def of_body(cls, body: bytes) -> Members:
        """Of a request's body. Raises the refusals of bodies that are no JSON."""
        return cls(parse_body(body))

    def required[T](self, name: str, rule: Rule[T]) -> T:
        """A text as the rule has it."""
        return self._read(name, rule) if name in self._unread else self._stand_in(name, rule.words)

    def optional[T](self, name: str, rule: Rule[T]) -> T | None:
        """The same, or None where it is left out or null."""
        if self._unread.get(name) is None:
            self._unread.pop(name, None)
            return None
        return self._read(name, rule)

    def flag(self, name: str) -> bool:
        """`true` or `false`; left out is false."""
        value = self._unread.pop(name, False)
        if not isinstance(value, bool):
            self._fault(name, "is true or false")
        return value is True

    def json_bytes(self, name: str) -> bytes | None:
        """Any JSON value in its shortest form, or None where it is left out; null is a value."""
        if name not in self._unread:
            return None
        return json.dumps(self._unread.pop(name), ensure_ascii=False, separators=(",", ":")).encode()

    def members(self, name: str) -> Members:
        """An object within the object; `finish` it before this one."""
        return Members(self._unread.pop(name, None), f"{self._pointer}/{name}", self._faults)

    def refuse(self, name: str, words: str) -> None:
        """Tell a fault of a member that was read."""
        self._fault(name, words)

    def finish(self) -> None:
        """Nothing else may be there, and nothing may be wrong.

        Raises:
            BodyInvalidError: something is, all of it told.
        """
        for name in self._unread:
            self._fault(name, "is no member of this order")
        if self._faults and not self._pointer:
            raise BodyInvalidError(self._faults[:MAX_FAULTS])

    def _read[T](self, name: str, rule: Rule[T]) -> T:
        value = self._unread.pop(name)
        read = rule.read(value) if isinstance(value, str) else None
        return self._stand_in(name, rule.words) if read is None else read

    def _stand_in(self, name: str, words: str) -> Any:  # noqa: ANN401 - never used: finish refuses the body
        self._fault(name, words)
        return None

    def _fault(self, name: str, words: str) -> None:
        if self._is_object:  # else its members are not to blame
            token = repeated_name(name).replace("~", "~0").replace("/", "~1")
            self._faults.append({"pointer": f"{self._pointer}/{token}", "message": words})
