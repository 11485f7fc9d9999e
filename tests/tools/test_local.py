"""What `make up` says and prints, as far as it can be known without an emulator."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from pathlib import Path
from typing import override

import pytest

from tools.local import Emulator, LocalStack, LocalStackError
from tools.local.__main__ import curl
from tools.local.cdk import CdkRun
from tools.local.demo import github_push
from workerflow.domain.signature import SignatureVerdict, SignedCall, verify


@pytest.fixture
def stack(tmp_path: Path) -> LocalStack:
    """A stack that somebody else deployed."""
    (tmp_path / "outputs.json").write_text(json.dumps({"workerflow-local": {"ApiId": "abcdef12"}}))
    return LocalStack(4599, tmp_path)


def test_a_taken_port_is_one_clear_sentence(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(LocalStackError) as caught:
            Emulator(port, tmp_path).start(enforce_iam=True)
    assert str(caught.value) == (
        f"Port {port} is taken by another program: stop that, or choose another port with "
        f"`WORKERFLOW_PORT={port + 1} make up`."
    )


def test_a_process_that_took_over_the_id_is_not_ours(tmp_path: Path) -> None:
    (tmp_path / "emulator.json").write_text(json.dumps({"pid": os.getpid(), "port": 4599, "enforces_iam": True}))
    emulator = Emulator(4599, tmp_path)
    assert emulator.pid() is None
    assert not emulator.enforces_iam()
    emulator.stop()  # and is not stopped


def test_nothing_deployed_is_one_clear_sentence(tmp_path: Path) -> None:
    with pytest.raises(LocalStackError, match="Nothing is deployed yet: run `make up`"):
        _ = LocalStack(4599, tmp_path).api_host


def test_a_changed_setting_or_port_is_deployed_again(tmp_path: Path) -> None:
    stack = LocalStack(4599, tmp_path)
    (tmp_path / "deployed").write_text(stack._fingerprint())
    assert LocalStack(4599, tmp_path).is_current()
    assert not LocalStack(4600, tmp_path).is_current()
    assert not LocalStack(4599, tmp_path, settings={"FORWARD_URL": "http://127.0.0.1:1/"}).is_current()


def test_the_demo_sends_githubs_own_example() -> None:
    payload = json.loads(github_push())
    assert payload["repository"]["full_name"] == "Codertocat/Hello-World"
    assert payload["ref"].startswith("refs/")


def test_the_printed_call_is_signed_as_ingress_wants_it(stack: LocalStack, tmp_path: Path) -> None:
    (tmp_path / "curl").write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    (tmp_path / "curl").chmod(0o755)
    script = f"date() {{ echo 1800000000; }}\n{curl(stack)}"
    secret = stack.credentials.signing
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-eu", "-c", script], env={"PATH": path}, cwd=Path.cwd(), capture_output=True, text=True, check=True
    )
    sent = done.stdout.splitlines()
    headers = dict(sent[at + 1].split(": ", 1) for at, argument in enumerate(sent) if argument == "-H")
    call = SignedCall(
        timestamp=headers["X-Signature-Timestamp"],
        method="POST",
        path="/api/webhook_echo",
        query="",
        tenant="default",
        key=headers["Idempotency-Key"],
        body=sent[sent.index("-d") + 1].encode(),
    )
    assert headers["Host"] == "abcdef12.execute-api.localhost:4599"
    assert verify([secret], call, headers["X-Signature"], now_seconds=1_800_000_000) is SignatureVerdict.VALID


class NoEmulator(Emulator):
    """Runs while its folder holds a file that says so."""

    @override
    def pid(self) -> int | None:
        return 1 if (self.state / "runs").exists() else None

    @override
    def start(self, *, enforce_iam: bool) -> None:
        (self.state / "runs").touch()

    @override
    def stop(self) -> None:
        (self.state / "runs").unlink(missing_ok=True)


class FaultyHandlers(LocalStack):
    """A stack whose synthesis fails."""

    @override
    def _synthesize(self) -> CdkRun:
        log = self.state / "cdk-synth.log"
        log.write_text("the handlers have faults")
        return CdkRun(subprocess.Popen(["false"]), log, "synth")

    @override
    def _bootstrap(self) -> None:
        return


@pytest.mark.parametrize("running", [True, False])
def test_a_synthesis_that_fails_leaves_running_what_ran_and_nothing_else(tmp_path: Path, *, running: bool) -> None:
    stack = FaultyHandlers(4599, tmp_path)
    stack.emulator = NoEmulator(4599, tmp_path)
    if running:
        stack.emulator.start(enforce_iam=True)
    (tmp_path / "deployed").write_text("earlier sources")
    with pytest.raises(LocalStackError, match="the handlers have faults"):
        stack.deploy()
    assert (stack.emulator.pid() is not None) is running
    assert (tmp_path / "deployed").is_file() is running
