"""A body as JSON that every reader reads alike: strict UTF-8, no duplicate members, no number that changes.

Python's parser is lenient where others are not (NaN, duplicate members, any encoding of Unicode, numbers of any
size). What passes here means the same to whoever reads the stored bytes later, in whatever language.

Source: RFC 8259 (JSON), RFC 7493 sections 2.1 to 2.3 (I-JSON: UTF-8 without surrogates, number ranges, unique names).
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from itertools import accumulate
from typing import Any, NoReturn

from workerflow.domain.refusals import (
    BodyDuplicateKeyError,
    BodyEmptyError,
    BodyNotJsonError,
    BodyNotUtf8Error,
    BodyNumberOutOfRangeError,
    BodyTooDeepError,
)

MAX_BODY_BYTES = 4 * 1024 * 1024
MAX_DEPTH = 200
_SMALLEST_INTEGER = -(2**63)
_LARGEST_INTEGER = 2**64 - 1
_INTEGER_CHARACTERS = 20  # of the longest in range; longer text is refused before it costs quadratic time

# The closing quote is optional and the repetitions are possessive: an unterminated string is taken whole, once, so
# the scan is linear whatever is sent.
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_STEP = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}


def parse_body(body: bytes) -> Any:  # noqa: ANN401 - JSON is what it is
    """Read a body.

    Args:
        body: the raw bytes, at most MAX_BODY_BYTES (the caller has checked).

    Returns:
        The document as Python values.

    Raises:
        RefusedError: one of the body_* refusals; each is the caller's to mend, none is worth a retry.
    """
    if not body:
        raise BodyEmptyError("send a JSON document")
    text = _decode(body)
    _require_shallow(body)
    try:
        document = json.loads(
            text,
            object_pairs_hook=_object,
            parse_int=_integer,
            parse_float=_float,
            parse_constant=_refuse_constant,
        )
    except json.JSONDecodeError as error:
        raise BodyNotJsonError(f"{error.msg} at line {error.lineno}, column {error.colno}") from None
    if "\\ud" in text or "\\uD" in text:
        _require_no_lone_surrogates(document)
    return document


def _decode(body: bytes) -> str:
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BodyNotUtf8Error(f"byte {error.start} does not belong to UTF-8 text") from None
    if text.startswith("\ufeff"):
        raise BodyNotJsonError("the body begins with a byte order mark")
    return text


def _require_shallow(body: bytes) -> None:
    if body.count(b"[") + body.count(b"{") <= MAX_DEPTH:
        return
    brackets = _STRING.sub(b"", body).translate(None, _NO_BRACKETS)
    if max(accumulate(map(_STEP.__getitem__, brackets)), default=0) > MAX_DEPTH:
        raise BodyTooDeepError(f"at most {MAX_DEPTH} arrays and objects inside one another")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        twice = Counter(name for name, _ in pairs).most_common(1)[0][0]
        raise BodyDuplicateKeyError(f"the member {ascii(twice)[:80]} stands twice in one object")
    return found


def _integer(text: str) -> int:
    if len(text) > _INTEGER_CHARACTERS or not _SMALLEST_INTEGER <= int(text) <= _LARGEST_INTEGER:
        raise BodyNumberOutOfRangeError("whole numbers have 64 bits: from -2^63 to 2^64-1")
    return int(text)


def _float(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise BodyNumberOutOfRangeError("the largest number is 1.7976931348623157e308")
    return number


def _refuse_constant(name: str) -> NoReturn:
    raise BodyNotJsonError(f"{name} is not JSON")


def _require_no_lone_surrogates(document: object) -> None:
    try:
        json.dumps(document, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        raise BodyNotUtf8Error("an escape names half of a surrogate pair") from None
