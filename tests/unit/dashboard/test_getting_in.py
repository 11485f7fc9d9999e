"""Bearer tokens, cookies, forms and cursors of the dashboard: what gets in, and what does not."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.dashboard.authentication import AuthenticateCall
from functions.dashboard.call import Caller
from functions.dashboard.csrf import require_csrf, require_same_origin
from functions.dashboard.cursors import Cursors, scope_of
from functions.dashboard.sessions import LOCAL, SECURE, Sessions, cookie_form
from tests.fakes.access import FakeAccessKeys
from tests.fakes.world import FakeWorld
from tests.support.access import COOKIE, KEYS, a_token, an_audit, text_of
from workerflow.domain.access import SESSION_SECONDS, Token
from workerflow.domain.credential_refusals import TokenMalformedError, TooManyFailuresError
from workerflow.domain.dashboard_refusals import (
    CursorInvalidError,
    FormExpiredError,
    OriginForeignError,
    TokenInvalidError,
    TokenMissingError,
    TooManySignInsError,
)
from workerflow.domain.errors import StoreUnavailableError
from workerflow.domain.failure_limit import BURST, SECONDS_PER_FAILURE, FailureLimit
from workerflow.runtime.http import Request
from workerflow.runtime.settings import ENVIRONMENTS
from workerflow.services.authenticate import Authenticate
from workerflow.services.sign_in import SIGN_INS, ReadSession, SignIn, SignOut

ADDRESS, LOOPBACK = "203.0.113.7", "127.0.0.1"
HOST = "abc.lambda-url.us-east-1.on.aws"
A_REQUEST = Request(
    method="GET",
    path="/",
    query="",
    headers={"host": HOST},
    body=b"",
    source_address=ADDRESS,
    request_id="r",
)
SCOPE = scope_of("listRuns", "acme", {"status": "failed"})


def a_request(address: str = ADDRESS, **headers: str) -> Request:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return replace(A_REQUEST, headers={**A_REQUEST.headers, **named}, source_address=address)


@pytest.fixture
def world() -> FakeWorld:
    return FakeWorld()


@pytest.fixture
def token(world: FakeWorld) -> Token:
    kept = a_token(now_ms=world.clock.now_ms())
    world.tokens.add_token(kept, an_audit(now_ms=kept.created_at_ms))
    return kept


def authentication(world: FakeWorld) -> Authenticate:
    return Authenticate(keys=world.access_keys, tokens=world.tokens, clock=world.clock)


@pytest.fixture
def authenticate(world: FakeWorld) -> AuthenticateCall:
    return AuthenticateCall(authenticate=authentication(world), limit=FailureLimit(), clock=world.clock)


@pytest.fixture
def sessions(world: FakeWorld) -> Sessions:
    return sessions_in("prod", world)


def sessions_in(environment: str, world: FakeWorld) -> Sessions:
    sign_in = SignIn(
        authenticate=authentication(world),
        limits=world.rate_limits,
        keys=world.access_keys,
        sessions=world.sessions,
        clock=world.clock,
        ids=world.ids,
    )
    read_session = ReadSession(
        keys=world.access_keys,
        sessions=world.sessions,
        tokens=world.tokens,
        clock=world.clock,
        faults=world.faults,
    )
    sign_out = SignOut(
        keys=world.access_keys, sessions=world.sessions, tokens=world.tokens, clock=world.clock, ids=world.ids
    )
    return Sessions(sign_in=sign_in, read_session=read_session, sign_out=sign_out, environment=environment)


# Bearer tokens.


@pytest.mark.parametrize("scheme", ["Bearer ", "bearer ", "BEARER   "])
def test_a_live_token_gets_in(authenticate: AuthenticateCall, token: Token, scheme: str) -> None:
    caller = authenticate(a_request(authorization=scheme + text_of(token)))
    assert caller == Caller(token, ADDRESS)


def test_a_call_without_a_token_is_told_so(authenticate: AuthenticateCall) -> None:
    with pytest.raises(TokenMissingError) as caught:
        authenticate(a_request())
    assert caught.value.headers["www-authenticate"].startswith("Bearer")


def test_a_cookie_gets_nobody_into_the_api(authenticate: AuthenticateCall, sessions: Sessions, token: Token) -> None:
    cookie = sessions.begin(a_request(), text_of(token)).partition(";")[0]
    with pytest.raises(TokenMissingError):
        authenticate(a_request(cookie=cookie))


@pytest.mark.parametrize(
    "value", ["", "Bearer", "Bearer ", "Basic YTpi", "wfd_abcdefghij23_x", "Bearer a b", "Bearer hello", "Bearer a\tb"]
)
def test_what_is_no_bearer_token_is_malformed(authenticate: AuthenticateCall, value: str) -> None:
    with pytest.raises(TokenMalformedError):
        authenticate(a_request(authorization=value))


def test_a_client_that_fails_too_often_waits_and_no_other_does(authenticate: AuthenticateCall, token: Token) -> None:
    wrong, right = f"Bearer {text_of(a_token('z' * 12))}", f"Bearer {text_of(token)}"
    for _ in range(BURST):
        with pytest.raises(TokenInvalidError):
            authenticate(a_request(authorization=wrong))
    with pytest.raises(TooManyFailuresError) as caught:
        authenticate(a_request(authorization=right))
    assert caught.value.headers["retry-after"] == str(SECONDS_PER_FAILURE)
    assert authenticate(a_request("203.0.113.8", authorization=right)).token == token


def test_what_is_malformed_is_not_counted_as_a_failure(authenticate: AuthenticateCall, token: Token) -> None:
    for _ in range(BURST + 1):
        with pytest.raises(TokenMalformedError):
            authenticate(a_request(authorization="Bearer hello"))
    assert authenticate(a_request(authorization=f"Bearer {text_of(token)}")).token == token


# Cookies.


def test_a_cookie_on_aws_is_bound_to_its_host_and_to_https(sessions: Sessions, token: Token) -> None:
    pair, *attributes = sessions.begin(a_request(), text_of(token)).split("; ")
    assert pair.startswith("__Host-workerflow=")
    assert attributes == [f"Max-Age={SESSION_SECONDS}", "Path=/", "Secure", "HttpOnly", "SameSite=Strict"]


def test_a_cookie_tells_who_asks(sessions: Sessions, token: Token) -> None:
    cookie = sessions.begin(a_request(), f" {text_of(token)}\n").partition(";")[0]
    caller = sessions.caller_of(a_request(cookie=f"theme=dark; {cookie}; x=y=z"))
    assert caller is not None
    assert (caller.token, caller.address) == (token, ADDRESS)
    assert caller.csrf


def test_a_cookie_that_comes_twice_is_nobodys(sessions: Sessions, token: Token) -> None:
    cookie = sessions.begin(a_request(), text_of(token)).partition(";")[0]
    assert sessions.caller_of(a_request(cookie=f"{cookie}; {cookie}")) is None
    assert sessions.caller_of(a_request(cookie=f"{cookie}; {SECURE.name}=")) is None


@pytest.mark.parametrize("cookie", ["", "theme=dark", f"{SECURE.name}=", f"{SECURE.name}={COOKIE}", SECURE.name, ";;="])
def test_without_a_cookie_of_ours_nobody_asks(sessions: Sessions, cookie: str) -> None:
    assert sessions.caller_of(a_request(cookie=cookie)) is None


@pytest.mark.parametrize("environment", sorted(set(ENVIRONMENTS) - {"local"}))
@pytest.mark.parametrize("address", [ADDRESS, LOOPBACK, "::1", ""])
@pytest.mark.parametrize("host", ["localhost", "localhost:4566", "abc.localhost:4566", HOST])
def test_the_local_cookie_is_never_used_on_aws(environment: str, address: str, host: str) -> None:
    assert cookie_form(a_request(address, host=host), environment) is SECURE


@pytest.mark.parametrize(
    ("address", "form"),
    [(LOOPBACK, LOCAL), ("127.8.9.10", LOCAL), ("::1", LOCAL), (ADDRESS, SECURE), ("10.0.0.1", SECURE), ("", SECURE)],
)
def test_the_local_cookie_is_for_loopback(address: str, form: object) -> None:
    assert cookie_form(a_request(address), "local") is form


def test_a_local_cookie_needs_no_https_and_gets_in_nowhere_else(world: FakeWorld, token: Token) -> None:
    local, elsewhere = sessions_in("local", world), sessions_in("prod", world)
    cookie = local.begin(a_request(LOOPBACK), text_of(token))
    assert cookie.startswith("workerflow-local=")
    assert "Secure" not in cookie
    assert cookie.endswith("Path=/; HttpOnly; SameSite=Strict")
    pair = cookie.partition(";")[0]
    assert local.caller_of(a_request(LOOPBACK, cookie=pair)) is not None
    assert local.caller_of(a_request(ADDRESS, cookie=pair)) is None
    assert elsewhere.caller_of(a_request(LOOPBACK, cookie=pair)) is None


def test_signing_in_ends_the_session_before(sessions: Sessions, token: Token) -> None:
    former = sessions.begin(a_request(), text_of(token)).partition(";")[0]
    latter = sessions.begin(a_request(cookie=former), text_of(token)).partition(";")[0]
    assert sessions.caller_of(a_request(cookie=former)) is None
    assert sessions.caller_of(a_request(cookie=latter)) is not None


def test_signing_out_ends_the_session_and_takes_the_cookie_away(sessions: Sessions, token: Token) -> None:
    pair = sessions.begin(a_request(), text_of(token)).partition(";")[0]
    gone = sessions.end(a_request(cookie=pair))
    assert gone == f"{SECURE.name}=; Max-Age=0; {SECURE.attributes}"
    assert sessions.caller_of(a_request(cookie=pair)) is None
    assert sessions.end(a_request()) == gone


def test_who_cannot_sign_in_is_told_as_little_as_by_the_api(sessions: Sessions, token: Token) -> None:
    with pytest.raises(TokenMalformedError):
        sessions.begin(a_request(), "hello")
    with pytest.raises(TokenInvalidError):
        sessions.begin(a_request(), text_of(token, "w" * 43))
    for _ in range(SIGN_INS.requests - 2):
        with pytest.raises(TokenMalformedError):
            sessions.begin(a_request(), "hello")
    with pytest.raises(TooManySignInsError) as caught:
        sessions.begin(a_request(), text_of(token))
    assert caught.value.headers["retry-after"] == "30"


# Forms.


@pytest.mark.parametrize(
    "headers",
    [
        {"sec_fetch_site": "same-origin"},
        {"sec_fetch_site": "same-origin", "origin": "null"},
        {"origin": f"https://{HOST}"},
    ],
)
def test_a_form_of_our_own_page_is_taken(headers: Mapping[str, str]) -> None:
    require_same_origin(a_request(**headers), "prod")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"sec_fetch_site": "same-site"},
        {"sec_fetch_site": "cross-site", "origin": f"https://{HOST}"},
        {"sec_fetch_site": "none"},
        {"sec_fetch_site": ""},
        {"sec_fetch_site": "same-origin,same-origin"},
        {"origin": ""},
        {"origin": "null"},
        {"origin": f"http://{HOST}"},
        {"origin": f"https://{HOST}:8443"},
        {"origin": f"https://{HOST}.evil.example"},
        {"origin": "https://evil.example"},
        {"origin": "https://", "host": ""},
        {"origin": "http://abc.lambda-url.us-east-1.localhost:4566"},
        {"referer": f"https://{HOST}/"},
    ],
)
@pytest.mark.parametrize("address", [ADDRESS, LOOPBACK])
def test_a_form_of_another_site_is_refused(address: str, headers: Mapping[str, str]) -> None:
    with pytest.raises(OriginForeignError):
        require_same_origin(a_request(address, **headers), "prod")


def test_on_this_machine_a_page_has_the_same_name_with_another_end() -> None:
    ours = "http://abc.lambda-url.us-east-1.localhost:4566"
    require_same_origin(a_request(LOOPBACK, origin=ours), "local")
    for foreign in (
        "http://def.lambda-url.us-east-1.localhost:4566",
        "http://localhost:4566",
        "http://abc.lambda-url.us-east-1.localhost",
        "http://abc.lambda-url.us-east-1.localhost:",
        "https://abc.lambda-url.us-east-1.localhost:4566",
        f"https://{HOST}",
    ):
        with pytest.raises(OriginForeignError):
            require_same_origin(a_request(LOOPBACK, origin=foreign), "local")
    with pytest.raises(OriginForeignError):
        require_same_origin(a_request(ADDRESS, origin=ours), "local")


def test_a_form_carries_its_sessions_secret() -> None:
    caller = Caller(a_token(), ADDRESS, csrf="c" * 43)
    require_csrf("c" * 43, caller)
    for shown in ("", "d" * 43, "c" * 42, "c" * 44, "ç" * 43):
        with pytest.raises(FormExpiredError):
            require_csrf(shown, caller)


def test_who_has_no_session_sends_no_form() -> None:
    with pytest.raises(FormExpiredError):
        require_csrf("", Caller(a_token(), ADDRESS))


# Cursors.


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=100))
def test_a_cursor_leads_back_to_its_position(position: str) -> None:
    cursors = Cursors(FakeAccessKeys())
    sealed = cursors.seal(position, SCOPE)
    assert sealed is not None
    assert sealed.isascii()
    assert set(sealed) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
    assert cursors.open(sealed, SCOPE) == position


def test_where_a_list_begins_and_ends_there_is_no_cursor() -> None:
    cursors = Cursors(FakeAccessKeys())
    assert cursors.seal(None, SCOPE) is None
    assert cursors.open(None, SCOPE) is None


@pytest.mark.parametrize(
    "scope",
    [
        scope_of("listLetters", "acme", {"status": "failed"}),
        scope_of("listRuns", "acme-2", {"status": "failed"}),
        scope_of("listRuns", "acme", {"status": "succeeded"}),
        scope_of("listRuns", "acme", {}),
        scope_of("listRuns", "acme", {"status": "failed", "source": "route:echo"}),
        scope_of("listRuns", "acmestatus", {"failed": ""}),
    ],
)
def test_a_cursor_of_another_list_is_refused(scope: bytes) -> None:
    cursors = Cursors(FakeAccessKeys())
    with pytest.raises(CursorInvalidError):
        cursors.open(cursors.seal("position", SCOPE), scope)


def test_the_cursor_itself_and_the_pages_length_may_change_from_page_to_page() -> None:
    assert scope_of("listRuns", "acme", {"status": "failed", "cursor": "x", "limit": "5"}) == SCOPE


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_a_cursor_that_was_changed_anywhere_is_refused(at: int, change: int) -> None:
    cursors = Cursors(FakeAccessKeys())
    sealed = cursors.seal("0190a1b2c3d4", SCOPE)
    assert sealed is not None
    raw = bytearray(base64.urlsafe_b64decode(sealed + "=="))
    raw[at % len(raw)] ^= change
    with pytest.raises(CursorInvalidError):
        cursors.open(base64.urlsafe_b64encode(raw).decode().rstrip("="), SCOPE)


@given(st.text(max_size=60) | st.text("ABCabc012-_=", max_size=60))
def test_what_is_no_cursor_of_ours_is_refused(text: str) -> None:
    with pytest.raises(CursorInvalidError):
        Cursors(FakeAccessKeys()).open(text, SCOPE)


def test_a_position_that_somebody_seals_by_himself_is_refused() -> None:
    own = base64.urlsafe_b64encode(KEYS.session_digest("position").encode()[:16] + b"position").decode()
    with pytest.raises(CursorInvalidError):
        Cursors(FakeAccessKeys()).open(own, SCOPE)


def test_without_keys_no_cursor_is_sealed_or_opened() -> None:
    cursors = Cursors(FakeAccessKeys(kept=None))
    with pytest.raises(StoreUnavailableError):
        cursors.seal("position", SCOPE)
    with pytest.raises(StoreUnavailableError):
        cursors.open("cursor", SCOPE)
