"""Sign a call with WorkerFlow signature v1: `python -m tools.sign --key KEY --path /api/ROUTE BODY_FILE`.

Prints the headers as curl's `-H @-` takes them. The signing secret is read from WORKERFLOW_SIGNING_SECRET, so that it
stands in no command line.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

from workerflow.domain.signature import SIGNATURE_HEADER, TIMESTAMP_HEADER, SignedCall, sign

DEFAULT_TENANT = "default"


def signed_headers(
    secret: str,
    *,
    method: str,
    path: str,
    key: str,
    body: bytes,
    tenant: str = DEFAULT_TENANT,
    at_seconds: int | None = None,
) -> dict[str, str]:
    """The headers that make a call a signed one.

    Args:
        secret: the tenant's signing secret.
        method: upper case.
        path: the path of the call, without host and query.
        key: the call's Idempotency-Key; empty on a GET.
        body: the bytes that are sent.
        tenant: named by `x-tenant-id` unless it is the default one.
        at_seconds: the call's time, in seconds since the epoch; now, if it is not given.
    """
    timestamp = str(int(time.time()) if at_seconds is None else at_seconds)
    call = SignedCall(timestamp=timestamp, method=method, path=path, query="", tenant=tenant, key=key, body=body)
    headers = {TIMESTAMP_HEADER: timestamp, SIGNATURE_HEADER: sign(secret, call)}
    if key:
        headers["idempotency-key"] = key
    if tenant != DEFAULT_TENANT:
        headers["x-tenant-id"] = tenant
    return headers


def main(arguments: list[str]) -> int:
    """Print the headers of one call."""
    parser = argparse.ArgumentParser(prog="python -m tools.sign", description=__doc__)
    parser.add_argument("--method", default="POST")
    parser.add_argument("--path", required=True, help="e.g. /api/webhook_echo")
    parser.add_argument("--key", default="", help="the Idempotency-Key; every POST needs one")
    parser.add_argument("--tenant", default=DEFAULT_TENANT)
    parser.add_argument("body", nargs="?", type=Path, help="a file with the body; none for a GET")
    given = parser.parse_args(arguments)
    secret = os.environ.get("WORKERFLOW_SIGNING_SECRET")
    if not secret:
        parser.error("WORKERFLOW_SIGNING_SECRET is not set")
    body = given.body.read_bytes() if given.body else b""
    headers = signed_headers(
        secret, method=given.method, path=given.path, key=given.key, body=body, tenant=given.tenant
    )
    for name, value in headers.items():
        print(f"{name}: {value}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
