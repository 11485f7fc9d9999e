"""What is wrong right now: the few things that an operator looks at first, the worst of them on top."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from functions.dashboard.pages.missed_words import MISSED_WORDS
from functions.dashboard.pages.words import actor_name, duration, number, source_name
from workerflow.domain.enablement import Enablement
from workerflow.ports.stores import LetterEntry
from workerflow.services.read_schedules import ScheduleView
from workerflow.services.read_summary import Summary

OLD_QUEUE_SECONDS = 120
"""A task waits a few seconds for its first attempt; from here on somebody should know."""
MISSED_RECENTLY_MS = 24 * 3600 * 1000
_NAMED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """One thing that is wrong, or that somebody switched off.

    Attributes:
        name: unique among the troubles of one page, and the same at the next look.
        tone: `bad` is broken, `wait` is late, `hold` is somebody's decision.
        at_ms: since when, or when last; None if that is not known.
        moment: which of these it is, in words that a relative time ends: `the newest`, `since`.
        segments, query: of the page to go to.
        action: what is done there.
    """

    name: str
    tone: Literal["bad", "wait", "hold"]
    title: str
    detail: str
    segments: Sequence[str]
    action: str
    at_ms: int | None = None
    moment: str = ""
    query: dict[str, str] = field(default_factory=dict)


def troubles_of(
    summary: Summary, newest_open: Sequence[LetterEntry], schedules: Sequence[ScheduleView], now_ms: int
) -> Sequence[Trouble]:
    """All of them.

    Args:
        summary: of any window.
        newest_open: the newest open dead letters.
        schedules: all of the tenant's.
        now_ms: the moment of looking.
    """
    return [
        *_letters(summary, newest_open),
        *(_broken(view) for view in schedules if view.fault),
        *_old_queue(summary),
        *(_missed(view) for view in schedules if _missed_recently(view, now_ms)),
        *_switched(summary),
    ]


def _letters(summary: Summary, newest_open: Sequence[LetterEntry]) -> Iterator[Trouble]:
    if not summary.open_letters:
        return
    count = number(summary.open_letters)
    are = "dead letter is" if summary.open_letters == 1 else "dead letters are"
    by_source = Counter(source_name(letter.source) for letter in newest_open).most_common()
    named = ", ".join(f"{source} ({many})" for source, many in by_source[:_NAMED])
    more = len(by_source) - _NAMED
    yield Trouble(
        name="letters",
        tone="bad",
        title=f"{'' if summary.open_letters_exact else 'More than '}{count} {are} open",
        detail=f"Failing lately: {named}{f' and {more} more' if more > 0 else ''}" if named else "",
        segments=("letters",),
        action="Look at the errors",
        at_ms=newest_open[0].failed_at_ms if newest_open else None,
        moment="the newest",
    )


def _broken(view: ScheduleView) -> Trouble:
    return Trouble(
        name=f"broken-{view.name}",
        tone="bad",
        title=f"{view.name} cannot fire",
        detail=view.fault,
        segments=("schedules",),
        action="Look at it",
    )


def _old_queue(summary: Summary) -> Iterator[Trouble]:
    waited_seconds = summary.oldest_queued_seconds
    if waited_seconds is None or waited_seconds < OLD_QUEUE_SECONDS:
        return
    waiting = summary.queue.visible if summary.queue else 0
    visible = (
        f"{number(waiting)} {'message waits' if waiting == 1 else 'messages wait'} in the queue." if waiting else ""
    )
    longer = "" if summary.oldest_queued_exact else " or longer"
    yield Trouble(
        name="queue",
        tone="wait",
        title=f"A task has waited {duration(waited_seconds * 1000)}{longer} for its first attempt",
        detail=visible,
        segments=("runs",),
        query={"status": "queued"},
        action="Queued runs",
    )


def _missed_recently(view: ScheduleView, now_ms: int) -> bool:
    if view.last_missed_ms is None or (view.last_missed_reason and view.last_missed_reason.is_intended):
        return False
    return now_ms - view.last_missed_ms < MISSED_RECENTLY_MS


def _missed(view: ScheduleView) -> Trouble:
    words = MISSED_WORDS[view.last_missed_reason] if view.last_missed_reason else ""
    return Trouble(
        name=f"missed-{view.name}",
        tone="wait",
        title=f"{view.name} missed fires within the last day",
        detail=f"{words[:1].upper()}{words[1:]}." if words else "",
        segments=("schedules",),
        action="Schedules",
        at_ms=view.last_missed_ms,
        moment="the last one",
    )


def _switched(summary: Summary) -> Iterator[Trouble]:
    for switch in summary.switches:
        kind = "schedules" if switch.source.startswith("schedule:") else "routes"
        word = "paused" if switch.state is Enablement.PAUSED else "disabled"
        yield Trouble(
            name=switch.source,
            tone="hold",
            title=f"{source_name(switch.source)} is {word}",
            detail=switch.reason,
            segments=(kind,),
            action=kind.capitalize(),
            at_ms=switch.changed_at_ms,
            moment=f"by {actor_name(switch.actor)},",
        )
