"""A call of a route to paste into a shell: it fetches the secret, signs as the route wants it, and sends.

No secret stands in it: whoever pastes it reads the secret with AWS credentials of their own.
"""

from __future__ import annotations

import json
import shlex

from functions.dashboard.pages.sample_bodies import sample_body
from functions.dashboard.pages.shell import Shell
from workerflow.domain.identity import DEFAULT_TENANT
from workerflow.domain.route import Route
from workerflow.domain.senders import SENDERS
from workerflow.domain.signature import SIGNATURE_HEADER, TIMESTAMP_HEADER, VERSION_LINE

_SHA256 = "openssl dgst -sha256"
_AS_HEX = "-hex | sed 's/.* //'"
_GAP = "API='https://...: ApiUrl, of the outputs'"
"""A line for whoever pastes it to fill in. No comment: zsh takes none where somebody types."""
_JSON_HEADER = "-H 'content-type: application/json'"


def sample_call(shell: Shell, route: Route, tenant: str) -> str:
    """A shell script that sends one call of `route` in the name of `tenant`, signed or with the token."""
    body = json.dumps(sample_body(route))
    lines = [
        f"API={shlex.quote(shell.api_url)}" if shell.api_url else _GAP,
        f"SECRET=$({_read_credentials(shell, tenant)} | {_pick(route)})",
        f"BODY={shlex.quote(body)}",
    ]
    return "\n".join([*lines, *_signed(route, tenant)])


def path_of(route: Route, tenant: str) -> str:
    """Where calls of `route` for `tenant` go to: a sender cannot set our header, so its path names the tenant."""
    named = route.authentication in SENDERS and tenant != DEFAULT_TENANT
    return f"/api/t/{tenant}/{route.name}" if named else f"/api/{route.name}"


def _read_credentials(shell: Shell, tenant: str) -> str:
    """The project's own command where it is at hand: nobody needs the AWS CLI for the stack on this machine."""
    if shell.is_local:
        return shell.credentials("show", tenant)
    name = f"workerflow/{shell.environment}/{tenant}/ingress"
    return shell.aws(
        "secretsmanager get-secret-value", "--secret-id", name, "--query", "SecretString", "--output", "text"
    )


def _pick(route: Route) -> str:
    """Of a tenant's credentials, the one that calls of the route are made with."""
    if route.authentication in SENDERS:
        place = f'["senders"]["{route.name}"]'
    else:
        place = '["token"]' if route.authentication == "token" else '["signing"]'
    return f"python3 -c 'import json, sys; print(json.load(sys.stdin){place}[\"current\"])'"


def _signed(route: Route, tenant: str) -> list[str]:
    makers = {
        "token": _with_token,
        "github": _as_github,
        "shopify": _as_shopify,
        "stripe": _as_stripe,
        "slack": _as_slack,
        "standard-webhooks": _as_standard_webhooks,
    }
    return makers.get(route.authentication, _as_v1)(route, tenant)


def _as_v1(route: Route, tenant: str) -> list[str]:
    path = path_of(route, tenant)
    lines = rf"{VERSION_LINE}\n%s\nPOST\n{path}\n\n{tenant}\n%s\n%s"
    return [
        "TIME=$(date +%s) && KEY=try-$TIME",
        f'DIGEST=$(printf %s "$BODY" | {_SHA256} {_AS_HEX})',
        f"SIGNATURE=$(printf '{lines}' $TIME $KEY $DIGEST | {_SHA256} -hmac \"$SECRET\" {_AS_HEX})",
        _curl(
            path,
            *_tenant_header(tenant),
            '-H "idempotency-key: $KEY"',
            f'-H "{TIMESTAMP_HEADER}: $TIME"',
            f'-H "{SIGNATURE_HEADER}: v1=$SIGNATURE"',
        ),
    ]


def _with_token(route: Route, tenant: str) -> list[str]:
    key = '-H "idempotency-key: try-$(date +%s)"'
    return [_curl(path_of(route, tenant), *_tenant_header(tenant), key, '-H "authorization: Bearer $SECRET"')]


def _as_github(route: Route, tenant: str) -> list[str]:
    mac = f'MAC=$(printf %s "$BODY" | {_SHA256} -hmac "$SECRET" {_AS_HEX})'
    return [mac, _curl(path_of(route, tenant), '-H "x-hub-signature-256: sha256=$MAC"')]


def _as_shopify(route: Route, tenant: str) -> list[str]:
    mac = f'MAC=$(printf %s "$BODY" | {_SHA256} -hmac "$SECRET" -binary | base64)'
    return [mac, _curl(path_of(route, tenant), '-H "x-shopify-hmac-sha256: $MAC"')]


def _as_stripe(route: Route, tenant: str) -> list[str]:
    mac = f'MAC=$(printf %s "$TIME.$BODY" | {_SHA256} -hmac "$SECRET" {_AS_HEX})'
    header = '-H "stripe-signature: t=$TIME,v1=$MAC"'
    return ["TIME=$(date +%s)", mac, _curl(path_of(route, tenant), header)]


def _as_slack(route: Route, tenant: str) -> list[str]:
    mac = f'MAC=$(printf %s "v0:$TIME:$BODY" | {_SHA256} -hmac "$SECRET" {_AS_HEX})'
    headers = ('-H "x-slack-request-timestamp: $TIME"', '-H "x-slack-signature: v0=$MAC"')
    return ["TIME=$(date +%s)", mac, _curl(path_of(route, tenant), *headers)]


def _as_standard_webhooks(route: Route, tenant: str) -> list[str]:
    return [
        "TIME=$(date +%s) && ID=try-$TIME",
        "KEY=$(printf %s \"${SECRET#whsec_}\" | base64 -d | od -An -v -tx1 | tr -d ' \\n')",
        f'MAC=$(printf %s "$ID.$TIME.$BODY" | {_SHA256} -mac HMAC -macopt "hexkey:$KEY" -binary | base64)',
        _curl(
            path_of(route, tenant),
            '-H "webhook-id: $ID"',
            '-H "webhook-timestamp: $TIME"',
            '-H "webhook-signature: v1,$MAC"',
        ),
    ]


def _tenant_header(tenant: str) -> list[str]:
    return [] if tenant == DEFAULT_TENANT else [f"-H 'x-tenant-id: {tenant}'"]


def _curl(path: str, *headers: str) -> str:
    return " \\\n  ".join([f'curl -i "$API{path}" --data-binary "$BODY" {_JSON_HEADER}', *headers])
