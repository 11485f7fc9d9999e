"""The emulator (MiniStack) as a process: started in a clean environment, stopped so that its state is kept.

Its state is written when it is asked to end (SIGTERM), and only then; so nobody here ever kills it otherwise.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / ".local/emulator-venv/bin/python"
START_SECONDS = 60
STOP_SECONDS = 60


class LocalStackError(Exception):
    """The local stack cannot do what it should; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class _Started:
    """What was started, as it is remembered in the state's folder."""

    pid: int
    port: int
    enforces_iam: bool


@dataclass(frozen=True, slots=True)
class Emulator:
    """One emulator: its port on loopback, and the folder in which it keeps its state, log and process id.

    Functions run as processes of this machine, on the emulator's own Python, with the variables of its shell. That is
    why it gets none.
    """

    port: int
    state: Path

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        return self.state / "emulator.log"

    def start(self, *, enforce_iam: bool) -> None:
        """Start it, and wait until it answers.

        Args:
            enforce_iam: Whether every call of a function is checked against its role. Deployments need it off.

        Raises:
            LocalStackError: the port is taken, or it does not come up.
        """
        if not PYTHON.is_file():
            raise LocalStackError("The emulator is not installed: run `make setup`.")
        if self.pid() is not None:
            raise LocalStackError(f"The emulator on port {self.port} runs already.")
        self.refuse_taken_port()
        remove_behind(self.state / "tmp")  # unpacked functions of earlier starts
        (self.state / "tmp").mkdir(parents=True)
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                [str(PYTHON), "-m", "ministack"],
                cwd=self.state,
                env=self._environment(enforce_iam=enforce_iam),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        process.returncode = 0  # it outlives this command on purpose: Python need not warn that it still runs
        started = _Started(pid=process.pid, port=self.port, enforces_iam=enforce_iam)
        self._started_file.write_text(json.dumps(asdict(started)))
        self._wait_until_it_answers()

    def stop(self) -> None:
        """Ask it to end, and wait until its state is written. Does nothing if it is not running.

        Raises:
            LocalStackError: it does not end.
        """
        pid = self.pid()
        if pid is None:
            return
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        while self.pid() is not None:
            if time.monotonic() > deadline:
                raise LocalStackError(f"The emulator (process {pid}) does not end; see {self.log}.")
            time.sleep(0.05)
        self._started_file.unlink(missing_ok=True)

    def pid(self) -> int | None:
        """Its process id, if it is the one that was started here and still runs."""
        started = self._started()
        return started.pid if started and _runs(started.pid, "ministack") else None

    def enforces_iam(self) -> bool:
        """Whether it runs, on this port, with IAM enforced."""
        started = self._started()
        return started is not None and started.enforces_iam and started.port == self.port and self.pid() is not None

    @property
    def _started_file(self) -> Path:
        return self.state / "emulator.json"

    def _started(self) -> _Started | None:
        if not self._started_file.is_file():
            return None
        return _Started(**json.loads(self._started_file.read_text()))

    def _environment(self, *, enforce_iam: bool) -> dict[str, str]:
        return {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "HOME": str(self.state),
            "TMPDIR": str(self.state / "tmp"),
            "LANG": "C.UTF-8",
            "PYTHONUNBUFFERED": "1",
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(self.port),
            "MINISTACK_REGION": "us-east-1",
            "AUTH": "true" if enforce_iam else "false",
            "PERSIST_STATE": "1",
            "STATE_DIR": str(self.state / "aws"),
            "S3_PERSIST": "1",
            "S3_DATA_DIR": str(self.state / "s3"),
        }

    def refuse_taken_port(self) -> None:
        """Raise LocalStackError if somebody else listens on the port. Call it when this one does not run."""
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                raise LocalStackError(
                    f"Port {self.port} is taken by another program: stop that, or choose another port with "
                    f"`WORKERFLOW_PORT={self.port + 1} make up`."
                )

    def _wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if self.pid() is None:
                raise LocalStackError(f"The emulator ended at once; see {self.log}.")
            if time.monotonic() > deadline:
                raise LocalStackError(f"The emulator does not answer on port {self.port}; see {self.log}.")
            time.sleep(0.05)

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.endpoint}/_ministack/health", timeout=2):  # noqa: S310 - loopback
                return True
        except (urllib.error.URLError, OSError):
            return False


def remove_behind(folder: Path) -> None:
    """Take a folder away, and have it removed by a process that nobody waits for.

    Every process of a function unpacks a thousand files of its own; removing those of some fifty takes a minute on a
    disk that is mounted with `discard`.
    """
    doomed = f".{folder.name}-doomed-"
    if folder.exists():
        folder.rename(folder.with_name(f"{doomed}{time.time_ns()}"))
    left = [str(path) for path in folder.parent.glob(f"{doomed}*")]
    if left:
        quiet = subprocess.DEVNULL
        process = subprocess.Popen(
            ["rm", "-rf", *left], stdin=quiet, stdout=quiet, stderr=quiet, start_new_session=True
        )
        process.returncode = 0


def _runs(pid: int, program: str) -> bool:
    """Whether the process lives and is that program: a process id may have been given to somebody else since."""
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)  # our own child would stay a zombie until it is waited for
    done = subprocess.run(["ps", "-o", "stat=,command=", "-p", str(pid)], capture_output=True, text=True, check=False)
    state, _, command = done.stdout.strip().partition(" ")
    return bool(state) and not state.startswith("Z") and program in command
