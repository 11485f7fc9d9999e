"""docs/senders.md is true: the senders as they are data, the codes, the numbers, the commands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from functions.workflow.handlers.github_events import github_events
from tools.credentials import ENVIRONMENTS, _parser
from workerflow.adapters.secrets import CACHE_SECONDS, REFRESH_FLOOR_SECONDS
from workerflow.domain.credentials import MIN_SECRET_CHARACTERS
from workerflow.domain.json_body import MAX_BODY_BYTES
from workerflow.domain.refusal_catalogue import all_refusals
from workerflow.domain.sender_call import MAX_SIGNATURE_CHARACTERS, MAX_SIGNATURES
from workerflow.domain.senders import MIN_KEY_BYTES, SENDERS, Part, Sender
from workerflow.domain.signature import TOLERANCE_SECONDS
from workerflow.handlers.declaration import declarations_of

PAGE = (Path(__file__).parents[2] / "docs" / "senders.md").read_text()


def rows(heading: str) -> list[list[str]]:
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    lines = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("|")]
    return lines[2:]


def signed(sender: Sender) -> str:
    """The signed parts in the words of the page."""
    names = {
        Part.ID: f"`{sender.id_header}`",
        Part.TIMESTAMP: f"`{sender.timestamp_header}`" if sender.timestamp_header else "timestamp",
        Part.BODY: "body",
    }
    return ", ".join(f"`{part.decode()}`" if isinstance(part, bytes) else names[part] for part in sender.signed)


def key(sender: Sender) -> str:
    if sender.id_header:
        return f"`{sender.id_header}`"
    return f"the body's `{sender.id_field}`" if sender.id_field else "SHA-256 of the body"


def test_the_table_is_the_data() -> None:
    assert rows("The senders") == [
        [
            f"`{sender.name}`",
            f"`{sender.signature_header}`",
            signed(sender),
            f"±{TOLERANCE_SECONDS} s" if Part.TIMESTAMP in sender.signed else "no",
            key(sender),
        ]
        for sender in SENDERS.values()
    ]


@pytest.mark.parametrize("name", SENDERS)
def test_each_sender_has_a_section_on_setting_it_up(name: str) -> None:
    assert f"\n### {SENDERS[name].title}\n" in PAGE


def test_the_codes_are_codes() -> None:
    told = [re.findall(r"`(\w+)`", row[0])[0] for row in rows("When a call is refused")]
    assert set(told) <= {kind.code for kind in all_refusals()}
    assert {code for code in told if code.startswith("signature_")} == {
        kind.code for kind in all_refusals() if kind.code.startswith("signature_") and kind.code != "signature_required"
    }


def test_the_pages_numbers_are_the_codes() -> None:
    assert f"at least {MIN_SECRET_CHARACTERS} characters" in PAGE
    assert f"at least {MIN_KEY_BYTES} bytes" in PAGE
    assert f"more than {MAX_SIGNATURES} in one header; over {MAX_SIGNATURE_CHARACTERS:,} characters" in PAGE
    assert f"at the latest {CACHE_SECONDS} s later" in PAGE
    assert f"known {REFRESH_FLOOR_SECONDS} s after it was stored" in PAGE
    assert f"over {MAX_BODY_BYTES // 1024**2} MiB" in PAGE


def test_the_commands_are_commands() -> None:
    commands = re.findall(r"-m tools\.credentials ((?:[\w.-]+ ?)+)", PAGE)
    assert len(commands) == 4
    for command in commands:
        assert _parser().parse_args(command.split()).env in ENVIRONMENTS


def test_the_example_is_the_shipped_handler() -> None:
    (declared,) = declarations_of(github_events)
    assert (declared.name, getattr(declared, "authentication", None)) == ("github_events", "github")
    assert '@route(authentication="github")\ndef github_events(' in PAGE
