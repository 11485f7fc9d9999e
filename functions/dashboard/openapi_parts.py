"""The bricks of the OpenAPI document's schemas."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from functions.dashboard.api.rules import FINGERPRINT, SOURCE

type Schema = dict[str, Any]

TRACE_ID: Schema = {"type": "string", "pattern": "^[0-9a-f]{44}$"}
JOB_ID: Schema = {"type": "string", "pattern": "^[0-9a-f]{28}$"}
NAME: Schema = {"type": "string", "pattern": "^[a-z][a-z0-9_]{0,62}$"}
TENANT: Schema = {"type": "string", "pattern": "^[a-z0-9][a-z0-9-]{0,62}$"}
KEY: Schema = {"type": "string", "pattern": r"^[!-+\--~]{1,255}$"}
ANY_SOURCE: Schema = dict(SOURCE.schema)
A_FINGERPRINT: Schema = dict(FINGERPRINT.schema)
TIME: Schema = {"type": "string", "format": "date-time"}
TEXT: Schema = {"type": "string"}
FLAG: Schema = {"type": "boolean"}
COUNT: Schema = {"type": "integer", "minimum": 0}
MILLISECONDS: Schema = {"type": "number", "minimum": 0}
COUNTS: Schema = {"type": "object", "additionalProperties": {"type": "integer", "minimum": 1}}
TEXTS: Schema = {"type": "object", "additionalProperties": TEXT}


def an_object(properties: dict[str, Schema], *, optional: tuple[str, ...] = (), about: str = "") -> Schema:
    """An object with these members, all required but the optional ones."""
    required = [name for name in properties if name not in optional]
    made: Schema = {"type": "object", "required": required, "properties": properties}
    return made | {"description": about} if about else made


def choice(values: type[StrEnum]) -> Schema:
    """One of an enumeration's values."""
    return {"type": "string", "enum": [value.value for value in values]}


def counts_by(values: type[StrEnum]) -> Schema:
    """Counts by an enumeration's values; what was counted 0 times is left out."""
    return {"type": "object", "propertyNames": choice(values), "additionalProperties": COUNTS["additionalProperties"]}


def or_null(schema: Schema) -> Schema:
    """The schema, or null."""
    return {"anyOf": [schema, {"type": "null"}]}


def listed(schema: Schema) -> Schema:
    """Any number of them."""
    return {"type": "array", "items": schema}


def reference(name: str) -> Schema:
    """A schema of the document's components."""
    return {"$ref": f"#/components/schemas/{name}"}


def a_page(name: str, entry: Schema, **more: Schema) -> Schema:
    """A page of a list."""
    cursor = or_null(TEXT) | {"description": "the `cursor` of the next page; null: there is none"}
    return an_object({name: listed(entry), "nextCursor": cursor, **more})


def described(schema: Schema, words: str) -> Schema:
    """The schema with what there is to know of it."""
    return schema | {"description": words}
