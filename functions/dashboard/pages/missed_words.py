"""Why fires were missed, in words: on the page of schedules, and on the overview."""

from __future__ import annotations

from collections.abc import Mapping

from workerflow.domain.schedule_cursor import Missed

MISSED_WORDS: Mapping[Missed, str] = {
    Missed.LATE: "no tick came in time, and the schedule does not catch up",
    Missed.WINDOW: "it was due longer ago than the catch-up window",
    Missed.CAP: "newer fires took up the number that is caught up with",
    Missed.PAUSED: "it was paused",
    Missed.DISABLED: "it was disabled",
    Missed.OVERLAP: "the run before it had not ended",
}
