"""Where somebody is led who has signed in: to a path of this address, and nowhere else."""

from __future__ import annotations

from urllib.parse import parse_qs, urljoin, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.dashboard.wanted import MAX_CHARACTERS, after_sign_in, sign_in_for
from workerflow.runtime.http import Request

ADDRESS = "https://a1b2c3d4e5.lambda-url.us-east-1.on.aws"


def a_request(path: str, query: str = "", method: str = "GET", **headers: str) -> Request:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Request(
        method=method, path=path, query=query, headers=named, body=b"", source_address="203.0.113.7", request_id="1"
    )


def led_back_to(request: Request) -> str:
    address = urlsplit(sign_in_for(request))
    assert address.path == "/sign-in"
    [wanted] = parse_qs(address.query)["to"]
    assert after_sign_in(wanted) == wanted
    return wanted


@pytest.mark.parametrize(
    ("path", "query"), [("/runs", ""), ("/runs", "status=failed&tenant=acme"), ("/runs/0a", "done=%2B&x=a+b")]
)
def test_the_sign_in_leads_back(path: str, query: str) -> None:
    assert led_back_to(a_request(path, query)) == (f"{path}?{query}" if query else path)


def test_a_page_that_refreshes_a_part_of_itself_is_led_back_to_whole() -> None:
    part = a_request("/runs", "cursor=x", hx_request="true", hx_current_url=f"{ADDRESS}/runs?status=failed#run-1")
    assert led_back_to(part) == "/runs?status=failed"


@pytest.mark.parametrize(
    "request_", [a_request("/"), a_request("/runs/0a/cancel", method="POST"), a_request("/runs", "a" * MAX_CHARACTERS)]
)
def test_whoever_wants_home_sends_a_form_or_wants_too_much_is_led_home(request_: Request) -> None:
    assert led_back_to(request_) == "/"


@pytest.mark.parametrize(
    "wanted",
    [
        "",
        "runs",
        "//evil.test",
        "///evil.test",
        "/\\evil.test",
        "\\\\evil.test",
        "/\t/evil.test",
        "/\n/evil.test",
        " //evil.test",
        "https://evil.test",
        "https:evil.test",
        "javascript:alert(1)",
        "/runs\r\nset-cookie: a=b",
        "/ü",
        "/" + "a" * MAX_CHARACTERS,
    ],
)
def test_what_would_lead_elsewhere_leads_home(wanted: str) -> None:
    assert after_sign_in(wanted) == "/"


TEXTS = st.one_of(st.text(max_size=40), st.text("/\\.:@?#%\t\n\r [evil", max_size=20).map(lambda text: f"/{text}"))


@given(TEXTS)
def test_whatever_is_wanted_it_is_of_this_address(wanted: str) -> None:
    for led_to in (after_sign_in(wanted), led_back_to(a_request("/", hx_request="true", hx_current_url=wanted))):
        seen_by_browsers = led_to.replace("\\", "/")
        assert urlsplit(urljoin(f"{ADDRESS}/sign-in", seen_by_browsers))[:2] == urlsplit(ADDRESS)[:2]
        assert led_to.isascii()
        assert led_to.isprintable()
