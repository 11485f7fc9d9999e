"""docs/signing.md is true: its vectors, its programs, its numbers."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from workerflow.adapters.secrets import CACHE_SECONDS, REFRESH_FLOOR_SECONDS, STALE_SECONDS
from workerflow.domain.credentials import MIN_SECRET_CHARACTERS, Credentials
from workerflow.domain.signature import LIVE_SECRETS, TOLERANCE_SECONDS, SignatureVerdict, SignedCall, sign, verify

PAGE = (Path(__file__).parents[2] / "docs" / "signing.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


VECTORS: list[dict[str, Any]] = json.loads(blocks("json")[0])


def call_of(vector: dict[str, Any]) -> SignedCall:
    names = ("timestamp", "method", "path", "query", "tenant", "key")
    return SignedCall(**{name: vector[name] for name in names}, body=vector["body"].encode())


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["name"] for vector in VECTORS])
def test_a_vector_is_what_we_sign_and_what_we_accept(vector: dict[str, Any]) -> None:
    call = call_of(vector)
    assert sign(vector["secret"], call) == vector["signature"]
    verdict = verify([vector["secret"]], call, vector["signature"], now_seconds=int(vector["timestamp"]))
    assert verdict is SignatureVerdict.VALID


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["name"] for vector in VECTORS])
def test_the_python_of_the_page_makes_the_same_signatures(vector: dict[str, Any]) -> None:
    (program,) = blocks("python")
    namespace: dict[str, Any] = {}
    exec(program, namespace)  # noqa: S102 - our own page
    names = ("secret", "timestamp", "method", "path", "tenant", "key")
    assert namespace["sign"](*(vector[name] for name in names), vector["body"].encode()) == vector["signature"]


def test_the_shell_of_the_page_makes_the_first_vectors_call() -> None:
    (program,) = blocks("sh")
    done = subprocess.run(
        ["sh", "-eu"], input=f"API=https://api.invalid\n{program}", capture_output=True, text=True, check=False
    )
    first = VECTORS[0]
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[:2] == ["curl", f"https://api.invalid{first['path']}"]
    assert f"x-signature: {first['signature']}" in done.stdout
    assert f"--data-binary {first['body']}" in done.stdout


def test_the_vectors_cover_a_post_a_get_a_tenant_path_and_a_body_beyond_ascii() -> None:
    assert {vector["method"] for vector in VECTORS} == {"POST", "GET"}
    assert any("/t/" in vector["path"] for vector in VECTORS)
    assert any(not vector["body"].isascii() for vector in VECTORS)


def test_the_stored_secret_of_the_page_is_one_that_we_read() -> None:
    credentials = Credentials.parse(blocks("json")[1])
    assert (len(credentials.tokens), len(credentials.signing_secrets)) == (LIVE_SECRETS, 1)
    assert {route: len(live) for route, live in credentials.sender_secrets.items()} == {"github_events": 1}


def test_the_pages_numbers_are_the_codes() -> None:
    assert f"at most {TOLERANCE_SECONDS} s from our clock" in PAGE
    assert f"at most every {REFRESH_FLOOR_SECONDS} s" in PAGE
    assert f"at the latest {CACHE_SECONDS} s later" in PAGE
    assert f"at least {MIN_SECRET_CHARACTERS} characters" in PAGE
    assert STALE_SECONDS == 3600
    assert "up to an\nhour" in PAGE


def test_every_verdict_is_explained() -> None:
    for verdict in SignatureVerdict:
        assert verdict is SignatureVerdict.VALID or f"| `{verdict.value}` |" in PAGE
