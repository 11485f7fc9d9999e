"""A query string, read strictly: what is not declared, comes twice or cannot be decoded is refused by its name.

A parameter that is misread by one side and ignored by the other shows somebody a list that they did not ask for.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from urllib.parse import unquote_to_bytes

from workerflow.domain.dashboard_refusals import ParameterInvalidError

MAX_QUERY_CHARACTERS = 4096
MAX_FIELDS = 100
_RAW = re.compile(r"(?:[!-$&-~]|%[0-9A-Fa-f]{2})*+\Z")
"""Printable ASCII without spaces, each percent sign with two hexadecimal digits. Possessive: else the engine would keep
a place to go back to for each character, 450 MB of them for the largest form."""


def read_query(raw: str, *, keep_empty: bool) -> dict[str, str]:
    """The parameters of a query string, decoded, by name.

    Args:
        raw: without its question mark.
        keep_empty: an empty value counts as one; a browser's form sends all its fields, the empty ones, too.

    Raises:
        ParameterInvalidError: names the first one that is repeated, or cannot be decoded.
    """
    if len(raw) > MAX_QUERY_CHARACTERS:
        raise ParameterInvalidError("", f"a query has at most {MAX_QUERY_CHARACTERS} characters")
    return read_fields(raw, keep_empty=keep_empty)


def read_fields(raw: str, *, keep_empty: bool) -> dict[str, str]:
    """The same of any text of type `application/x-www-form-urlencoded`, however long."""
    if raw.count("&") >= MAX_FIELDS:
        raise ParameterInvalidError("", f"at most {MAX_FIELDS} parameters are read")
    fields: dict[str, str] = {}
    for pair in filter(None, raw.split("&")):
        raw_name, _, raw_value = pair.partition("=")
        name = _decoded(raw_name, of=raw_name)
        if name in fields:
            raise ParameterInvalidError(name, "came twice")
        fields[name] = _decoded(raw_value, of=name)
    return fields if keep_empty else {name: value for name, value in fields.items() if value}


def require_declared(fields: Iterable[str], declared: Collection[str]) -> None:
    """Refuse the first name that is not declared."""
    for name in fields:
        if name not in declared:
            raise ParameterInvalidError(name, "is no parameter here")


def _decoded(raw: str, *, of: str) -> str:
    """Decode a part of the parameter `of`; a value, which may be a secret, is never told."""
    if not _RAW.match(raw):
        raise ParameterInvalidError(of, "is not percent-encoded")
    try:
        return unquote_to_bytes(raw.replace("+", " ")).decode("utf-8")
    except UnicodeDecodeError:
        raise ParameterInvalidError(of, "is not UTF-8") from None
