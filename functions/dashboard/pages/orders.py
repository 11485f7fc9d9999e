"""What operators order by small forms: what it will do, in plain sentences, and the one text that it takes.

The same value makes the dialog on a page and the page that a refusal leads to, so that both ask for the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from workerflow.domain.bulk import BulkAction
from workerflow.domain.dead_letter import LetterState
from workerflow.domain.enablement import Enablement
from workerflow.domain.run import RunState

if TYPE_CHECKING:
    from workerflow.services.read_run_detail import RunDetail

NEW_EFFECTS = "newEffects"
"""Name of the box that gives a replay effect keys of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A small order as its form asks for it.

    Attributes:
        name: unique among the forms of one page.
        opener: on the button that opens the dialog.
        title: what it asks.
        says: what it will do.
        segments: where it is sent to.
        submit: on the button that sends it.
        text: name of the one text that it takes; empty for none.
        label: of that text.
        fields: what is sent along, by name.
        asks_new_effects: whether it offers new effect keys.
        back: where whoever does not want it goes: segments.
        tone: of the button that sends it.
    """

    name: str
    opener: str
    title: str
    says: Sequence[str]
    segments: Sequence[str]
    submit: str
    back: Sequence[str]
    text: str = "reason"
    label: str = "Reason"
    fields: Mapping[str, str] = field(default_factory=dict)
    asks_new_effects: bool = False
    tone: str = ""


def replay_order(trace_id: str) -> Order:
    """Make a new run of one that has ended."""
    return Order(
        name="replay",
        opener="Replay",
        title="Replay this run?",
        says=(
            "A new run is made with the same payload, and its lineage tells where it comes from.",
            "This run stays as it is.",
        ),
        segments=("runs", trace_id, "replay"),
        submit="Replay the run",
        back=("runs", trace_id),
        asks_new_effects=True,
    )


_CANCELS: Mapping[bool | None, Sequence[str]] = {
    True: ("Its handler is at work and is asked to stop. If it succeeds all the same, that stands.",),
    False: ("It ends as cancelled at once, and is not tried again.",),
    None: (
        "A run that waits ends as cancelled at once and is not tried again.",
        "One that is running is asked to stop: if its handler succeeds all the same, that stands.",
    ),
}


def cancel_order(trace_id: str, *, is_running: bool | None = None) -> Order:
    """End a run that has not ended; `is_running`: None where that is not known."""
    return Order(
        name="cancel",
        opener="Cancel",
        title="Cancel this run?",
        says=_CANCELS[is_running],
        segments=("runs", trace_id, "cancel"),
        submit="Cancel the run",
        back=("runs", trace_id),
        tone="bad",
    )


def retry_order(trace_id: str) -> Order:
    """Begin a waiting run's next attempt."""
    return Order(
        name="retry",
        opener="Retry now",
        title="Retry this run now?",
        says=("Its next attempt begins now, not when its waiting time is over. It counts as one of its attempts.",),
        segments=("runs", trace_id, "retry"),
        submit="Retry now",
        back=("runs", trace_id),
    )


def resolve_order(trace_id: str) -> Order:
    """Be done with a dead letter."""
    return Order(
        name="resolve",
        opener="Resolve",
        title="Resolve this dead letter?",
        says=("It no longer counts as open. The run stays failed, and can be replayed later.",),
        segments=("letters", trace_id, "resolve"),
        submit="Resolve the letter",
        back=("runs", trace_id),
        text="note",
        label="Note",
    )


def run_now_order(schedule: str) -> Order:
    """Run a schedule beside its fires."""
    return Order(
        name=f"run-{schedule}",
        opener="Run now",
        title=f"Run {schedule} now?",
        says=("One run begins at once. The fires of the schedule stay as they are.",),
        segments=("schedules", schedule, "run"),
        submit="Run now",
        back=("schedules",),
    )


_LETTERS = "what waits becomes dead letters, which can be replayed later."
_SWITCHES: Mapping[str, Mapping[Enablement, str]] = {
    "routes": {
        Enablement.PAUSED: "Calls are accepted and their runs wait until you resume it. A sync route refuses calls.",
        Enablement.DISABLED: f"Calls are refused, and {_LETTERS}",
        Enablement.ENABLED: "Calls are accepted, and runs that wait go on, a few at a time.",
    },
    "schedules": {
        Enablement.PAUSED: "Fires that are due until you resume it are missed and counted; runs that wait go on then.",
        Enablement.DISABLED: f"It does not fire, and {_LETTERS}",
        Enablement.ENABLED: "It fires again, and runs that wait go on, a few at a time.",
    },
}
"""What each state of a switch means, for routes and for schedules."""
_VERBS = {Enablement.ENABLED: "Enable", Enablement.PAUSED: "Pause", Enablement.DISABLED: "Disable"}
"""In the order of their buttons: what puts it right again comes first."""


def switch_orders(kind: str, name: str, state: Enablement, how_many: str = "") -> Sequence[Order]:
    """How the switch of a source can be set from where it stands; `kind` is `routes` or `schedules`.

    `how_many`: a sentence that tells which runs wait, which it means, too.
    """
    others = (other for other in _VERBS if other is not state)
    return [switch_order(kind, name, other, before=state, how_many=how_many) for other in others]


def switch_order(
    kind: str, name: str, state: Enablement, *, before: Enablement | None = None, how_many: str = ""
) -> Order:
    """Set a source's switch."""
    is_resumed = state is Enablement.ENABLED and before is Enablement.PAUSED
    verb = "Resume" if is_resumed else _VERBS[state]
    return Order(
        name=f"{state.value}-{name}",
        opener=verb,
        title=f"{verb} {name}?",
        says=(_SWITCHES[kind][state], *filter(None, [how_many]), "It holds everywhere within 10 seconds."),
        segments=(kind, name, "state"),
        submit=f"{verb} {name}",
        back=(kind,),
        fields={"state": state.value},
        tone="bad" if state is Enablement.DISABLED else "",
    )


def bulk_order(action: BulkAction, which: str, fields: Mapping[str, str], back: Sequence[str]) -> Order:
    """Count letters, to replay or resolve them; `which` tells which."""
    is_replay = action is BulkAction.REPLAY
    verb = "Replay" if is_replay else "Resolve"
    return Order(
        name=f"bulk-{action.value}",
        opener=f"{verb} all",
        title=f"{verb} {which}?",
        says=("First they are counted, and nothing is changed. You see how many they are before you start.",),
        segments=("bulk-jobs",),
        submit="Count them",
        back=back,
        label="Reason" if is_replay else "Note",
        fields={**fields, "action": action.value},
        asks_new_effects=is_replay,
    )


def start_order(job_id: str, title: str) -> Order:
    """Start a bulk job that was counted; `title` tells what it does to how many."""
    return Order(
        name="start",
        opener=title,
        title=f"{title}?",
        says=(),
        segments=("bulk-jobs", job_id, "start"),
        submit=title,
        back=("bulk-jobs", job_id),
        text="",
    )


def abort_order(job_id: str, left: str, *, started: bool) -> Order:
    """End a bulk job before it is done; `left` tells how many letters it then leaves alone."""
    done = ("What is done stays done. One more batch of 100 may still be worked on.",) if started else ()
    return Order(
        name="abort",
        opener="Abort" if started else "Discard",
        title="Abort this bulk job?" if started else "Discard this bulk job?",
        says=(left, *done),
        segments=("bulk-jobs", job_id, "abort"),
        submit="Abort the job" if started else "Discard the job",
        back=("bulk-jobs", job_id),
        text="",
        tone="bad",
    )


def run_orders(detail: RunDetail) -> Sequence[Order]:
    """What can be done with a run as it stands; the service decides again."""
    run = detail.run
    if run.is_terminal:
        replay = [replay_order(run.trace_id)] if detail.payload is not None and child_of(detail) is None else []
        is_open = detail.letter is not None and detail.letter.state is LetterState.OPEN
        return [*replay, *([resolve_order(run.trace_id)] if is_open else [])]
    waits = run.state in {RunState.WAITING, RunState.PARKED} and not (run.paused or run.capped)
    is_asked_to_stop = run.cancel_asked_at_ms is not None
    retry = [retry_order(run.trace_id)] if waits and not is_asked_to_stop else []
    return [
        *retry,
        *([] if is_asked_to_stop else [cancel_order(run.trace_id, is_running=run.state is RunState.RUNNING)]),
    ]


def child_of(detail: RunDetail) -> str | None:
    """The run that a run was replayed as: by its lineage, and where that is forgotten, by its letter."""
    nodes = [detail.tree.root]
    while nodes:
        node = nodes.pop()
        if node.trace_id == detail.run.trace_id and node.children:
            return node.children[-1].trace_id
        nodes.extend(node.children)
    return detail.letter.child if detail.letter else None
