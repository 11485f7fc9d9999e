"""What AWS really applied, write by write: the books against which promises are checked.

States are not enough: a success that is written twice leaves one state. So every applied write of a run's row and of a
letter is counted, whether its answer arrived or not.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.support.aws import physical
from tests.support.faults import Call
from workerflow.adapters.dynamodb.attributes import Item, unpack
from workerflow.tables import DEAD_LETTERS, RUNS

_APPLIED = 200


@dataclass(frozen=True, slots=True)
class RowWrite:
    """One applied write of a run's row."""

    trace_id: str
    version: int
    state: str


@dataclass(slots=True)
class Books:
    """Implements the line's Witness."""

    rows: list[RowWrite] = field(default_factory=list)
    letters: list[str] = field(default_factory=list)

    def before(self, call: Call) -> None:
        """Nothing is known yet."""

    def after(self, call: Call) -> None:
        if call.statuses[-1] == _APPLIED:
            for table, item in _puts(call):
                self._enter(table, item)

    def _enter(self, table: str, item: Item) -> None:
        trace_id = str(item["pk"]).partition("#")[2]
        if table == physical(DEAD_LETTERS):
            self.letters.append(trace_id)
        elif table == physical(RUNS) and item["sk"] == "run":
            self.rows.append(RowWrite(trace_id, item["version"], item["state"]))

    def successes(self, trace_id: str) -> int:
        """How often a success of this task was written."""
        return sum(row.trace_id == trace_id and row.state == "succeeded" for row in self.rows)


def _puts(call: Call) -> Iterator[tuple[str, Item]]:
    """Table and item of every put of a call."""
    requests: list[dict[str, Any]] = []
    if call.operation == "PutItem":
        requests = [call.parameters]
    elif call.operation == "TransactWriteItems":
        requests = [item["Put"] for item in call.parameters["TransactItems"] if "Put" in item]
    for request in requests:
        yield request["TableName"], unpack(request["Item"])
