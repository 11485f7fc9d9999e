"""Print what a cold start costs, next to a bare handler.  python -m tools.bench.cold_start.

INIT is measured as the CPU time of importing the handler in a fresh process, whose path holds the function's asset,
the layers, and what Lambda's Python brings along, and nothing else. The bare handler imports boto3 and creates two
clients. Both are run in turn, so that a busy machine is busy for both.

The dashboard imports what a page needs when the first one is asked for; so its first page, which asks no table (the
sign-in), is measured as well: templates, style, script and what renders them.

It needs no account.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from tools.package import Assets, build_assets
from tools.package.functions import FUNCTIONS
from tools.package.runtime import lay_out_runtime

RUNS = 15
BARE = """
import boto3

DYNAMODB = boto3.client("dynamodb")
SQS = boto3.client("sqs")


def lambda_handler(event, context):
    return {}
"""
# Names and values as the infrastructure gives them; no call is made with them.
SETTINGS = {
    "ENVIRONMENT": "dev",
    "LOG_LEVEL": "INFO",
    "POWERTOOLS_SERVICE_NAME": "bench",
    "POWERTOOLS_METRICS_NAMESPACE": "WorkerFlow/dev",
    "TABLE_IDEMPOTENCY_KEYS": "a",
    "TABLE_RUNS": "b",
    "TABLE_DEAD_LETTERS": "c",
    "TABLE_REPLAY_LINEAGE": "d",
    "TABLE_CURSOR_STATE": "e",
    "TABLE_AUDIT_EVENTS": "f",
    "TABLE_OPERATIONS": "k",
    "TABLE_ROLLUPS": "l",
    "TABLE_RATE_LIMITS": "i",
    "TABLE_REFUSED_CALLS": "j",
    "QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/000000000000/q",
    "DEAD_LETTER_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/000000000000/dlq",
    "PAYLOAD_BUCKET": "g",
    "WORKFLOW_FUNCTION": "h",
    "SECRET_PREFIX": "workerflow/dev/",
    "RETENTION_DAYS": "30",
    "DEADLINE_HOURS": "24",
}
ON_LAMBDA = {
    "AWS_LAMBDA_FUNCTION_NAME": "bench",
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "none",
    "AWS_SECRET_ACCESS_KEY": "none",
    "PYTHONDONTWRITEBYTECODE": "1",
}


FIRST_PAGE = """
class Context:
    aws_request_id = "bench"

http = {"method": "GET", "path": "/sign-in", "sourceIp": "192.0.2.1"}
event = {"rawPath": "/sign-in", "headers": {"accept-encoding": "gzip"}, "requestContext": {"http": http}}
assert functions.dashboard.handler.lambda_handler(event, Context())["statusCode"] == 200
"""


def init_cpu_ms(module: str, path: Sequence[Path], first_call: str = "") -> float:
    """CPU milliseconds of importing `module`, and of a first call, in a fresh process that sees only `path`."""
    script = (
        "import sys, time\n"
        f"sys.path[:0] = {[str(folder) for folder in path]!r}\n"
        "begun = time.process_time()\n"
        f"import {module}\n"
        f"{first_call}\n"
        "print((time.process_time() - begun) * 1000)\n"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", script],
        env={"PATH": os.defpath, **SETTINGS, **ON_LAMBDA},
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout.splitlines()[-1])


def measure(assets: Assets, runtime: Path, bare: Path, runs: int = RUNS) -> Mapping[str, Sequence[float]]:
    """INIT of every function and of the bare handler, `runs` times each, in turn."""
    layers = [assets.core_layer / "python", assets.vendor_layer / "python"]
    candidates = {"bare": ("bare", [bare, runtime], "")} | {
        name: (f"functions.{name}.handler", [assets.functions[name], *layers, runtime], "") for name in FUNCTIONS
    }
    candidates["+ page"] = (*candidates["dashboard"][:2], FIRST_PAGE)
    taken: dict[str, list[float]] = {name: [] for name in candidates}
    for _ in range(runs):
        for name, candidate in candidates.items():
            taken[name].append(init_cpu_ms(*candidate))
    return taken


def main() -> int:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        assets = build_assets("host", build=folder / "build")
        (folder / "bare").mkdir()
        (folder / "bare" / "bare.py").write_text(BARE)
        taken = measure(assets, lay_out_runtime(folder / "runtime"), folder / "bare")
        shutil.rmtree(folder / "runtime")
    medians = {name: statistics.median(times) for name, times in taken.items()}
    print(f"INIT, CPU ms, median of {RUNS} fresh processes, and its ratio to a bare handler with boto3 and two clients")
    print("(`+ page`: the dashboard's INIT and its first page)")
    for name, median in medians.items():
        print(f"  {name:10} {median:7.1f}  {median / medians['bare']:5.2f}")
    print(json.dumps({name: round(median, 1) for name, median in medians.items()}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
