"""The end of `make deploy`: send one signed call to the deployed API, wait for its run, say what to do next.

    python -m tools.first_call --env dev

The addresses are taken from the deployment's outputs, the credentials from Secrets Manager.
"""

from __future__ import annotations

import argparse
import json
import sys
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path
from urllib.parse import urlsplit

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from tools.credentials import show
from tools.local.demo import ROUTE, call_and_wait
from tools.local.emulator import LocalStackError
from tools.local.http import Answer
from tools.sign import signed_headers

TIMEOUT_SECONDS = 35


@dataclass(frozen=True, slots=True)
class DeployedApi:
    """The API of an environment, and the credentials to call it with."""

    url: str
    token: str
    signing: str
    dashboard_url: str

    def post_signed(self, path: str, body: bytes, key: str) -> Answer:
        """Send a POST with WorkerFlow signature v1."""
        signed = signed_headers(self.signing, method="POST", path=path, key=key, body=body)
        return self._send("POST", path, body, {"content-type": "application/json", **signed})

    def run(self, trace_id: str) -> Answer:
        """Ask for a run."""
        return self._send("GET", f"/api/runs/{trace_id}", None, {"authorization": f"Bearer {self.token}"})

    def _send(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Answer:
        parts = urlsplit(self.url)
        kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        connection = kind(parts.netloc, timeout=TIMEOUT_SECONDS)
        try:
            connection.request(method, path, body=body, headers=dict(headers))
            response = connection.getresponse()
            answered = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, answered, response.read())
        finally:
            connection.close()


def deployed_api(environment: str, outputs_file: Path) -> DeployedApi:
    """The API that `make deploy` has just deployed."""
    outputs = json.loads(outputs_file.read_text())[f"workerflow-{environment}"]
    document = json.loads(show(boto3.client("secretsmanager"), environment, "default"))
    return DeployedApi(
        url=outputs["ApiUrl"].rstrip("/"),
        token=document["token"]["current"],
        signing=document["signing"]["current"],
        dashboard_url=outputs["DashboardUrl"],
    )


def what_next(api: DeployedApi, environment: str, run: Mapping[str, object]) -> str:
    """What a person wants to know now."""
    return f"""run {run["traceId"]} {run["state"]}

Watch  {api.dashboard_url}
       sign in with a token: make token ENV={environment} NAME=ada SCOPE=write   (without SCOPE it may read only)
API    {api.url}
Call   the signed way is in docs/signing.md; with the token:
       TOKEN="$(.venv/bin/python -m tools.credentials show --env {environment} | sed 's/.*"token": {{"current": "\\([^"]*\\)".*/\\1/')"
       curl -i {api.url}{ROUTE} -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' -d '{{"hello": "world"}}'
Code   functions/workflow/handlers/webhook_echo.py; change it and `make deploy ENV={environment}` again
Logs   aws logs tail --follow /aws/lambda/workerflow-{environment}-workflow
"""  # noqa: E501 - commands to be pasted stay on their lines


def main(arguments: list[str]) -> int:
    """Send the call; what goes wrong is said in a sentence."""
    parser = argparse.ArgumentParser(prog="python -m tools.first_call", description=__doc__)
    parser.add_argument("--env", required=True, choices=("dev", "prod"))
    environment = parser.parse_args(arguments).env
    try:
        api = deployed_api(environment, Path(f".build/outputs-{environment}.json"))
        print("sending one signed call with GitHub's example of a push event", flush=True)
        print(what_next(api, environment, call_and_wait(api, key=f"first-call-{uuid.uuid4()}")))
    except (LocalStackError, ClientError, BotoCoreError, OSError) as error:
        print(f"workerflow: deployed, but the first call did not succeed: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
