"""A refusal as a page, also where what a page usually shows cannot be had."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from functions.dashboard.call import Call, Caller
from functions.dashboard.pages.problem import problem_page
from tests.fakes.surroundings import FakeClock, FakeIds
from workerflow.domain.access import Scope, Token
from workerflow.domain.dashboard_refusals import FormExpiredError
from workerflow.domain.errors import StoreUnavailableError
from workerflow.domain.refusals import OutcomeUnknownError, PayloadInvalidError, RunNotFoundError
from workerflow.domain.tenants import Tenants
from workerflow.runtime.http import Request

if TYPE_CHECKING:
    from functions.dashboard.services import Dashboard

TOKEN = Token("abcdefghij23", "ada", Scope.WRITE, None, "0" * 64, 0, 9_999_999_999_999)


@dataclass
class Around:
    """What of the dashboard a problem's page uses."""

    is_store_there: bool = True
    environment: str = "dev"
    clock: FakeClock = field(default_factory=FakeClock)
    ids: FakeIds = field(default_factory=FakeIds)

    def tenants(self) -> Tenants:
        if not self.is_store_there:
            raise StoreUnavailableError("no answer")
        return Tenants()


def asked(*, signed_in: bool = True, method: str = "GET") -> Call:
    request = Request(method, "/runs/x", "", {}, b"", "203.0.113.7", "req-7")
    caller = Caller(TOKEN, "203.0.113.7", "csrf") if signed_in else Caller.nobody("203.0.113.7")
    return Call(request=request, caller=caller, nonce="n0nce")


def around(*, is_store_there: bool = True) -> Dashboard:
    return cast("Dashboard", Around(is_store_there))


def test_a_refusal_keeps_its_status_and_names_the_request() -> None:
    page = problem_page(around(), asked(), RunNotFoundError("<b>nothing</b>"))
    text = page.body.decode()
    assert page.status == 404
    assert "run_not_found" in text
    assert "&lt;b&gt;nothing" in text
    assert "req-7" in text
    assert 'aria-label="Views"' in text


def test_a_store_that_does_not_answer_still_leaves_a_page() -> None:
    refusal = OutcomeUnknownError("ask again", headers={"retry-after": "2"})
    page = problem_page(around(is_store_there=False), asked(), refusal)
    assert (page.status, page.headers["retry-after"]) == (503, "2")
    assert "Try again in a few seconds" in page.body.decode()


def test_whoever_is_not_signed_in_gets_no_frame() -> None:
    text = problem_page(around(), asked(signed_in=False), RunNotFoundError()).body.decode()
    assert 'aria-label="Views"' not in text
    assert "shortcuts" not in text


def test_a_forms_faults_are_listed_and_the_way_back_is_told() -> None:
    refusal = PayloadInvalidError([{"pointer": "/id", "message": "<i>is no integer</i>"}], more=False)
    text = problem_page(around(), asked(method="POST"), refusal).body.decode()
    assert "<code>/id</code>" in text
    assert "&lt;i&gt;is no integer" in text
    assert "back button" in text


def test_whose_form_is_of_a_former_session_is_not_sent_for_another_token() -> None:
    text = problem_page(around(), asked(method="POST"), FormExpiredError("open the page again")).body.decode()
    assert "Open the page again" in text
    assert "your token" not in text
