"""Audit events are told in words, and only what is worth a reader's time."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from functions.dashboard.pages.audit_words import WORDS, action_words, details_in_words

ROOT = Path(__file__).parents[3]
WRITTEN_BY = re.compile(r"\b(AuditEvent|token_event)\b")
ACTION = re.compile(r"[a-z_]+\.[a-z_]+")


def actions_in_code() -> Iterator[str]:
    """Texts such as `run.replayed` in the modules that write audit events."""
    for folder in ("layers/core/python/workerflow/domain", "layers/core/python/workerflow/services", "tools"):
        for path in (ROOT / folder).rglob("*.py"):
            source = path.read_text()
            nodes = ast.walk(ast.parse(source)) if WRITTEN_BY.search(source) else ()
            texts = (node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str))
            yield from filter(ACTION.fullmatch, texts)


def test_every_action_has_words_and_no_words_are_left_over() -> None:
    assert set(actions_in_code()) == set(WORDS)


def test_a_switch_is_told_by_what_it_was_set_to() -> None:
    assert action_words("switch.set", {"before": "enabled", "after": "paused"}) == "paused"
    assert action_words("switch.set", {"after": "<b>"}) == "set a switch"


def test_an_action_without_words_is_told_as_it_is() -> None:
    assert action_words("new_thing.done", {}) == "new thing done"


def test_what_an_order_does_anyway_is_not_told() -> None:
    usual = {"before": "a", "after": "b", "edited": "false", "newEffects": "false", "created": "true"}
    assert details_in_words({**usual, "generation": "2"}) == [("generation", "2")]


def test_what_is_out_of_the_usual_is_told_in_words() -> None:
    details = {"created": "false", "newEffects": "true", "jobId": "17"}
    assert details_in_words(details) == [("created", "no"), ("new effects", "yes"), ("job id", "17")]
