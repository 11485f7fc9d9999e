"""Commands that pages offer to paste: they reach this very deployment, whatever the shell is set to."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from functions.dashboard.services import Dashboard

_PYTHON = ".venv/bin/python -m"
_EMULATORS_ROOT = "AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test"
"""Whom the emulator lets do everything; it asks for no more. Worth nothing anywhere else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shell:
    """Where commands lead to.

    Attributes:
        environment: `dev`, `prod` or `local`.
        api_url: where calls go to, without a slash at its end; empty where it is not known.
        region: of AWS; empty where it is not known, and then the shell's own counts.
        endpoint_url: of the emulator; empty on AWS.
    """

    environment: str
    api_url: str = ""
    region: str = ""
    endpoint_url: str = ""

    @classmethod
    def of(cls, dashboard: Dashboard) -> Self:
        """Commands that lead to what this dashboard shows."""
        return cls(
            environment=dashboard.environment,
            api_url=dashboard.api_url,
            region=dashboard.region,
            endpoint_url=dashboard.endpoint_url,
        )

    @property
    def is_local(self) -> bool:
        """Whether it is the stack of `make up`."""
        return self.environment == "local"

    def aws(self, command: str, *options: str) -> str:
        """A command of the AWS CLI, such as `secretsmanager get-secret-value`; options are quoted as they need it."""
        region = ["--region", self.region] if self.region else []
        endpoint = ["--endpoint-url", self.endpoint_url] if self.endpoint_url else []
        who = f"{_EMULATORS_ROOT} " if self.endpoint_url else ""
        return f"{who}aws {command} {shlex.join([*region, *endpoint, *options])}"

    def credentials(self, action: str, tenant: str) -> str:
        """A command of the project's own for a tenant's credentials, to be run in its folder."""
        region = f"AWS_DEFAULT_REGION={shlex.quote(self.region)} " if self.region and not self.is_local else ""
        return f"{region}{_PYTHON} tools.credentials {action} --env {self.environment} --tenant {tenant}"
