"""Which endpoint a request is for. One path has one spelling.

A segment is of letters, digits and `_.-`, at most 64 of them. Anything else is not found: an encoded letter, an empty
or a dot segment, a trailing slash. Whether a run, a route or a job of that name exists is not decided here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from functions.dashboard.endpoint import Endpoint
from workerflow.domain.refusals import MethodNotAllowedError, PathNotFoundError

_SEGMENT = re.compile(r"(?!\.{1,2}\Z)[A-Za-z0-9_.-]{1,64}\Z")


@dataclass(frozen=True, slots=True)
class Match:
    """An endpoint, and the values of its template's parts."""

    endpoint: Endpoint
    path: Mapping[str, str]


class Router:
    """Finds endpoints by their templates, the most literal first."""

    def __init__(self, endpoints: Iterable[Endpoint]) -> None:
        self._by_template: dict[tuple[str, ...], dict[str, Endpoint]] = {}
        for one in endpoints:
            self._by_template.setdefault(_segments(one.template), {})[one.method] = one
        self._templates = sorted(self._by_template, key=lambda parts: sum(part.startswith("{") for part in parts))

    def match(self, method: str, path: str) -> Match:
        """Find out what a request is for. HEAD asks for what GET would be answered.

        Raises:
            PathNotFoundError: for nothing of ours.
            MethodNotAllowedError: the path is ours and takes another method.
        """
        wanted = _segments(path)
        for template in self._templates:
            values = _values(template, wanted)
            if values is not None:
                return Match(_of_method(self._by_template[template], method), values)
        raise PathNotFoundError("GET /api/openapi.json lists the API's paths")


def _segments(path: str) -> tuple[str, ...]:
    return tuple(path.split("/"))


def _values(template: tuple[str, ...], wanted: tuple[str, ...]) -> dict[str, str] | None:
    if len(template) != len(wanted):
        return None
    values: dict[str, str] = {}
    for part, value in zip(template, wanted, strict=True):
        if not part.startswith("{"):
            if part != value:
                return None
        elif _SEGMENT.match(value):
            values[part.strip("{}")] = value
        else:
            return None
    return values


def _of_method(by_method: Mapping[str, Endpoint], method: str) -> Endpoint:
    found = by_method.get("GET" if method == "HEAD" else method)
    if found is None:
        allowed = [*by_method, *(["HEAD"] if "GET" in by_method else [])]
        raise MethodNotAllowedError(", ".join(sorted(allowed)))
    return found
