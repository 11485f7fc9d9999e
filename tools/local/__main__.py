"""`make up`, `make down`, `make logs`: WorkerFlow on this machine."""

from __future__ import annotations

import os
import sys
import time
import uuid
from pathlib import Path

from tools.local.demo import GITHUB_ROUTE, ROUTE, call_and_wait, github_push, send_as_github, shown_by, succeeded
from tools.local.emulator import ROOT, LocalStackError
from tools.local.here import STATE, port_of
from tools.local.logs import follow
from tools.local.schedule import NAME as SCHEDULE
from tools.local.schedule import clock_time, make_known, show_fire
from tools.local.stack import GITHUB_SECRET, PREFIX, TOKEN, LocalStack

EXAMPLES = ROOT / "tools/local/handlers"
"""Handlers that are deployed on this machine only."""


class Progress:
    """Tells what is being done, and how long it has taken."""

    def __init__(self) -> None:
        self._begun = time.monotonic()

    def __call__(self, step: str) -> None:
        print(f"  {time.monotonic() - self._begun:5.1f} s  {step}", flush=True)


def up(stack: LocalStack, tell: Progress) -> None:
    """Bring the stack up, and show that it works: by a call, a webhook of GitHub's, a schedule, and the dashboard."""
    print("WorkerFlow on this machine:", flush=True)
    if not stack.up():
        tell("deployed already, nothing has changed")
    make_known(stack)
    tell("sending one signed call with GitHub's example of a push event")
    run = call_and_wait(stack, key=f"make-up-{uuid.uuid4()}")
    tell(f"run {run['traceId']} {run['state']}")
    show_webhook(stack, tell)
    fire = show_fire(stack, tell)
    tell(f"{SCHEDULE} {'fired' if fire.is_new else 'last fired'} for {clock_time(fire.due_ms)}")
    tell(f"run {fire.run['traceId']} {fire.run['state']}")
    tell("asking the dashboard for the first of these runs")
    shown = shown_by(stack, run)
    tell(f"run {shown['traceId']} {shown['state']}, attempt {len(shown['attempts'])}")
    print(what_next(stack, stack.dashboard_token))


def show_webhook(stack: LocalStack, tell: Progress) -> None:
    """Send the event as GitHub does. An event that came before is the task that it was then."""
    tell(f"sending the event as GitHub sends it to {GITHUB_ROUTE}, with GitHub's signature")
    taken = send_as_github(stack, github_push())
    run = succeeded(stack, taken["traceId"])
    before = " before: the same event is the same task" if taken["duplicate"] else ""
    tell(f"run {run['traceId']} {run['state']}{before}")


def down(stack: LocalStack) -> None:
    """Stop what `up` started."""
    if stack.emulator.pid() is None:
        print("WorkerFlow is not running here.")
        return
    stack.stop()
    print(f"Stopped. Runs are kept in {_short(stack.state)}; `make up` brings them back, `make clean` forgets them.")


def what_next(stack: LocalStack, token: str) -> str:
    """What a person wants to know now."""
    return f"""
Watch it http://{stack.dashboard_host}/
         the dashboard; sign in with this token, which may write (kept in {_short(stack.state / TOKEN)}):

  {token}

API      http://{stack.api_host}
         (on 127.0.0.1:{stack.port}; the emulator finds the API by the Host header)
Call it  paste this into a shell:

{curl(stack)}

Its run  with the trace id that the call was answered with:

  TOKEN="$(sed 's/.*"token": "\\([^"]*\\)".*/\\1/' {_short(stack.state / "credentials.json")})"
  curl http://127.0.0.1:{stack.port}/api/runs/TRACE_ID -H 'Host: {stack.api_host}' -H "Authorization: Bearer $TOKEN"

Code     functions/workflow/handlers/webhook_echo.py; change it and `make up` again
GitHub   /api/{GITHUB_ROUTE} takes its webhooks, with the secret in {_short(stack.state / GITHUB_SECRET)}
Schedule {_short(EXAMPLES / SCHEDULE)}.py fires every minute
Tokens   make token ENV=local NAME=ada   (it may read; docs/dashboard-access.md)
Logs     make logs
Stop     make down
"""


def curl(stack: LocalStack) -> str:
    """A signed call as shell commands: the time and the key are new each time it is pasted."""
    secret = _short(stack.state / "credentials.json")
    return f"""  BODY='{{"hello": "world"}}'
  KEY="my-key-$(date +%s)"
  TIME="$(date +%s)"
  SECRET="$(sed 's/.*"signing": "\\([^"]*\\)".*/\\1/' {secret})"
  HASH="$(printf '%s' "$BODY" | openssl dgst -sha256 -r | cut -d' ' -f1)"
  SIGNATURE="$(printf 'workerflow-v1\\n%s\\nPOST\\n{ROUTE}\\n\\ndefault\\n%s\\n%s' "$TIME" "$KEY" "$HASH" \\
    | openssl dgst -sha256 -hmac "$SECRET" -r | cut -d' ' -f1)"
  curl -i http://127.0.0.1:{stack.port}{ROUTE} -H 'Host: {stack.api_host}' -H 'Content-Type: application/json' \\
    -H "Idempotency-Key: $KEY" -H "X-Signature-Timestamp: $TIME" -H "X-Signature: v1=$SIGNATURE" -d "$BODY"
"""


def main(arguments: list[str]) -> int:
    """Run one of the commands; what goes wrong is said in a sentence."""
    command = arguments[0] if len(arguments) == 1 else ""
    tell = Progress()
    try:
        stack = LocalStack(_port(STATE), STATE, handlers=_handlers(), settings=_settings(), tell=tell)
        if command == "up":
            up(stack, tell)
        elif command == "down":
            down(stack)
        elif command == "logs":
            follow(stack.client("logs"), f"/aws/lambda/{PREFIX}-")
        else:
            print("usage: python -m tools.local up|down|logs", file=sys.stderr)
            return 2
    except LocalStackError as error:
        print(f"workerflow: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _port(state: Path) -> int:
    """The port, remembered for the commands that follow."""
    port = port_of(state)
    state.mkdir(parents=True, exist_ok=True)
    (state / "port").write_text(str(port))
    return port


def _handlers() -> tuple[Path, ...]:
    """The operator's own, and the examples for this machine."""
    own = os.environ.get("WORKERFLOW_HANDLERS", "").split(os.pathsep)
    return (*(Path(path) for path in own if path), EXAMPLES)


def _settings() -> dict[str, str]:
    decided = ("FORWARD_URL", "ALLOWED_PRIVATE_HOSTS", "ALARM_EMAIL")
    return {name: os.environ[name] for name in decided if os.environ.get(name)}


def _short(path: Path) -> str:
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
