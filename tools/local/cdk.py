"""The CDK CLI, as it is used against the emulator: made-up credentials, the emulator's endpoint, no telemetry."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from tools.local.emulator import ROOT, LocalStackError

ACCOUNT = "000000000000"
REGION = "us-east-1"
CDK = ROOT / "node_modules/.bin/cdk"


def credentials_of_emulator(endpoint: str) -> dict[str, str]:
    """Environment variables that lead an AWS SDK to the emulator, as its root user, and nowhere else."""
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }


def start_cdk(arguments: list[str], *, folder: Path, log: Path, environment: Mapping[str, str]) -> CdkRun:
    """Start the CDK CLI; what it says goes into `log`.

    Raises:
        LocalStackError: it is not installed.
    """
    if not CDK.is_file():
        raise LocalStackError("The CDK CLI is not installed: run `make setup`.")
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(CDK), *arguments],
            cwd=folder,
            env=_inherited() | dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    return CdkRun(process, log, arguments[0])


def _inherited() -> dict[str, str]:
    """The shell's variables without anything that could lead to a real account."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "CDK_"))}
    return kept | {
        "PATH": f"{CDK.parent}{os.pathsep}{kept.get('PATH', os.defpath)}",
        "NO_PROXY": "127.0.0.1,localhost",
        "CDK_DISABLE_CLI_TELEMETRY": "true",
        "CI": "true",
    }


class CdkRun:
    """A CDK command that has been started."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path, command: str) -> None:
        self._process = process
        self._log = log
        self._command = command

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """End it if nobody waited for it: what was to follow has failed."""
        if self._process.poll() is None:
            self._process.terminate()
            self._process.wait()

    def finish(self) -> None:
        """Wait for its end.

        Raises:
            LocalStackError: it failed; the message holds the end of what it said.
        """
        if self._process.wait() != 0:
            said = self._log.read_text(errors="replace").strip().splitlines()[-25:]
            raise LocalStackError(f"`cdk {self._command}` failed ({self._log}):\n" + "\n".join(said))
