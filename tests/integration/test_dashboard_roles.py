"""Every role, at every endpoint, with every method: exactly the answers that the documents tell of.

What is expected is read from the served OpenAPI document alone: an operation that can answer `scope_insufficient` takes
orders, one that can answer `tenant_forbidden` is about one tenant, one without security needs no token. Of pages the
table of endpoints says the same, and docs/dashboard-access.md what becomes of whoever has no session.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any

import pytest

from functions.dashboard.endpoint import Endpoint
from functions.dashboard.endpoints import API
from functions.dashboard.pages import PAGES
from functions.dashboard.sessions import SECURE
from tests.integration.dashboard_things import FORMS, Things, seed
from tests.integration.dashboard_world import Answer, DashboardWorld, dashboard_world, form_body
from tests.support.access import DAY_MS, KEYS, SECRET, a_sign_in
from workerflow.domain.access import Scope, Session

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
ROLES = ("none", "malformed", "expired", "revoked", "read", "write", "other tenant")
NOT_LIVE = frozenset({"none", "malformed", "expired", "revoked"})
CREDENTIALS = {
    "none": "token_missing",
    "malformed": "token_malformed",
    "expired": "token_invalid",
    "revoked": "token_invalid",
}
OTHER = "acme"
TEMPLATES = tuple(dict.fromkeys(one.template for one in API))
PAGE_TEMPLATES = tuple(
    dict.fromkeys(one.template for one in PAGES if one.name not in {"signIn", "signOut", "showSignIn"})
)

pytestmark = pytest.mark.slow


@dataclass
class Stage:
    """One world for the whole matrix: each order has something of its own to be carried out on."""

    world: DashboardWorld
    things: Things
    document: Mapping[str, Any]
    tokens: Mapping[str, str]
    cookies: Mapping[str, str]
    addresses: Iterator[int]

    def from_somewhere(self) -> None:
        """Come from an address that nobody has failed from."""
        number = next(self.addresses)
        self.world.source_ip = f"198.18.{number // 250 % 250}.{number % 250}"


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("roles")
    with pytest.MonkeyPatch.context() as patch, dashboard_world(patch, folder, quick=True) as world:
        world.declare(OTHER)
        tokens = tokens_of(world)
        document = world.get("/api/openapi.json", token=tokens["read"]).document
        cookies = {role: cookie_of(world, role, text) for role, text in tokens.items()}
        yield Stage(world, seed(world, "default", orders=2), document, tokens, cookies, count())


def tokens_of(world: DashboardWorld) -> dict[str, str]:
    """What each role shows; nothing for `none`."""
    now_ms = world.now_ms()
    revoked = world.token("write")
    world.revoke(revoked)
    return {
        "malformed": f"wfd_{SECRET}",
        "expired": world.token("write", created_at_ms=now_ms - DAY_MS, expires_at_ms=now_ms - 1),
        "revoked": revoked,
        "read": world.token("read"),
        "write": world.token("write"),
        "other tenant": world.token("write", OTHER),
    }


def cookie_of(world: DashboardWorld, role: str, text: str) -> str:
    """The cookie of a session that a role's token was good for once."""
    if role == "malformed":
        return "no-cookie-of-ours"
    cookie = role.replace(" ", "-").ljust(43, "x")
    now_ms = world.now_ms()
    session = Session(KEYS.session_digest(cookie), text.split("_")[1], now_ms, now_ms)
    world.aws.sessions.add_session(session, a_sign_in(now_ms=now_ms))
    return cookie


# The API.


def operation_of(stage: Stage, template: str, method: str) -> Mapping[str, Any] | None:
    """What the document says of a method; HEAD is asked for wherever GET is."""
    found: Mapping[str, Any] | None = stage.document["paths"][template].get(
        "get" if method == "HEAD" else method.lower()
    )
    return found


def codes_of(stage: Stage, operation: Mapping[str, Any], status: int) -> list[str]:
    """The documented codes of a status."""
    answer = operation["responses"].get(str(status))
    if answer is None:
        return []
    if "$ref" in answer:
        answer = stage.document["components"]["responses"][answer["$ref"].rpartition("/")[2]]
    [content] = answer["content"].values()
    codes: list[str] = content["schema"]["allOf"][1]["properties"]["code"]["enum"]
    return codes


def documented(stage: Stage, template: str, method: str, role: str) -> tuple[int, str]:
    """Status and code that the document has for a role; no code where it succeeds."""
    operation = operation_of(stage, template, method)
    if operation is None:
        return 405, "method_not_allowed"
    status, code = decided(stage, operation, role)
    assert str(status) in operation["responses"], f"{method} {template} does not tell of {status}"
    assert not code or code in codes_of(stage, operation, status), f"{method} {template} does not tell of {code}"
    return status, code


def decided(stage: Stage, operation: Mapping[str, Any], role: str) -> tuple[int, str]:
    if operation.get("security") == []:
        return 200, ""
    if role in NOT_LIVE:
        return 401, CREDENTIALS[role]
    forbidden = codes_of(stage, operation, 403)
    if role == "read" and "scope_insufficient" in forbidden:
        return 403, "scope_insufficient"
    if role == "other tenant" and "tenant_forbidden" in forbidden:
        return 403, "tenant_forbidden"
    return 200, ""


def asked(stage: Stage, template: str, method: str, role: str) -> tuple[int, str]:
    """Status and code that come back."""
    by_method = {one.method: one for one in API if one.template == template}
    endpoint = by_method.get("GET" if method == "HEAD" else method) or next(iter(by_method.values()))  # type: ignore[call-overload]
    ask = stage.things.ask(endpoint)
    query = "?tenant=default" if role == "other tenant" and endpoint.of_tenant else ""
    headers = {"authorization": f"Bearer {stage.tokens[role]}"} if role != "none" else {}
    stage.from_somewhere()
    body = ask.body if method == "POST" else None
    answer = call(stage.world, method, ask.target(endpoint) + query, body, headers)
    return answer.status, code_of(answer, method)


def call(world: DashboardWorld, method: str, target: str, body: Any, headers: Mapping[str, str]) -> Answer:
    """A call of the API with just these credentials."""
    answer = world.api(method, target, body, token="-", headers={"authorization": "-"} | dict(headers))
    if "authorization" in headers:
        return answer
    path, _, query = target.partition("?")
    return world.send(world.event(method, path, b"", {"idempotency-key": "k"}, query=query))


def code_of(answer: Answer, method: str) -> str:
    if method == "HEAD":
        assert answer.body == b""
        return ""
    return answer.code if answer.status >= 400 else ""


@pytest.mark.parametrize("template", TEMPLATES)
def test_each_role_gets_exactly_the_documented_answers(stage: Stage, template: str) -> None:
    matrix = [(role, method) for role in ROLES for method in METHODS]
    expected = {at: documented(stage, template, at[1], at[0]) for at in matrix}
    found = {at: asked(stage, template, at[1], at[0]) for at in matrix}
    heads = {at: (status, "") for at, (status, _) in expected.items() if at[1] == "HEAD"}
    assert found == expected | heads


def test_the_matrix_has_every_operation_of_the_document(stage: Stage) -> None:
    operations = {(path, method) for path, found in stage.document["paths"].items() for method in found}
    assert operations == {(one.template, one.method.lower()) for one in API}
    scopes = {one.name: one.scope for one in API}
    for path, found in stage.document["paths"].items():
        for method, operation in found.items():
            takes_orders = "scope_insufficient" in codes_of(stage, operation, 403)
            assert takes_orders == (scopes[operation["operationId"]] is Scope.WRITE), f"{method} {path}"


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_session_gets_nobody_into_the_api(stage: Stage, template: str) -> None:
    for endpoint in (one for one in API if one.template == template and one.scope is not None):
        stage.from_somewhere()
        event = stage.world.event(
            endpoint.method,
            stage.things.ask(endpoint).target(endpoint),
            headers={"idempotency-key": "k", "sec-fetch-site": "same-origin"},
            cookies=(f"{SECURE.name}={stage.cookies['write']}",),
        )
        answer = stage.world.send(event)
        assert (answer.status, answer.code) == (401, "token_missing")


# Pages.


def promised(endpoint: Endpoint | None, method: str, role: str) -> int:
    """The status that a page or a form has for a role."""
    if endpoint is None:
        return 405
    if endpoint.scope is None:
        return 200
    if role in NOT_LIVE:
        return 303
    if (role == "read" and endpoint.scope is Scope.WRITE) or (role == "other tenant" and endpoint.of_tenant):
        return 403
    return 303 if method == "POST" else 200


def opened(stage: Stage, template: str, method: str, role: str, **headers: str) -> Answer:
    """Ask for a page, or send its form, with a role's cookie."""
    by_method = {one.method: one for one in PAGES if one.template == template}
    endpoint = by_method.get("GET" if method == "HEAD" else method) or next(iter(by_method.values()))  # type: ignore[call-overload]
    ask = stage.things.ask(endpoint, number=1)
    cookie = stage.cookies.get(role, "")
    query = "tenant=default" if role == "other tenant" and endpoint.of_tenant else ""
    form = {**ask.form, "csrf": KEYS.csrf_token(KEYS.session_digest(cookie)), "key": f"{template}-{role}"}
    sent = {
        "content-type": "application/x-www-form-urlencoded",
        "sec-fetch-site": "same-origin",
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    stage.from_somewhere()
    event = stage.world.event(
        method,
        ask.target(endpoint),
        form_body(form) if method == "POST" else b"",
        sent,
        query=query,
        cookies=(f"{SECURE.name}={cookie}",) if cookie else (),
    )
    return stage.world.send(event)


@pytest.mark.parametrize("template", PAGE_TEMPLATES)
def test_each_role_gets_the_pages_that_it_may_see(stage: Stage, template: str) -> None:
    by_method = {one.method: one for one in PAGES if one.template == template}
    matrix = [(role, method) for role in ROLES for method in METHODS]
    expected = {
        (role, method): promised(by_method.get("GET" if method == "HEAD" else method), method, role)  # type: ignore[call-overload]
        for role, method in matrix
    }
    answers = {(role, method): opened(stage, template, method, role) for role, method in matrix}
    assert {at: answer.status for at, answer in answers.items()} == expected
    for (role, _), answer in answers.items():
        if role in NOT_LIVE and answer.status == 303:
            assert answer.headers["location"].startswith("/sign-in")


@pytest.mark.parametrize("template", sorted({one.template for one in PAGES if one.name in FORMS}))
@pytest.mark.parametrize("site", ["cross-site", "same-site", "none"])
def test_no_role_sends_a_form_from_elsewhere(stage: Stage, template: str, site: str) -> None:
    statuses = {role: opened(stage, template, "POST", role, sec_fetch_site=site).status for role in ROLES}
    assert statuses == dict.fromkeys(ROLES, 403)


def test_every_page_is_in_the_matrix() -> None:
    left_out = {one.name for one in PAGES if one.template not in PAGE_TEMPLATES}
    assert left_out == {"showSignIn", "signIn", "signOut"}, "tried where sessions begin and end"
