"""Which endpoint a path is for: exactly one spelling of each, and nothing else ever gets through."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.dashboard.endpoint import Endpoint
from functions.dashboard.endpoints import API
from functions.dashboard.pages import PAGES
from functions.dashboard.router import Router
from workerflow.domain.refusals import MethodNotAllowedError, PathNotFoundError

ROUTER = Router((*API, *PAGES))


def an_endpoint(template: str, method: str = "GET") -> Endpoint:
    return Endpoint(method=method, template=template, name=f"{method} {template}", answered_by="x:y")  # type: ignore[arg-type]


@pytest.mark.parametrize("endpoint", [*API, *PAGES], ids=lambda one: one.name)
def test_every_endpoint_is_found_by_its_path(endpoint: Endpoint) -> None:
    path = endpoint.template.replace("{", "").replace("}", "")
    assert ROUTER.match(endpoint.method, path).endpoint == endpoint


def test_no_two_endpoints_have_one_path_and_method_or_one_name() -> None:
    every = (*API, *PAGES)
    assert len({(one.method, one.template) for one in every}) == len({one.name for one in every}) == len(every)


def test_the_more_literal_path_wins() -> None:
    router = Router([an_endpoint("/runs/{traceId}"), an_endpoint("/runs/latest")])
    assert router.match("GET", "/runs/latest").endpoint.template == "/runs/latest"
    assert router.match("GET", "/runs/other").path == {"traceId": "other"}


def test_head_asks_for_what_get_would_be_answered() -> None:
    assert ROUTER.match("HEAD", "/api/runs") == ROUTER.match("GET", "/api/runs")


def test_a_path_with_two_methods_tells_both() -> None:
    with pytest.raises(MethodNotAllowedError) as refused:
        ROUTER.match("DELETE", "/api/bulk-jobs")
    assert refused.value.headers == {"allow": "GET, HEAD, POST"}


@given(st.text(alphabet=st.sampled_from("abr/.%{}:_-0\x00ü ")))
def test_whatever_is_asked_for_is_found_or_is_not(text: str) -> None:
    for path in (text, f"/{text}", f"/api/runs/{text}"):
        try:
            match = ROUTER.match("GET", path)
        except (PathNotFoundError, MethodNotAllowedError):
            continue
        assert match.endpoint.template.format(**match.path) == path
