"""Which secrets are needed, whether they are there, and the command that makes one. Never what they hold."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from functions.dashboard.pages.rendering import page
from functions.dashboard.pages.shell import Shell
from workerflow.services.read_configuration import INGRESS, SecretFinding

if TYPE_CHECKING:
    from functions.dashboard.call import Call
    from functions.dashboard.services import Dashboard
    from workerflow.runtime.http import Response

_ORDER = ("missing", "unknown", "present")
_STATES = {True: "present", False: "missing", None: "unknown"}


@dataclass(frozen=True, slots=True)
class Secret:
    """One secret that somebody needs.

    Attributes:
        title: what it is called by whoever needs it.
        name: in Secrets Manager.
        state: present, missing, or unknown.
        sources: whose handlers need it; none if all routes do.
        file: that its value is written into first; empty if the command makes the value, too.
        command: what makes it.
    """

    title: str
    name: str
    state: str
    sources: Sequence[str]
    file: str
    command: str


def show(dashboard: Dashboard, call: Call) -> Response:
    """Every secret that the tenant needs, the missing ones first."""
    found = dashboard.read_configuration(call.tenant)
    shell = Shell.of(dashboard)
    secrets = [_secret(shell, call.tenant, found, name) for name in _names(found)]
    secrets.sort(key=lambda one: (_ORDER.index(one.state), one.title))
    return page(
        dashboard,
        call,
        "configuration.html",
        secrets=secrets,
        missing=sum(one.state == "missing" for one in secrets),
        unknown=sum(one.state == "unknown" for one in secrets),
    )


def _names(found: Iterable[SecretFinding]) -> Iterable[str]:
    return dict.fromkeys(one.name_in_secrets_manager for one in found)


def _secret(shell: Shell, tenant: str, found: Iterable[SecretFinding], name: str) -> Secret:
    """A secret of this name, with all who need it."""
    needs = [one for one in found if one.name_in_secrets_manager == name]
    state = _STATES[needs[0].present]
    if needs[0].source == INGRESS:
        return Secret("The tenant's credentials", name, state, (), "", shell.credentials("create", tenant))
    sources = tuple(sorted(one.source for one in needs))
    file = f"{needs[0].secret}.txt"
    return Secret(needs[0].secret, name, state, sources, file, _creation(shell, name, file))


def _creation(shell: Shell, name: str, file: str) -> str:
    """The value is read from a file, so that it stands in no command line and in no history."""
    return shell.aws("secretsmanager create-secret", "--name", name, "--secret-string", f"file://{file}")
