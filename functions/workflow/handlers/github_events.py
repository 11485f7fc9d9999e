"""A route for one sender's webhooks: GitHub signs its calls itself, with the secret that belongs to this route.

GitHub signs the body and no header, so a handler gets the body and no header: `X-GitHub-Event` could be exchanged by
whoever captured a call. Which event it is shows in the body. docs/senders.md tells how to set up the webhook.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workerflow.handlers import Context, route

MAX_AUTHORS = 20
MAX_COMMITS = 20
"""That are told by name; all are counted."""
TITLE_CHARACTERS = 100
SHORT_ID = 7


@route(mode="async", authentication="github", timeout_seconds=10)
def github_events(payload: Any, context: Context) -> dict[str, Any]:  # noqa: ANN401 - what GitHub sends
    """Summarise a push: repository, branch, commits, authors. Of any other event tell what it is about."""
    event = payload if isinstance(payload, dict) else {}
    summary = _push(event) if _is_push(event) else _other(event)
    context.logger.info("github event", extra={"event": summary["event"], "repository": summary["repository"]})
    return summary


def _is_push(event: Mapping[str, Any]) -> bool:
    return isinstance(event.get("commits"), list) and isinstance(event.get("ref"), str) and "pusher" in event


def _push(event: Mapping[str, Any]) -> dict[str, Any]:
    commits = [commit for commit in event["commits"] if isinstance(commit, dict)]
    authors = dict.fromkeys(_author(commit) for commit in commits)  # each once, in the order of the commits
    return {
        "event": "push",
        "repository": _text(event, "repository", "full_name"),
        "branch": event["ref"].removeprefix("refs/heads/"),
        "pusher": _text(event, "pusher", "name"),
        "commits": len(commits),
        "titles": [_titled(commit) for commit in commits[:MAX_COMMITS]],
        "authors": [author for author in authors if author is not None][:MAX_AUTHORS],
        "forced": event.get("forced") is True,
        "deleted": event.get("deleted") is True,
    }


def _author(commit: Mapping[str, Any]) -> str | None:
    """By account, else by name; never by address."""
    return _text(commit, "author", "username") or _text(commit, "author", "name")


def _titled(commit: Mapping[str, Any]) -> dict[str, str]:
    title = (_text(commit, "message") or "").partition("\n")[0]
    return {"id": (_text(commit, "id") or "")[:SHORT_ID], "title": title[:TITLE_CHARACTERS]}


def _other(event: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "event": "ping" if "zen" in event and "hook_id" in event else "other",
        "repository": _text(event, "repository", "full_name"),
        "action": _text(event, "action"),
        "about": sorted(name for name, value in event.items() if isinstance(value, dict)),
    }


def _text(found: Any, *path: str) -> str | None:  # noqa: ANN401 - JSON
    """The text at a path of members, or None if there is none."""
    for name in path:
        found = found.get(name) if isinstance(found, dict) else None
    return found if isinstance(found, str) else None
