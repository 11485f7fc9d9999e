"""What operators publish without a deployment: tenants, their credentials, senders' secrets, handlers' secrets."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.tenants import FIRST_FILE, GREETINGS, SECOND_FILE, let_in, publish_tenants, tell_secret
from tests.support.senders import SECRETS
from tests.unit.handlers.local_server import LocalServer
from tools.credentials import set_sender
from tools.local import LocalStack
from tools.local.stack import TENANT

SENDER_ROUTES = {
    "github": "github_events",
    "stripe": "e2e_stripe",
    "slack": "e2e_slack",
    "shopify": "e2e_shopify",
    "standard-webhooks": "e2e_standard_webhooks",
}
"""Each takes one sender's calls only."""


def publish(stack: LocalStack, *, digests: LocalServer, folder: Path) -> None:
    """Before the first call: processes keep what they once read for a minute, or for five.

    Args:
        stack: with IAM enforced.
        digests: where the digest of `default` is posted to.
        folder: where schedules leave their marks.
    """
    publish_tenants(stack, FIRST_FILE)
    let_in(stack, SECOND_FILE)
    for tenant, greeting in GREETINGS.items():
        tell_secret(stack, tenant, "greeting", greeting)
    tell_secret(stack, TENANT, "marks", str(folder))
    tell_secret(stack, TENANT, "digest-webhook-url", f"http://127.0.0.1:{digests.port}/digest")
    for sender, route in SENDER_ROUTES.items():
        set_sender(stack.client("secretsmanager"), "local", TENANT, route, SECRETS[sender], alone=True)
