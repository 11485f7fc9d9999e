"""The CDK app: `cdk synth -c env=dev`. Needs no credentials, no Docker, and no network once the layers are built."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from aws_cdk import App

from infra.environments import Environment, UnknownEnvironmentError, environment_named
from infra.stack import WorkerFlowStack
from tools.package import PackagingError, build_assets, extra_folders


def configured(environment: Environment, environ: Mapping[str, str]) -> Environment:
    """The environment with what the operator decides at deployment: ALARM_EMAIL, FORWARD_URL, ALLOWED_PRIVATE_HOSTS."""
    hosts = tuple(host.strip() for host in environ.get("ALLOWED_PRIVATE_HOSTS", "").split(",") if host.strip())
    return replace(
        environment,
        alarm_email=environ.get("ALARM_EMAIL") or environment.alarm_email,
        forward_url=environ.get("FORWARD_URL") or environment.forward_url,
        allowed_private_hosts=hosts or environment.allowed_private_hosts,
    )


def build_folder(environ: Mapping[str, str]) -> Path:
    """Where functions are staged: `.build`, unless WORKERFLOW_BUILD names another place."""
    return Path(environ.get("WORKERFLOW_BUILD") or ".build").resolve()


def main() -> None:
    """Package the code and synthesize the environment that `-c env=...` names; `dev` if it names none."""
    app = App()
    try:
        environment = environment_named(app.node.try_get_context("env") or "dev")
        assets = build_assets(environment.platform, extra_folders(os.environ), build_folder(os.environ))
    except (UnknownEnvironmentError, PackagingError) as error:
        sys.exit(f"workerflow: {error}")
    WorkerFlowStack(app, configured(environment, os.environ), assets)
    app.synth()


if __name__ == "__main__":
    main()
