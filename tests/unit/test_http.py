"""Events of API Gateway's payload format 2.0 become requests, responses become what it takes back."""

from __future__ import annotations

import base64
import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workerflow.domain.credential_refusals import CredentialsMissingError
from workerflow.domain.refusals import (
    BodyEmptyError,
    MethodNotAllowedError,
    PayloadInvalidError,
    RequestMalformedError,
    RunNotFoundError,
)
from workerflow.runtime.http import Request, Response, read_request

EVENT = json.loads((Path(__file__).parents[1] / "events" / "http_api_post.json").read_text())
LAMBDA_ANSWER_LIMIT = 6 * 1024 * 1024


def read(**changes: Any) -> Request:
    return read_request(EVENT | changes, request_id="r-1")


def in_stage(stage: str, path: str) -> str:
    return read(rawPath=path, requestContext=EVENT["requestContext"] | {"stage": stage}).path


def with_traceparent(value: str) -> str | None:
    return read(headers={"traceparent": value}).traceparent


def test_a_real_event_becomes_a_request() -> None:
    request = read()
    assert (request.method, request.path, request.query) == ("POST", "/api/webhook_echo", "")
    assert request.headers["idempotency-key"] == "order-4711"
    assert request.body == b'{"hello":"world"}'
    assert request.source_address == "203.0.113.7"
    assert request.request_id == "r-1"


def test_a_body_in_base64_is_the_bytes_that_were_sent() -> None:
    body = bytes(range(256))
    assert read(body=base64.b64encode(body).decode(), isBase64Encoded=True).body == body


def test_a_missing_body_is_empty() -> None:
    event = {name: value for name, value in EVENT.items() if name != "body"}
    assert read_request(event, request_id="r").body == b""
    assert read(body=None).body == b""


def test_a_text_body_is_its_utf8_bytes() -> None:
    assert read(body='{"name":"Zoë"}').body == '{"name":"Zoë"}'.encode()


def test_a_lone_surrogate_in_the_event_does_not_raise() -> None:
    assert read(body='"\ud800"').body == b'"\xed\xa0\x80"'


@pytest.mark.parametrize(
    "event",
    [
        {"cookies": ["__Host-workerflow=abc", "theme=dark"]},  # AWS
        {"headers": {"Cookie": "__Host-workerflow=abc; theme=dark"}},  # the emulator
        {
            "cookies": ["__Host-workerflow=abc", "theme=dark"],
            "headers": {"cookie": "__Host-workerflow=abc; theme=dark"},
        },
    ],
)
def test_cookies_are_one_header_however_the_platform_tells_them(event: dict[str, Any]) -> None:
    assert read(**event).headers["cookie"] == "__Host-workerflow=abc; theme=dark"


@pytest.mark.parametrize("cookies", [None, []])
def test_no_cookies_are_no_header(cookies: object) -> None:
    assert "cookie" not in read(cookies=cookies).headers


@pytest.mark.parametrize("cookies", ["a=1", {"a": "1"}, [1], [None]])
def test_cookies_that_are_no_list_of_texts_are_refused(cookies: object) -> None:
    with pytest.raises(RequestMalformedError):
        read(cookies=cookies)


@pytest.mark.parametrize("body", ["not base64!", "YQ", "YQ==\n", "Y Q=", "ÿÿÿÿ"])
def test_a_broken_base64_body_is_refused(body: str) -> None:
    with pytest.raises(RequestMalformedError):
        read(body=body, isBase64Encoded=True)


def test_a_named_stage_is_no_part_of_the_path() -> None:
    assert in_stage("live", "/live/api/webhook_echo") == "/api/webhook_echo"
    assert in_stage("live", "/livelier/api") == "/livelier/api"
    assert in_stage("$default", "/live/api/webhook_echo") == "/live/api/webhook_echo"


def test_the_source_address_is_the_platforms_and_no_headers() -> None:
    assert read(headers={"x-forwarded-for": "198.51.100.1"}).source_address == "203.0.113.7"


def test_header_names_are_lower_case_and_none_gets_lost() -> None:
    headers = read(headers={"X-Signature": "a", "x-signature": "b"}).headers
    assert headers == {"x-signature": "a,b"}


TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.mark.parametrize("value", [TRACEPARENT, "cc" + TRACEPARENT[2:], "cc" + TRACEPARENT[2:] + "-what-the-future"])
def test_a_well_formed_traceparent_is_kept(value: str) -> None:
    assert with_traceparent(value) == value


@pytest.mark.parametrize(
    "value",
    [
        "",
        TRACEPARENT.upper(),
        TRACEPARENT + "-more",
        TRACEPARENT + "\n",
        "ff" + TRACEPARENT[2:],
        TRACEPARENT[:-1],
        "00-" + "0" * 32 + "-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-" + "0" * 16 + "-01",
        TRACEPARENT + "," + TRACEPARENT,
        "cc" + TRACEPARENT[2:] + "-" + "x" * 200,
    ],
)
def test_a_malformed_traceparent_is_ignored(value: str) -> None:
    assert with_traceparent(value) is None


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(json_values)
def test_an_arbitrary_event_is_read_or_refused(event: object) -> None:
    with contextlib.suppress(RequestMalformedError):
        read_request(event, request_id="r")


@given(st.sampled_from(sorted(EVENT)), json_values)
def test_an_event_with_any_one_part_replaced_is_read_or_refused(name: str, value: object) -> None:
    with contextlib.suppress(RequestMalformedError):
        read_request(EVENT | {name: value}, request_id="r")


@given(st.sampled_from(["http", "stage"]), json_values)
def test_an_event_with_any_part_of_its_context_replaced_is_read_or_refused(name: str, value: object) -> None:
    with contextlib.suppress(RequestMalformedError):
        read_request(EVENT | {"requestContext": EVENT["requestContext"] | {name: value}}, request_id="r")


def problem(response: Response) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(response.body)
    return document


def test_a_refusal_is_a_problem_with_a_stable_code() -> None:
    response = Response.problem(BodyEmptyError("send a JSON document"), request_id="r-1")
    assert response.status == 400
    assert response.headers["content-type"] == "application/problem+json"
    assert problem(response) == {
        "title": "The body is empty",
        "status": 400,
        "code": "body_empty",
        "detail": "send a JSON document",
        "requestId": "r-1",
    }


def test_a_problem_about_a_task_names_it_in_body_and_header() -> None:
    response = Response.problem(RunNotFoundError(trace_id="0" * 44), request_id="r")
    assert response.headers["x-trace-id"] == problem(response)["traceId"] == "0" * 44


def test_a_refusal_brings_its_headers_and_members() -> None:
    assert Response.problem(MethodNotAllowedError("POST"), request_id="r").headers["allow"] == "POST"
    assert "www-authenticate" in Response.problem(CredentialsMissingError(), request_id="r").headers
    violations = [{"pointer": "/a", "message": "is missing"}]
    response = Response.problem(PayloadInvalidError(violations, more=False), request_id="r")
    assert problem(response)["errors"] == violations


@pytest.mark.parametrize("size", [500_000, 1024 * 1024, 4 * 1024 * 1024])
@pytest.mark.parametrize("letter", [b"\x00", b'"', b"\xc3\xbc", b"a"], ids=repr)
def test_every_answer_fits_into_lambdas_six_megabytes(size: int, letter: bytes) -> None:
    answer = Response(200, {"content-type": "text/plain"}, letter * (size // len(letter))).to_dict()
    for ensure_ascii in (True, False):
        assert len(json.dumps(answer, ensure_ascii=ensure_ascii).encode()) <= 6_291_556


def test_a_text_body_is_answered_as_text() -> None:
    answer = Response.document(202, {"status": "queued"}, {"location": "/api/runs/1"}).to_dict()
    assert answer["statusCode"] == 202
    assert answer["body"] == '{"status":"queued"}'
    assert answer["isBase64Encoded"] is False
    assert answer["headers"]["location"] == "/api/runs/1"
    assert answer["headers"]["cache-control"] == "no-store"


def test_a_cookie_is_answered_apart_from_the_headers() -> None:
    """AWS makes a header `set-cookie` of each in the list."""
    answer = Response(303, {"location": "/", "set-cookie": "a=1; HttpOnly"}).to_dict()
    assert answer["cookies"] == ["a=1; HttpOnly"]
    assert "set-cookie" not in answer["headers"]
    assert "cookies" not in Response(200).to_dict()


def test_a_response_may_replace_the_headers_that_every_answer_has() -> None:
    assert Response(200, {"cache-control": "max-age=60"}).to_dict()["headers"]["cache-control"] == "max-age=60"


@given(st.binary(max_size=100))
def test_any_body_arrives_as_the_bytes_that_were_answered(body: bytes) -> None:
    answer = Response(200, {}, body).to_dict()
    sent = base64.b64decode(answer["body"]) if answer["isBase64Encoded"] else answer["body"].encode()
    assert sent == body


@pytest.mark.parametrize("unit", ["a", '"', "\n", "\x00", "é", "😀"])
def test_the_largest_output_fits_into_lambdas_answer_whatever_its_text(unit: str) -> None:
    body = unit.encode() * (4 * 1024 * 1024 // len(unit.encode()))
    assert len(json.dumps(Response(200, {}, body).to_dict())) <= LAMBDA_ANSWER_LIMIT
