"""The shipped route for GitHub's webhooks, on the payloads that GitHub publishes."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import pytest

from functions.workflow.handlers.github_events import MAX_AUTHORS, MAX_COMMITS, TITLE_CHARACTERS, github_events
from tools.local.demo import EXAMPLES
from workerflow.domain.output import HandlerOutput
from workerflow.domain.route import Route
from workerflow.handlers import Context
from workerflow.handlers.declaration import declarations_of


@cache
def published() -> list[tuple[str, Any]]:
    """GitHub's own examples: name of the event, payload."""
    events = json.loads(EXAMPLES.read_text())
    return [(event["name"], example) for event in events for example in event["examples"]]


def summary_of(payload: object) -> dict[str, Any]:
    found = github_events(payload, Context.for_test(payload))
    assert HandlerOutput.from_return(found, mode="async").document() == found
    return found


def a_push(**changes: Any) -> dict[str, Any]:
    return {
        "ref": "refs/heads/main",
        "repository": {"full_name": "octo/hello"},
        "pusher": {"name": "mona", "email": "mona@example.com"},
        "commits": [
            {"id": "1" * 40, "message": "One\n\nand more", "author": {"name": "Mona", "username": "mona"}},
            {"id": "2" * 40, "message": "Two", "author": {"name": "Hubert", "email": "hubert@example.com"}},
            {"id": "3" * 40, "message": "Three", "author": {"name": "Mona", "username": "mona"}},
        ],
    } | changes


def test_it_takes_githubs_signature_and_nothing_else() -> None:
    (declared,) = declarations_of(github_events)
    assert isinstance(declared, Route)
    assert declared.authentication == "github"


def test_a_push_is_summarised() -> None:
    assert summary_of(a_push(forced=True)) == {
        "event": "push",
        "repository": "octo/hello",
        "branch": "main",
        "pusher": "mona",
        "commits": 3,
        "titles": [
            {"id": "1111111", "title": "One"},
            {"id": "2222222", "title": "Two"},
            {"id": "3333333", "title": "Three"},
        ],
        "authors": ["mona", "Hubert"],
        "forced": True,
        "deleted": False,
    }


def test_no_address_of_anybody_is_kept() -> None:
    assert "@" not in json.dumps(summary_of(a_push()))


def test_a_large_push_is_counted_whole_and_told_in_part() -> None:
    commits = [{"id": f"{n:040}", "message": "m" * 5000, "author": {"username": f"u{n}"}} for n in range(2048)]
    summary = summary_of(a_push(commits=commits))
    assert summary["commits"] == 2048
    assert (len(summary["titles"]), len(summary["authors"])) == (MAX_COMMITS, MAX_AUTHORS)
    assert len(summary["titles"][0]["title"]) == TITLE_CHARACTERS


def test_every_event_that_github_publishes_is_told() -> None:
    assert len(published()) > 100
    for name, example in published():
        summary = summary_of(example)
        expected = name if name in ("push", "ping") else "other"
        assert summary["event"] == expected, name
        assert summary["repository"] == (example.get("repository") or {}).get("full_name"), name


@pytest.mark.parametrize(
    "payload",
    [
        None,
        [],
        "text",
        {},
        {"commits": [], "ref": 1, "pusher": {}},
        a_push(commits=[None, 1, {"author": None, "message": 1}], repository="text", pusher=None),
    ],
)
def test_whatever_was_signed_is_told_and_never_raises(payload: object) -> None:
    assert summary_of(payload)["event"] in {"push", "other"}
