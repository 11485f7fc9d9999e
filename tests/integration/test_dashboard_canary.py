"""A token, and a session's cookie, stand nowhere but with their holder: in no table, object, message, log or answer.

Every endpoint is asked and every order given, well and badly, with the secret in the right place and in each wrong one;
then everything that was left behind, said and answered is searched for any part of it.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from functions.dashboard.endpoint import Endpoint
from functions.dashboard.endpoints import API
from functions.dashboard.pages import PAGES
from functions.dashboard.sessions import SECURE
from tests.integration.dashboard_things import Things, seed
from tests.integration.dashboard_world import Answer, Browser, DashboardWorld, dashboard_world, form_body
from tests.support.access import KEYS, an_audit
from tests.support.aws import BUCKET
from tests.support.faults import Fault
from workerflow.tables import TABLES

PART = 16
"""Characters of a secret that are recognised: 96 of its 256 bits."""

pytestmark = pytest.mark.slow


@dataclass
class Canary:
    """A world, a token that is looked for, and everything that was answered."""

    world: DashboardWorld
    things: Things
    token: str
    answers: list[Answer] = field(default_factory=list)

    def send(self, event: object) -> Answer:
        self.answers.append(self.world.send(event))
        return self.answers[-1]

    def call(self, endpoint: Endpoint, *, number: int = 0) -> Answer:
        """Ask an endpoint of the API as it should be asked."""
        ask = self.things.ask(endpoint, number=number)
        method, target = endpoint.method, ask.target(endpoint)
        self.answers.append(self.world.api(method, target, ask.body, token=self.token))
        return self.answers[-1]


@pytest.fixture
def canary(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Canary]:
    capsys.readouterr()  # a logger keeps the stream of its first use
    with dashboard_world(monkeypatch, tmp_path, quick=True) as world:
        things = seed(world, "default", orders=2)
        token = world.token("write", name="canary")
        secret = base64.urlsafe_b64encode(bytes(range(100, 132))).decode().rstrip("=")
        yield Canary(world, things, with_secret(world, token, secret))


def with_secret(world: DashboardWorld, token: str, secret: str) -> str:
    """The same token with a secret that looks like no other's, so that any part of it is recognised."""
    token_id = token.split("_")[1]
    kept = world.tokens().get_token(token_id)
    assert kept is not None
    own = replace(kept, token_id="canary234567", digest=KEYS.token_digest("canary234567", secret))
    world.tokens().add_token(own, an_audit(nonce="c" * 16, now_ms=world.now_ms()))
    return f"wfd_canary234567_{secret}"


def parts_of(secret: str) -> list[str]:
    """Every part of a secret that is long enough to be no accident."""
    return [secret[at : at + PART] for at in range(len(secret) - PART + 1)]


def found_in(text: str, secret: str) -> bool:
    return any(part in text for part in parts_of(secret))


def left_behind(world: DashboardWorld) -> str:
    """Everything that is kept anywhere: tables, objects, messages."""
    items = [repr(item) for table in TABLES for item in world.aws.items(table)]
    s3, sqs = world.aws.clients.s3(), world.aws.clients.sqs()
    names = [one["Key"] for one in s3.list_objects_v2(Bucket=BUCKET).get("Contents", ())]
    objects = [repr(s3.get_object(Bucket=BUCKET, Key=name)["Body"].read()) for name in names]
    messages = [
        message["Body"]
        for _ in range(20)
        for message in sqs.receive_message(QueueUrl=world.aws.queue_url, MaxNumberOfMessages=10).get("Messages", ())
    ]
    return "\n".join([*items, *names, *objects, *messages])


def told_by(answers: list[Answer]) -> str:
    """Everything that was answered, but the cookies themselves."""
    return "\n".join(f"{answer.status} {dict(answer.headers)} {answer.body!r}" for answer in answers)


def everything_well(canary: Canary) -> None:
    """Each endpoint of the API once, as its holder asks it."""
    assert {canary.call(endpoint).status for endpoint in API} == {200}


def everything_badly(canary: Canary) -> None:
    """Each endpoint with the secret in places where it does not belong, and with a secret that is nearly right."""
    token, nearly = canary.token, canary.token[:-1] + "A"
    for endpoint in API:
        target = canary.things.ask(endpoint).target(endpoint)
        strays = {"authorization": token}, {"x-token": token, "cookie": f"token={token}"}
        for headers in (headers_of(nearly), headers_of(token), *strays):
            canary.world.source_ip = f"198.18.0.{len(canary.answers) % 250}"
            canary.send(canary.world.event(endpoint.method, target, body_of(token), headers))
    for endpoint in API[::4]:
        target = canary.things.ask(endpoint).target(endpoint)
        for query in (f"token={token}", f"{token}=1", f"tenant={token}", f"cursor={token}", f"status={token}", token):
            canary.send(canary.world.event(endpoint.method, target, body_of(token), headers_of(token), query=query))
        for path in (f"/api/{token}", f"/api/runs/{token}", f"/api/schedules/{token}/run", f"/{token}"):
            canary.send(canary.world.event(endpoint.method, path, body_of(token), headers_of(token)))


def headers_of(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}", "idempotency-key": token}


def body_of(token: str) -> bytes:
    return json.dumps({token: token, "reason": [token], "filter": {token: token}}).encode()


def with_stores_down(canary: Canary) -> None:
    """Each endpoint while the tables, the queue and everything else refuse."""
    with canary.world.aws.line.breaking(Fault.REFUSED):
        for endpoint in API:
            canary.call(endpoint, number=1)
    assert canary.answers[-1].status == 503


def every_page(canary: Canary) -> str:
    """Sign in, open every page, send every form, sign out; the cookie."""
    canary.world.source_ip = "198.18.1.1"
    browser = Browser(canary.world)
    for token in (canary.token[:-1] + "A", canary.token[1:], canary.token):
        canary.answers.append(browser.submit("/sign-in", {"token": token}))
    canary.answers.append(browser.open(f"/sign-in?token={canary.token}"))
    canary.answers.append(browser.submit("/sign-in", {canary.token: canary.token}))
    cookie = browser.jar[SECURE.name]
    csrf = browser.open(f"/runs/{canary.things.failed[2]}/replay").text.partition('name="csrf" value="')[2][:43]
    for endpoint in PAGES:
        ask = canary.things.ask(endpoint, number=1)
        form = {**ask.form, "csrf": csrf, "key": f"page-{endpoint.name}"}
        for query in ("", f"?{canary.token}={cookie}", f"?window={cookie}"):
            if endpoint.method == "GET":
                canary.answers.append(browser.open(ask.target(endpoint) + query))
            elif endpoint.name not in {"signIn", "signOut"}:
                canary.answers.append(browser.submit(ask.target(endpoint) + query, form))
                canary.send(canary.world.event("POST", ask.target(endpoint), form_body({"csrf": cookie})))
    canary.answers.append(browser.submit("/sign-out", {"csrf": csrf}))
    assert canary.answers[-1].status == 303
    return cookie


def test_a_secret_stands_nowhere_but_with_its_holder(canary: Canary, capsys: pytest.CaptureFixture[str]) -> None:
    everything_well(canary)
    cookie = every_page(canary)
    everything_badly(canary)
    with_stores_down(canary)
    logged = "".join(capsys.readouterr())
    kept, told = left_behind(canary.world), told_by(canary.answers)
    assert len(logged.splitlines()) >= len(canary.answers)
    assert "canary (canary234567)" in kept, "the audit trail tells who it was"
    for secret in (canary.token.rpartition("canary234567_")[2], cookie):
        assert not found_in(kept, secret)
        assert not found_in(logged, secret)
        assert [one for one in canary.answers if found_in(told_by([one]), secret)] == []
        assert not found_in(told, secret)
