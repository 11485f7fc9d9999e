"""Follow what the functions log."""

from __future__ import annotations

import time
from collections.abc import Iterator
from operator import itemgetter
from typing import Any

from botocore.exceptions import EndpointConnectionError

from tools.local.emulator import LocalStackError

LOOK_BACK_SECONDS = 600
PAUSE_SECONDS = 1.0
OVERLAP_MS = 30_000
"""Lines of another function may turn up late; those within this time are asked for again, and told once."""


def follow(client: Any, group_prefix: str) -> None:  # noqa: ANN401 - boto's clients have no common type
    """Print the log lines of all functions, oldest first, until interrupted.

    Raises:
        LocalStackError: the emulator is not running.
    """
    seen: set[tuple[int, str, str]] = set()
    since_ms = int((time.time() - LOOK_BACK_SECONDS) * 1000)
    while True:
        try:
            events = sorted(_events(client, group_prefix, since_ms), key=itemgetter(0))
        except EndpointConnectionError:
            raise LocalStackError("The emulator is not running: `make up` starts it.") from None
        for event in events:
            if event not in seen:
                seen.add(event)
                at_ms, function, message = event
                since_ms = max(since_ms, at_ms - OVERLAP_MS)
                print(f"{function:10} {message.rstrip()}", flush=True)
        time.sleep(PAUSE_SECONDS)


def _events(client: Any, group_prefix: str, since_ms: int) -> Iterator[tuple[int, str, str]]:  # noqa: ANN401
    for group in client.describe_log_groups(logGroupNamePrefix=group_prefix)["logGroups"]:
        name = group["logGroupName"]
        for page in client.get_paginator("filter_log_events").paginate(logGroupName=name, startTime=since_ms):
            for event in page["events"]:
                yield event["timestamp"], name.removeprefix(group_prefix), event["message"]
