"""What operators look at: errors and their letters, schedules, routes, refused calls, the trail, the configuration."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

import pytest

from functions.dashboard import wiring
from functions.dashboard.pages import audit, letters
from tests.integration.dashboard_world import SECRET_PREFIX, Answer, Browser, DashboardWorld, dashboard_world
from workerflow.domain.failure import Failure
from workerflow.domain.run import LetterClass
from workerflow.domain.schedule_cursor import Missed, ScheduleCursor

TIMEOUT = Failure("retryable", "requests.Timeout", "no answer in 3 s", frame="a.py:run")
MISSING = Failure("permanent", "KeyError", "'customer_id'", frame="b.py:run")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DashboardWorld]:
    """One for all, with a few of everything."""
    with (
        pytest.MonkeyPatch.context() as monkeypatch,
        dashboard_world(monkeypatch, tmp_path_factory.mktemp("dashboard")) as made,
    ):
        for age in (60, 120, 2 * 24 * 3600):
            made.seeds.failed(made.seeds.queued(age_seconds=age), failure=TIMEOUT)
        order = made.seeds.queued("route:order_created", age_seconds=90)
        made.seeds.failed(order, failure=MISSING, letter_class=LetterClass.HANDLER_ERROR)
        yield made


@pytest.fixture(scope="module")
def browser(world: DashboardWorld) -> Browser:
    return world.browser(world.token())


def shown(answer: Answer) -> str:
    """A page's text without its markup, white space made one."""
    assert answer.status == 200, answer.text
    body = answer.text.partition("<main")[2].partition("</main>")[0]
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", body)).split())


def errors_on(browser: Browser, target: str) -> list[str]:
    """The messages of the errors that a page lists."""
    answer = browser.open(target)
    assert answer.status == 200, answer.text
    return [html.unescape(one) for one in re.findall(r'error-message">([^<]*)<', answer.text)]


def rows_of(answer: Answer, part: str) -> int:
    return answer.text.partition(f'<tbody id="{part}"')[2].partition("</tbody>")[0].count("<tr")


# Dead letters.


def test_alike_errors_stand_together_and_lead_to_their_letters(browser: Browser) -> None:
    answer = browser.open("/letters")
    assert errors_on(browser, "/letters") == ["no answer in 3 s", "'customer_id'"]
    [link] = re.findall(r'href="(/letters\?fingerprint=[0-9a-f]+)"[^>]*><bdi[^>]*>no answer', answer.text)
    group = browser.open(link)
    assert "3 of 3" in shown(group)
    assert rows_of(group, "letters") == 3


@pytest.mark.parametrize(
    ("query", "messages"),
    [
        ("class=handler_error", ["'customer_id'"]),
        ("source=route%3Awebhook_echo", ["no answer in 3 s"]),
        ("window=1h", ["no answer in 3 s", "'customer_id'"]),
        ("class=crash", []),
        ("class=handler_error&source=route%3Awebhook_echo", []),
    ],
)
def test_errors_are_filtered_by_the_address(browser: Browser, query: str, messages: list[str]) -> None:
    assert errors_on(browser, f"/letters?{query}") == messages
    assert (shown(browser.open(f"/letters?{query}")).find("No errors fit this filter") < 0) == bool(messages)


def test_an_error_without_open_letters_is_shown_on_request(world: DashboardWorld, browser: Browser) -> None:
    settled = Failure("permanent", "ValueError", "settled", frame="c.py:run")
    run = world.seeds.failed(failure=settled)
    assert world.post(f"/api/letters/{run.trace_id}/resolve", {"note": "done"}, token=world.token()).status == 200
    assert "settled" not in errors_on(browser, "/letters")
    assert "settled" in errors_on(browser, "/letters?state=all")


def test_letters_of_one_error_go_on_by_a_cursor_with_its_filters(
    world: DashboardWorld, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(letters, "PAGE", 3)
    many = Failure("permanent", "TooMany", "one of many", frame="d.py:run")
    for number in range(5):
        world.seeds.failed(world.seeds.queued(age_seconds=300 + number), failure=many)
    page = browser.open("/letters").text
    [link] = re.findall(r'href="(/letters\?fingerprint=[0-9a-f]+)"[^>]*><bdi[^>]*>one of many', page)
    first = browser.open(link)
    [more] = {html.unescape(one) for one in re.findall(r'id="more" href="([^"]+)"', first.text)}
    assert (rows_of(first, "letters"), rows_of(browser.open(more), "letters")) == (3, 2)
    elsewhere = browser.open(more.replace("fingerprint=", "window=1h&fingerprint="))
    assert elsewhere.status == 400


REFUSED = (
    ("/letters?class=odd", "class"),
    ("/letters?window=1y", "window"),
    ("/letters?state=closed", "state"),
    ("/letters?odd=1", "odd"),
    ("/letters?source=nonsense", "source"),
    ("/letters?fingerprint=nonsense", "fingerprint"),
    ("/runs?source=nonsense", "source"),
    ("/runs?kind=nonsense", "kind"),
    ("/runs?from=yesterday", "from"),
    ("/runs?until=2286-11-20T17:46:40Z", "until"),
    ("/runs?from=2200-01-01T00:00:00Z", "from"),
    ("/runs?from=2026-11-24T16:00:00Z&until=2026-11-24T15:00:00Z", "from"),
    ("/refused-calls?unknown=false", "unknown"),
)


@pytest.mark.parametrize(("address", "parameter"), REFUSED)
def test_a_value_that_is_none_is_refused_by_name_as_the_api_does(
    world: DashboardWorld, browser: Browser, address: str, parameter: str
) -> None:
    page = browser.open(address)
    told = html.unescape(page.text)
    assert page.status == 400
    assert "parameter_invalid" in told
    assert parameter in told
    view, _, query = address.partition("?")
    assert f'href="{view}"' in page.text
    if "window" not in query:
        answer = world.get(f"/api{view}?{query}", token=world.token())
        assert (answer.code, answer.document["parameter"]) == ("parameter_invalid", parameter)
        assert answer.document["detail"] in told


def test_a_reason_that_no_call_was_refused_for_is_not_called_peace(world: DashboardWorld, browser: Browser) -> None:
    world.seeds.refused_call()
    told = shown(browser.open("/refused-calls?reason=replayed_call"))
    assert "No call was refused as replayed call" in told
    assert "was let in" not in told


def test_a_cursor_of_nothing_is_refused(browser: Browser) -> None:
    assert browser.open("/letters?fingerprint=0123456789abcdef&cursor=abc").status == 400


def test_the_state_that_the_api_means_by_itself_can_be_named(browser: Browser) -> None:
    assert browser.open("/letters?state=open").status == 200


# Schedules and routes.


def test_a_schedule_tells_when_it_fires_in_words_and_in_its_zone(world: DashboardWorld, browser: Browser) -> None:
    nightly = next(one for one in world.seeds.manifest.schedules.values() if one.name == "nightly")
    run = world.seeds.succeeded(world.seeds.queued("schedule:nightly"))
    cursor = ScheduleCursor(
        tenant="default",
        name="nightly",
        timing=nightly.timing,
        since_ms=0,
        next_due_ms=world.now_ms() + 1,
        version=1,
        nonce="n" * 16,
        last_due_ms=world.now_ms() - 5000,
        last_trace_id=run.trace_id,
        missed={Missed.LATE: 2},
        last_missed_ms=world.now_ms() - 90_000,
        last_missed_reason=Missed.LATE,
    )
    world.aws.schedules.write_cursor(cursor)
    answer = browser.open("/schedules")
    told = shown(answer).partition("nightly")[2].partition("report")[0]
    assert "every day at 02:30" in told
    assert "Europe/Berlin" in told
    assert re.search(r"\d{4}-\d\d-\d\d 02:30 \(UTC\+0[12]:00\)", told)
    assert "2 late" in told
    assert "no tick came in time" in told
    assert f'href="/runs/{run.trace_id}"' in answer.text


def test_a_route_tells_its_counts_and_has_a_call_to_paste(browser: Browser) -> None:
    told = shown(browser.open("/routes")).partition("Answers with what it was sent.")[2]
    assert "failed" in told.partition("A call to paste")[0]
    assert "API=https://a1b2c3d4e5.execute-api.us-east-1.amazonaws.com" in told
    assert "workerflow/dev/default/ingress" in told
    assert "x-signature: v1=$SIGNATURE" in told


# Refused calls.


def test_a_refused_call_shows_the_signed_lines_in_order(world: DashboardWorld, browser: Browser) -> None:
    world.seeds.refused_call()
    told = shown(browser.open("/refused-calls"))
    assert "401 signature mismatch POST /api/webhook_echo" in told
    assert "1 version workerflow-v1 2 method POST 3 path /api/webhook_echo" in told
    assert "No refused calls" not in told


def test_refused_calls_are_filtered_by_their_reason(world: DashboardWorld, browser: Browser) -> None:
    world.seeds.refused_call(reason="key_required")
    told = shown(browser.open("/refused-calls?reason=key_required"))
    assert "401 key required" in told
    assert "401 signature mismatch" not in told


def test_calls_in_nobodys_name_are_for_tokens_of_all_tenants(world: DashboardWorld, browser: Browser) -> None:
    world.seeds.refused_call(None, reason="token_unknown")
    assert "401 token unknown" in shown(browser.open("/refused-calls?unknown=true"))
    assert "401 token unknown" not in shown(browser.open("/refused-calls"))
    own = world.browser(world.token("read", "default"))
    assert own.open("/refused-calls?unknown=true").status == 403
    assert "nobody" not in shown(own.open("/refused-calls"))


# The trail and the configuration.


def test_the_trail_tells_who_did_what_to_what_and_why(world: DashboardWorld, browser: Browser) -> None:
    run = world.seeds.waiting()
    world.seeds.audit(action="run.cancelled", target=run.trace_id, reason="no need", details={"attempt": "1"})
    answer = browser.open("/audit?window=1h")
    told = shown(answer)
    assert "ada abcdefghij23 cancelled a run no need" in told
    assert "203.0.113.7" in told
    assert f'href="/runs/{run.trace_id}"' in answer.text


def test_the_trail_goes_on_by_a_cursor(
    world: DashboardWorld, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "PAGE", 3)
    for number in range(5):
        world.seeds.audit(reason=f"number {number}")
    told, target = "", "/audit"
    while target:  # what other tests ordered a moment ago may stand in between
        answer = browser.open(target)
        assert rows_of(answer, "events") <= 3
        told += shown(answer)
        target = next((html.unescape(one) for one in re.findall(r'id="more" href="([^"]+)"', answer.text)), "")
    assert [told.count(f"number {number}") for number in range(5)] == [1] * 5


def test_missing_secrets_come_with_the_commands_that_make_them(world: DashboardWorld, browser: Browser) -> None:
    names = [f"{SECRET_PREFIX}default/{name}" for name in ("handlers/api-key", "ingress")]
    told = shown(browser.open("/configuration"))
    assert "2 secrets are missing" in told
    value = "--secret-string file://api-key.txt"
    assert f"aws secretsmanager create-secret --region us-east-1 --name {names[0]} {value}" in told
    assert "Write its value into the file api-key.txt" in told
    assert (
        "AWS_DEFAULT_REGION=us-east-1 .venv/bin/python -m tools.credentials create --env dev --tenant default" in told
    )
    for name in names:
        world.aws.clients.secrets().create_secret(Name=name, SecretString="pssst")
    wiring.dashboard.cache_clear()
    told = shown(browser.open("/configuration"))
    assert "Every secret is there" in told
    assert "pssst" not in told


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/letters", "No open dead letters"),
        ("/bulk-jobs", "Choose dead letters"),
        ("/refused-calls", "Every call of the last days was let in"),
        ("/audit", "Whoever replays, cancels, resolves"),
    ],
)
def test_a_page_with_nothing_on_it_says_what_to_do(world: DashboardWorld, path: str, told: str) -> None:
    world.declare("empty")
    assert told in shown(world.browser(world.token("read")).open(f"{path}?tenant=empty"))
