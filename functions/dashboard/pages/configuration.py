"""Which secrets the handlers need, whether they are there, and the command that makes one. Never what they hold."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from functions.dashboard.pages.rendering import page

if TYPE_CHECKING:
    from functions.dashboard.call import Call
    from functions.dashboard.services import Dashboard
    from workerflow.runtime.http import Response
    from workerflow.services.read_configuration import SecretFinding

_ORDER = ("missing", "unknown", "present")
_SAMPLE = """\
@route(secrets=("payment-api-key",))
def orders(payload, context: Context):
    key = context.secret("payment-api-key")"""


@dataclass(frozen=True, slots=True)
class Finding:
    """One secret that a handler needs; `state` is one of present, missing, unknown."""

    source: str
    secret: str
    name: str
    state: str

    @property
    def command(self) -> str:
        """What makes it. The value is read from a file, so that it stands in no command line and no history."""
        file = f"{self.secret}.txt"
        return (
            f"aws secretsmanager create-secret --name {shlex.quote(self.name)} "
            f"--secret-string {shlex.quote(f'file://{file}')}"
        )


def show(dashboard: Dashboard, call: Call) -> Response:
    """Every secret that the tenant's handlers need, the missing ones first."""
    findings = [_finding(one) for one in dashboard.read_configuration(call.tenant)]
    findings.sort(key=lambda one: (_ORDER.index(one.state), one.secret, one.source))
    return page(
        dashboard,
        call,
        "configuration.html",
        findings=findings,
        missing=len({one.name for one in findings if one.state == "missing"}),
        unknown=sum(one.state == "unknown" for one in findings),
        sample=_SAMPLE,
    )


def _finding(found: SecretFinding) -> Finding:
    state = {True: "present", False: "missing", None: "unknown"}[found.present]
    return Finding(found.source, found.secret, found.name_in_secrets_manager, state)
