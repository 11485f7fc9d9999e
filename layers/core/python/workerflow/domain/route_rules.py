"""What a route may be, beside what every source may be."""

from __future__ import annotations

import json
from typing import get_args

from workerflow.domain.route import RESERVED_NAMES, Authentication, Mode, Route
from workerflow.domain.source_rules import choice_faults, source_faults


def route_faults(route: Route) -> list[str]:
    """Everything that is wrong with one route by itself, in words for its author."""
    return [
        *source_faults(route),
        *_reserved_faults(route.name),
        *choice_faults("mode", route.mode, get_args(Mode)),
        *choice_faults("authentication", route.authentication, get_args(Authentication)),
        *_schema_faults(route.schema),
    ]


def _reserved_faults(name: object) -> list[str]:
    reserved = isinstance(name, str) and name in RESERVED_NAMES
    return [f"the name {name!r} is reserved for the platform"] if reserved else []


def _schema_faults(schema: object) -> list[str]:
    if schema is None:
        return []
    if not isinstance(schema, dict):
        return [f"schema is a dict or None, not {type(schema).__name__}"]
    try:
        same = json.loads(json.dumps(schema, allow_nan=False)) == schema
    except (TypeError, ValueError, RecursionError) as error:
        return [f"schema is not JSON: {error}"]
    return [] if same else ["schema is not JSON: it has tuples, or keys that are not text"]
