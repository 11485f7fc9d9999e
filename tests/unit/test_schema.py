"""Payloads are checked against their route's schema, and every violation is told by a JSON pointer."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.tasks import a_schedule
from workerflow.adapters.schema import LISTED_BODY_BYTES, MAX_FAULTS, MESSAGE_CHARACTERS, JsonSchemas
from workerflow.domain.route import Route
from workerflow.ports.world import PayloadFault

ORDER = {
    "type": "object",
    "properties": {
        "id": {"type": "integer", "minimum": 1},
        "lines": {"type": "array", "items": {"type": "object", "required": ["sku"]}},
        "a/b~c": {"type": "string"},
        "at": {"type": "string", "format": "date-time"},
    },
    "required": ["id"],
}


def route(schema: dict[str, Any] | None, name: str = "order_created") -> Route:
    return Route(name=name, module="m", function="f", mode="async", schema=schema)


def faults(document: object, schema: dict[str, Any] | None = None) -> list[PayloadFault]:
    return list(JsonSchemas().faults(route(ORDER if schema is None else schema), json.dumps(document).encode()))


def test_a_valid_payload_has_no_faults() -> None:
    assert faults({"id": 1, "lines": [{"sku": "A"}]}) == []


def test_a_route_without_a_schema_takes_any_json() -> None:
    assert JsonSchemas().faults(route(None), b"[1]") == []


def test_every_violation_is_told_with_its_pointer() -> None:
    found = faults({"id": 0, "lines": [{"sku": "A"}, {}, 3], "a/b~c": 5})
    assert {fault.pointer for fault in found} == {"/id", "/lines/1", "/lines/2", "/a~1b~0c"}
    assert [fault.pointer for fault in faults({})] == [""]


def test_messages_do_not_repeat_the_payload() -> None:
    (fault,) = faults({"id": "a-secret-in-the-payload"})
    assert fault == PayloadFault("/id", 'the value is not of type "integer"')


def test_long_messages_and_pointers_are_cut() -> None:
    (fault,) = faults({"x" * 10_000: 1}, {"properties": {"a": {}}, "additionalProperties": False})
    assert len(fault.message) == MESSAGE_CHARACTERS
    (fault,) = faults({"x" * 10_000: 1}, {"additionalProperties": {"type": "string"}})
    assert len(fault.pointer) == MESSAGE_CHARACTERS


def test_the_number_of_faults_is_bounded() -> None:
    assert len(faults(["x"] * 1000, {"items": {"type": "integer"}})) == MAX_FAULTS


def test_of_a_large_payload_the_first_violation_is_told() -> None:
    document = ["x"] * (LISTED_BODY_BYTES // 4)
    assert len(json.dumps(document)) > LISTED_BODY_BYTES
    assert [fault.pointer for fault in faults(document, {"items": {"type": "integer"}})] == ["/0"]


def test_the_draft_is_2020_12_whatever_the_schema_omits() -> None:
    assert [fault.pointer for fault in faults(["x"], {"prefixItems": [{"type": "integer"}]})] == ["/0"]


def test_a_schema_never_reaches_the_network() -> None:
    with pytest.raises(Exception, match="Retrieval is disabled"):
        faults({}, {"$ref": "http://127.0.0.1:9/schema.json"})


def test_integers_at_the_edge_of_64_bits_are_integers() -> None:
    assert faults(2**64 - 1, {"type": "integer", "minimum": 2**63}) == []
    assert faults(-(2**63), {"type": "integer"}) == []


def test_a_pathological_pattern_comes_to_an_end() -> None:
    assert len(faults("a" * 100 + "!", {"pattern": "^(a+)+$"})) == 1


@pytest.mark.parametrize("body", [b"", b"{", b'{"a":1,"a":2}', b"\xff"])
def test_a_body_that_is_no_json_is_a_fault_of_the_whole(body: bytes) -> None:
    (fault,) = JsonSchemas().faults(route(ORDER), body)
    assert fault.pointer == ""
    assert fault.message


def test_a_schedule_takes_any_json_and_nothing_else() -> None:
    assert JsonSchemas().faults(a_schedule(), b"7") == []
    assert [fault.pointer for fault in JsonSchemas().faults(a_schedule(), b"{")] == [""]


def test_a_schema_is_compiled_once_per_route() -> None:
    schemas = JsonSchemas()
    schemas.load()
    assert schemas.faults(route({"type": "object"}, "one"), b"[]") != []
    first = schemas._compiled["one"]
    assert schemas.faults(route({"type": "array"}, "two"), b"[]") == []
    assert schemas.faults(route({"type": "object"}, "one"), b"{}") == []
    assert schemas._compiled["one"] is first
