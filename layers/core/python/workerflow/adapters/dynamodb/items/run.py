"""Run <-> item of `runs`: the one row that is written again and again, and so stays within one write unit.

Only the error's text can be long by itself; it is cut to what the unit leaves (`kept`). An output is inline only
where `holds` says so.
"""

from __future__ import annotations

from dataclasses import replace

from workerflow.adapters.dynamodb.attributes import Item, reading, squeezed, stretched
from workerflow.adapters.dynamodb.item_size import WRITE_UNIT_BYTES, item_bytes
from workerflow.domain.run import Attempt, AttemptResult, LetterClass, Run, RunState
from workerflow.ports.stores import DueRun

SORT = "run"


def key(tenant: str, trace_id: str) -> Item:
    """Where a row stands."""
    return {"pk": f"{tenant}#{trace_id}", "sk": SORT}


def due_text(due_at_ms: int) -> str:
    """A time as the index sorts it: 13 digits, good until the year 2286."""
    return f"{due_at_ms:013d}"


def row_bytes(run: Run) -> int:
    """Size of the row, its inline output included."""
    return item_bytes(_to_item(run))


def holds(run: Run) -> bool:
    """Whether the row with its inline output stays within one write unit."""
    return row_bytes(run) <= WRITE_UNIT_BYTES


def kept(run: Run) -> Run:
    """The run as its row keeps it: the error's text cut to the room that is left, at a character's border."""
    if run.error is None or holds(run):
        return run
    # The attribute `error` with one byte of text: its name is paid for even when little is left.
    room = max(1, WRITE_UNIT_BYTES - row_bytes(replace(run, error="")))
    return replace(run, error=run.error.encode()[:room].decode(errors="ignore"))


def to_item(run: Run) -> Item:
    """The whole row. The index attributes are there only while it has a due time."""
    return _to_item(kept(run))


def _to_item(run: Run) -> Item:
    return {
        **key(run.tenant, run.trace_id),
        "open_in": run.open_partition,
        "due_at": None if run.due_at_ms is None else due_text(run.due_at_ms),
        "state": run.state.value,
        "version": run.version,
        "nonce": run.nonce,
        "source": run.source,
        "kind": run.kind,
        "mode": run.mode,
        "attempt": run.attempt,
        "owner": run.owner,
        "claim": run.claim,
        "claimed_ms": run.claimed_at_ms,
        "lease_ms": run.lease_until_ms,
        "not_before_ms": run.not_before_ms,
        "deadline_ms": run.deadline_ms,
        "updated_ms": run.updated_at_ms,
        "finished_ms": run.finished_at_ms,
        "expires_at": run.expires_at_s,
        "paused": run.paused or None,
        "capped": run.capped or None,
        "handed_over": run.handed_over or None,
        "resends": run.resends or None,
        "cancel_ms": run.cancel_asked_at_ms,
        "history": _history_text(run.history) or None,
        **({} if run.output is None else squeezed("output", run.output)),
        "has_output": run.has_output_item or None,
        "class": run.letter_class.value if run.letter_class else None,
        "error": run.error,
    }


def from_item(item: Item) -> Run:
    """Read what `to_item` wrote. Raises IntegrityError for anything else."""
    with reading("run", item):
        tenant, _, trace_id = item["pk"].partition("#")
        return Run(
            tenant=tenant,
            trace_id=trace_id,
            source=item["source"],
            kind=item["kind"],
            mode=item["mode"],
            state=RunState(item["state"]),
            version=item["version"],
            nonce=item["nonce"],
            deadline_ms=item["deadline_ms"],
            expires_at_s=item["expires_at"],
            updated_at_ms=item["updated_ms"],
            attempt=item["attempt"],
            owner=item.get("owner"),
            claim=item.get("claim"),
            claimed_at_ms=item.get("claimed_ms"),
            lease_until_ms=item.get("lease_ms"),
            not_before_ms=item.get("not_before_ms"),
            due_at_ms=int(item["due_at"]) if "due_at" in item else None,
            paused=item.get("paused", False),
            capped=bool(item.get("capped")),
            handed_over=item.get("handed_over", False),
            resends=item.get("resends", 0),
            cancel_asked_at_ms=item.get("cancel_ms"),
            finished_at_ms=item.get("finished_ms"),
            history=_history_from_text(item.get("history", "")),
            output=stretched("output", item),
            has_output_item=item.get("has_output", False),
            letter_class=LetterClass(item["class"]) if "class" in item else None,
            error=item.get("error"),
        )


def from_index(item: Item) -> DueRun:
    """Read an entry of `runs_open`."""
    with reading("due run", item):
        tenant, _, trace_id = item["pk"].partition("#")
        return DueRun(tenant=tenant, trace_id=trace_id, due_at_ms=int(item["due_at"]))


_LETTER_OF_RESULT = {
    AttemptResult.SUCCEEDED: "s",
    AttemptResult.PERMANENT: "p",
    AttemptResult.RETRYABLE: "r",
    AttemptResult.TIMEOUT: "t",
    AttemptResult.CRASH: "c",
    AttemptResult.CANCELLED: "x",
}
_RESULT_OF_LETTER = {letter: result for result, letter in _LETTER_OF_RESULT.items()}


def _history_text(history: tuple[Attempt, ...]) -> str:
    """`number,start,duration,result` joined by `;`: eight attempts in 180 bytes, as a list of maps they take 600.

    Starts are milliseconds after the first one's, which stands in front: `1764000000000;1,0,523,r;2,4100,87,s`.
    """
    if not history:
        return ""
    first_ms = history[0].started_at_ms
    return ";".join(
        [
            str(first_ms),
            *(
                f"{attempt.number},{attempt.started_at_ms - first_ms},"
                f"{attempt.ended_at_ms - attempt.started_at_ms},{_LETTER_OF_RESULT[attempt.result]}"
                for attempt in history
            ),
        ]
    )


def _history_from_text(text: str) -> tuple[Attempt, ...]:
    if not text:
        return ()
    first, *rest = text.split(";")
    return tuple(_attempt_from_text(int(first), part) for part in rest)


def _attempt_from_text(first_ms: int, text: str) -> Attempt:
    number, start, duration, result = text.split(",")
    started_at_ms = first_ms + int(start)
    return Attempt(int(number), started_at_ms, started_at_ms + int(duration), _RESULT_OF_LETTER[result])
