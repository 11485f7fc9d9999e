"""Pages as they are answered: who sees them, what they carry, where their links lead."""

from __future__ import annotations

import gzip
import html
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest

from tests.integration.dashboard_world import Answer, Browser, DashboardWorld, dashboard_world
from workerflow.domain.rollup import ALL_SOURCES, Rollup, Span
from workerflow.domain.tenants import TenantPolicy

FIRST_LOAD_BYTES = 150 * 1024


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[DashboardWorld]:
    with dashboard_world(monkeypatch, tmp_path) as made:
        yield made


def hrefs(answer: Answer) -> list[str]:
    return [html.unescape(one) for one in re.findall(r'href="([^"#][^"]*)"', answer.text)]


def shown(answer: Answer) -> str:
    """A page's text without its markup, white space made one."""
    assert answer.status == 200, answer.text
    body = answer.text.partition("<main")[2].partition("</main>")[0]
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", body)).split())


def signed_in(world: DashboardWorld, **token: str | None) -> Browser:
    return world.browser(world.token(**token))  # type: ignore[arg-type]


# In and out.


def test_whoever_is_not_signed_in_is_led_to_the_sign_in(world: DashboardWorld) -> None:
    for path, location in (("/", "/sign-in?to=%2F"), (f"/runs/{'0' * 44}", f"/sign-in?to=%2Fruns%2F{'0' * 44}")):
        answer = world.browser().open(path)
        assert (answer.status, answer.headers["location"]) == (303, location)


def test_the_sign_in_leads_to_what_was_wanted_also_at_the_second_try(world: DashboardWorld) -> None:
    browser, token = world.browser(), world.token("read")
    shown_first = browser.open(browser.open("/runs?status=failed&source=route%3Aecho").headers["location"])
    assert 'name="to" value="/runs?status=failed&amp;source=route%3Aecho"' in shown_first.text
    wanted = "/runs?status=failed&source=route%3Aecho"
    refused = browser.submit("/sign-in", {"token": "rubbish", "to": wanted})
    assert 'name="to" value="/runs?status=failed&amp;source=route%3Aecho"' in refused.text
    answer = browser.submit("/sign-in", {"token": token, "to": wanted})
    assert (answer.status, answer.headers["location"]) == (303, wanted)
    assert browser.open(wanted).status == 200


@pytest.mark.parametrize("wanted", ["//evil.test", "https://evil.test", "/\\evil.test", "/\t/evil.test"])
def test_the_sign_in_leads_nowhere_else(world: DashboardWorld, wanted: str) -> None:
    browser = world.browser()
    assert "evil" not in browser.open(f"/sign-in?{urlencode({'to': wanted})}").text
    answer = browser.submit("/sign-in", {"token": world.token("read"), "to": wanted})
    assert (answer.status, answer.headers["location"]) == (303, "/")


def test_whoever_is_signed_in_is_led_on_at_once_unless_he_comes_to_sign_in(world: DashboardWorld) -> None:
    browser = signed_in(world)
    led = {to: browser.open(f"/sign-in?to={quote(to, safe='')}") for to in ("/runs", "//evil.test")}
    assert {to: (answer.status, answer.headers["location"]) for to, answer in led.items()} == {
        "/runs": (303, "/runs"),
        "//evil.test": (303, "/"),
    }
    assert browser.open("/sign-in").status == 200


def test_the_sign_in_says_where_tokens_come_from(world: DashboardWorld) -> None:
    assert "make token ENV=dev NAME=you" in shown(world.browser().open("/sign-in"))


@pytest.mark.parametrize(
    ("token", "told"),
    [
        ("", "It is not whole"),
        ("rubbish", "It is not whole"),
        (f"wfd_{'a' * 12}_{'A' * 43}", "unknown, expired or revoked"),
    ],
)
def test_a_token_that_is_none_is_told_and_not_repeated(world: DashboardWorld, token: str, told: str) -> None:
    browser = world.browser()
    answer = browser.submit("/sign-in", {"token": token})
    assert answer.status == 401
    assert told in answer.text
    assert not token or token not in answer.text
    assert not browser.jar


def test_too_many_attempts_are_told_with_how_long_to_wait(world: DashboardWorld) -> None:
    browser = world.browser()
    answers = [browser.submit("/sign-in", {"token": "rubbish"}) for _ in range(11)]
    assert [answer.status for answer in answers] == [401] * 10 + [429]
    assert "Too many attempts from your network" in answers[-1].text
    assert int(answers[-1].headers["retry-after"]) > 0


def test_signing_out_ends_the_session(world: DashboardWorld) -> None:
    browser = signed_in(world)
    cookies = dict(browser.jar)
    csrf = re.findall(r'name="csrf" value="([^"]+)"', browser.open("/").text)[0]
    answer = browser.submit("/sign-out", {"csrf": csrf})
    assert (answer.status, answer.headers["location"]) == (303, "/sign-in")
    browser.jar = cookies
    assert browser.open("/").status == 303


# What every page carries.


@pytest.mark.parametrize("path", ["/", "/runs", "/sign-in", "/nothing-here"])
def test_a_page_runs_nothing_but_its_own(world: DashboardWorld, path: str) -> None:
    browser = signed_in(world)
    first, second = browser.open(path), browser.open(path)
    policy = first.headers["content-security-policy"]
    nonce = re.findall(r"script-src 'nonce-([0-9a-f]+)'", policy)[0]
    assert policy == (
        f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; img-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
    assert nonce not in second.headers["content-security-policy"]
    assert first.headers["cache-control"] == "no-store"
    assert first.headers["referrer-policy"] == "no-referrer"
    assert first.headers["x-content-type-options"] == "nosniff"
    assert set(re.findall(r'nonce="([^"]*)"', first.text)) == {nonce}


def test_a_first_load_stays_small(world: DashboardWorld) -> None:
    """Page, style and scripts, as they are and as they travel."""
    world.seeds.failed()
    browser = signed_in(world)
    page = browser.open("/")
    assets = re.findall(r'(?:href|src)="(/assets/[^"]+)"', page.text)
    assert len(assets) == 4
    plain, travelled = len(page.body), len(gzip.compress(page.body, 5))
    for asset in assets:
        answer = browser.open(asset)
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        plain += len(answer.body)
        travelled += len(gzip.compress(answer.body, 9))
    assert plain < FIRST_LOAD_BYTES
    assert travelled < FIRST_LOAD_BYTES / 3


def test_assets_need_no_session_and_there_are_no_others(world: DashboardWorld) -> None:
    assert world.browser().open("/assets/app.css").status == 200
    assert world.browser().open("/assets/nothing.css").status == 404


def test_what_is_not_there_is_a_page_that_says_what_to_do(world: DashboardWorld) -> None:
    browser = signed_in(world)
    answer = browser.open(f"/runs/{'0' * 44}")
    assert answer.status == 404
    assert "run_not_found" in answer.text
    assert "To the overview" in answer.text
    assert browser.open("/runs?status=broken").status == 400
    nowhere = browser.open("/nowhere")
    assert nowhere.status == 404
    assert "The address is mistyped" in nowhere.text
    assert "openapi" not in nowhere.text


def test_an_order_says_what_it_does_to_what_is_there(world: DashboardWorld) -> None:
    running, waiting = world.seeds.running().trace_id, world.seeds.waiting().trace_id
    browser = signed_in(world, scope="write")
    assert "Its handler is at work and is asked to stop." in shown(browser.open(f"/runs/{running}"))
    assert "It ends as cancelled at once, and is not tried again." in shown(browser.open(f"/runs/{waiting}"))
    world.seeds.queued()
    assert "Now 2 runs of the last 24 hours wait." in shown(browser.open("/routes"))


# Tenants.


def test_a_token_for_all_chooses_a_tenant_and_every_link_stays_with_it(world: DashboardWorld) -> None:
    world.declare(acme=TenantPolicy())
    run = world.seeds.failed(world.seeds.queued(tenant="acme"))
    browser = signed_in(world)
    assert run.trace_id not in browser.open("/runs").text
    for path in ("/", "/runs", f"/runs/{run.trace_id}", f"/runs/{run.trace_id}/lineage"):
        page = browser.open(f"{path}?tenant=acme")
        assert page.status == 200, page.text
        links = [link for link in hrefs(page) if link.startswith("/") and not link.startswith("/assets/")]
        assert links
        assert [link for link in links if "tenant=acme" not in link] == []


def test_a_tenants_token_sees_its_own_without_naming_it(world: DashboardWorld) -> None:
    world.declare(acme=TenantPolicy(), other=TenantPolicy())
    mine, theirs = (world.seeds.queued(tenant=tenant).trace_id for tenant in ("acme", "other"))
    browser = signed_in(world, tenant="acme")
    page = browser.open("/runs")
    assert mine in page.text
    assert theirs not in page.text
    assert "other" not in shown(page)
    assert browser.open(f"/runs/{theirs}").status == 404
    assert browser.open("/runs?tenant=other").status == 403


# Views.


def test_the_overview_tells_what_is_wrong_first_and_in_the_title(world: DashboardWorld) -> None:
    world.seeds.failed()
    world.seeds.queued(age_seconds=600)
    page = signed_in(world).open("/")
    text = shown(page)
    assert "1 dead letter is open" in text
    assert "for its first attempt" in text
    assert text.index("dead letter is open") < text.index("Succeeded")
    assert "<title>(2) Overview · WorkerFlow</title>" in page.text


def test_an_overview_without_trouble_says_so_and_without_runs_what_to_do(world: DashboardWorld) -> None:
    page = signed_in(world).open("/")
    assert "Nothing is wrong" in shown(page)
    assert "curl -i" in shown(page)
    assert "<title>Overview · WorkerFlow</title>" in page.text


def test_runs_are_filtered_by_the_address(world: DashboardWorld) -> None:
    failed = world.seeds.failed().trace_id
    queued = world.seeds.queued("schedule:report").trace_id
    old = world.seeds.queued(age_seconds=7200).trace_id
    browser = signed_in(world)

    def listed(query: str) -> set[str]:
        return set(re.findall(r'id="run-([0-9a-f]{44})"', browser.open(f"/runs?{query}").text))

    assert listed("") == {failed, queued, old}
    assert listed("status=failed") == {failed}
    assert listed("source=schedule%3Areport&status=") == {queued}
    assert listed("kind=scheduled_job") == {queued}
    assert listed("window=1h") == {failed, queued}
    assert listed("status=skipped") == set()


def test_a_long_list_goes_on_by_its_cursor_and_a_foreign_cursor_is_refused(world: DashboardWorld) -> None:
    ids = {world.seeds.queued(age_seconds=100 + number).trace_id for number in range(53)}
    browser = signed_in(world)
    first = browser.open("/runs")
    more = next(link for link in hrefs(first) if "cursor=" in link)
    second = browser.open(more)
    pages = [re.findall(r'id="run-([0-9a-f]{44})"', page.text) for page in (first, second)]
    assert [len(page) for page in pages] == [50, 3]
    assert {*pages[0], *pages[1]} == ids
    assert "To the newest" in shown(second)
    assert browser.open(f"{more}&status=queued").status == 400


def test_a_list_without_any_run_says_how_to_make_one(world: DashboardWorld) -> None:
    text = shown(signed_in(world).open("/runs"))
    assert "No run yet" in text
    assert "x-signature" in text


def test_a_failed_run_tells_its_error_its_payload_and_alike_errors(world: DashboardWorld) -> None:
    run = world.seeds.failed()
    page = signed_in(world).open(f"/runs/{run.trace_id}")
    text = shown(page)
    assert "requests.Timeout" in text
    assert "no answer in 3 s" in text
    assert "dead letter, exhausted" in text
    assert any(link.startswith("/letters?fingerprint=") for link in hrefs(page))
    assert f"<title>failed · webhook_echo · {run.trace_id[:6]}…{run.trace_id[-8:]} · WorkerFlow</title>" in page.text


def test_payload_and_output_can_be_downloaded_as_they_came(world: DashboardWorld) -> None:
    run = world.seeds.succeeded()
    browser = signed_in(world)
    payload = browser.open(f"/runs/{run.trace_id}/payload")
    assert (payload.status, payload.body) == (200, b'{"n":1}')
    assert payload.headers["content-disposition"].startswith("attachment")
    assert browser.open(f"/runs/{run.trace_id}/output").body == b'{"ok":true}'


def test_who_may_only_read_sees_no_order(world: DashboardWorld) -> None:
    run = world.seeds.failed()
    page = signed_in(world, scope="read").open(f"/runs/{run.trace_id}")
    assert re.findall(r'action="([^"]+)" method="post"', page.text) == ["/sign-out"]


def test_a_lineage_of_one_is_a_tree_of_one(world: DashboardWorld) -> None:
    run = world.seeds.failed()
    assert "This run was never replayed" in shown(signed_in(world).open(f"/runs/{run.trace_id}/lineage"))


@pytest.mark.parametrize("page", ["/runs", "/letters"])
def test_a_filter_offers_the_sources_of_the_tenant_and_the_one_that_is_looked_for(
    world: DashboardWorld, page: str
) -> None:
    world.declare(acme=TenantPolicy(routes=("webhook_echo",)))
    browser = signed_in(world)
    text = browser.open(f"{page}?tenant=acme&source=route:gone").text
    offered = re.findall(r'<option value="((?:route|schedule):[^"]+)"( selected)?>', text)
    assert [name for name, _ in offered if name.startswith("route:")] == ["route:webhook_echo", "route:gone"]
    assert [name for name, selected in offered if selected] == ["route:gone"]


# Numbers.


def test_numbers_that_may_be_wrong_are_not_called_right(world: DashboardWorld) -> None:
    """A task is older than all that was counted: it is in no number."""
    browser = signed_in(world)
    world.seeds.queued(age_seconds=60)
    exact = shown(browser.open("/routes")) + shown(browser.open("/"))
    assert "not exact" not in exact.lower()
    assert "Now 1 run of the last 24 hours waits." in exact
    start_ms = Span.HOUR.start_of(world.now_ms()) - 3 * Span.HOUR.ms
    world.aws.rollups.put_many([Rollup("default", Span.HOUR, start_ms, ALL_SOURCES, start_ms + 2 * Span.HOUR.ms)])
    world.seeds.queued(age_seconds=5 * 3600)
    routes = shown(browser.open("/routes"))
    assert "1 queued not exact" in routes
    assert "About 1 run of the last 24 hours waits." in routes
    assert "Not exact: some runs may not be counted yet" in shown(browser.open("/"))
