"""Where somebody is led who has signed in: to a path of this address, and nowhere else."""

from __future__ import annotations

from urllib.parse import parse_qs, urljoin, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.dashboard.wanted import MAX_CHARACTERS, after_sign_in, sign_in_for
from workerflow.runtime.http import Request

ADDRESS = "https://a1b2c3d4e5.lambda-url.us-east-1.on.aws"


def a_request(path: str, query: str = "", method: str = "GET") -> Request:
    return Request(
        method=method, path=path, query=query, headers={}, body=b"", source_address="203.0.113.7", request_id="1"
    )


@pytest.mark.parametrize(
    ("path", "query"), [("/runs", ""), ("/runs", "status=failed&tenant=acme"), ("/runs/0a", "done=%2B&x=a+b")]
)
def test_the_sign_in_leads_back(path: str, query: str) -> None:
    address = urlsplit(sign_in_for(a_request(path, query)))
    [wanted] = parse_qs(address.query)["to"]
    assert address.path == "/sign-in"
    assert after_sign_in(wanted) == wanted == (f"{path}?{query}" if query else path)


@pytest.mark.parametrize(
    "request_", [a_request("/"), a_request("/runs/0a/cancel", method="POST"), a_request("/runs", "a" * MAX_CHARACTERS)]
)
def test_what_is_home_or_a_form_or_too_long_is_not_led_back_to(request_: Request) -> None:
    assert sign_in_for(request_) == "/sign-in"


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


@given(st.one_of(st.text(max_size=40), st.text("/\\.:@?#%\t\n\r evil", max_size=20).map(lambda text: f"/{text}")))
def test_whatever_is_wanted_it_is_of_this_address(wanted: str) -> None:
    led_to = after_sign_in(wanted)
    seen_by_browsers = led_to.replace("\\", "/")
    assert urlsplit(urljoin(f"{ADDRESS}/sign-in", seen_by_browsers))[:2] == urlsplit(ADDRESS)[:2]
    assert led_to.isascii()
    assert led_to.isprintable()
