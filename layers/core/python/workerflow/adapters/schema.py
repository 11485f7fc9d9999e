"""Payload schemas (JSON Schema, Draft 2020-12), checked by `jsonschema_rs`.

A schema is compiled when its route is first called, and kept; importing the validator is dearer (a tenth of boto3's
import), so `load` does it at INIT, where CPU is plentiful, for functions that will need it. No schema reaches the
network: the validator works offline, and a reference that leaves the schema is a fault of the manifest.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

from workerflow.domain.json_body import parse_body
from workerflow.domain.refusals import BodyRefusedError
from workerflow.domain.route import Route
from workerflow.domain.source import Source
from workerflow.ports.world import PayloadFault

if TYPE_CHECKING:
    from jsonschema_rs import Draft202012Validator

MAX_FAULTS = 50
LISTED_BODY_BYTES = 256 * 1024
"""The validator finds every violation before it tells the first: 500,000 of them cost seconds. So of a larger payload
only the first violation is told."""
MESSAGE_CHARACTERS = 300
_MASK = "the value"  # stands for the instance in messages, which would repeat payloads of megabytes


class JsonSchemas:
    """Implements the port `PayloadSchemas`."""

    def __init__(self) -> None:
        self._compiled: dict[str, Draft202012Validator] = {}

    @staticmethod
    def load() -> None:
        """Import the validator now."""
        import jsonschema_rs  # noqa: F401, PLC0415 - what this method is for

    def faults(self, source: Source, body: bytes) -> Sequence[PayloadFault]:
        """All violations, at most MAX_FAULTS; a body that is no JSON is a violation of the whole."""
        try:
            document = parse_body(body)
        except BodyRefusedError as error:
            return [PayloadFault("", error.detail or error.title)]
        return self.faults_of(source, document, size=len(body)) if isinstance(source, Route) else []

    def faults_of(self, route: Route, document: Any, *, size: int) -> Sequence[PayloadFault]:  # noqa: ANN401 - JSON
        """All violations of a document that was read from `size` bytes, at most MAX_FAULTS.

        Over LISTED_BODY_BYTES at most one. Empty if the document is valid or the route has no schema.
        """
        if route.schema is None:
            return []
        validator = self._validator(route)
        if validator.is_valid(document):
            return []
        if size > LISTED_BODY_BYTES:
            return [_first_fault(validator, document)]
        return [
            _fault(error.instance_path, error.message) for error in islice(validator.iter_errors(document), MAX_FAULTS)
        ]

    def _validator(self, route: Route) -> Draft202012Validator:
        if route.name not in self._compiled:
            from jsonschema_rs import Draft202012Validator  # noqa: PLC0415 - see the module's docstring

            self._compiled[route.name] = Draft202012Validator(dict(route.schema or {}), mask=_MASK, offline=True)
        return self._compiled[route.name]


def _first_fault(validator: Draft202012Validator, document: Any) -> PayloadFault:  # noqa: ANN401 - JSON
    from jsonschema_rs import ValidationError  # noqa: PLC0415 - loaded long since

    try:
        validator.validate(document)
    except ValidationError as error:
        return _fault(error.instance_path, error.message)
    return PayloadFault("", "does not match the schema")  # the validator contradicts its own is_valid


def _fault(path: Sequence[str | int], message: str) -> PayloadFault:
    """Source: RFC 6901 section 3: `~` is written `~0`, `/` is written `~1`."""
    pointer = "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)
    return PayloadFault(pointer[:MESSAGE_CHARACTERS], message[:MESSAGE_CHARACTERS])
