"""Audit events are told in words, and only what is worth a reader's time."""

from __future__ import annotations

from functions.dashboard.pages.audit_words import action_words, details_in_words


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
