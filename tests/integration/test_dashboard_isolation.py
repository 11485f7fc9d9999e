"""A tenant's token sees and changes its own things and no other's: by any endpoint, parameter, cursor or id."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from functions.dashboard.endpoint import Endpoint
from functions.dashboard.endpoints import API
from functions.dashboard.pages import PAGES
from tests.integration.dashboard_things import FORMS, Things, count_of, seed
from tests.integration.dashboard_world import Answer, Browser, DashboardWorld, dashboard_world
from tests.support.tasks import NOW_MS
from workerflow.domain.access import Scope
from workerflow.tables import TABLES

OURS, THEIRS = "globex", "acme"
NOWHERE = "initech"
READS = tuple(one for one in API if not one.is_write)
ORDERS = tuple(one for one in API if one.is_write)
BY_ID = tuple(one for one in API if "{traceId}" in one.template or "{jobId}" in one.template)
LISTS = tuple(one for one in API if "cursor" in one.query)
VIEWS = tuple(one for one in PAGES if one.method == "GET" and one.scope is not None)
UNMARKED = frozenset({"readHealth", "readApi", "readSession", "readTimeline", "readLineage"}) | {
    "listLetters",
    "listSchedules",
    "readConfiguration",
}
"""Answers in which no text of a tenant's stands; what they tell is looked at by itself."""
NO_ID = {"traceId": f"{NOW_MS:012x}{'0' * 32}", "jobId": f"{NOW_MS:012x}{'0' * 16}"}

pytestmark = pytest.mark.slow


@dataclass
class Stage:
    """Two tenants with things of their own, a token of one of them, and one for all."""

    world: DashboardWorld
    ours: Things
    theirs: Things
    token: str
    any_token: str

    def get(self, endpoint: Endpoint, things: Things, query: str = "", *, token: str | None = None) -> Answer:
        """Ask for somebody's things with our token."""
        target = things.ask(endpoint).target(endpoint)
        return self.world.get(f"{target}?{query}" if query else target, token=token or self.token)

    def order(self, endpoint: Endpoint, path: Mapping[str, str], body: Any, **headers: str) -> Answer:
        """Order something with our token."""
        target = endpoint.template.format(**path)
        return self.world.post(target, body, token=self.token, headers=headers)

    def kept(self) -> dict[str, str]:
        """Everything in the tables, by table and key. Without tokens and sessions, which are nobody's."""
        return {
            f"{table.name}/{item['pk']}/{item.get('sk', '')}": repr(sorted(item.items(), key=lambda pair: pair[0]))
            for table in TABLES
            for item in self.world.aws.items(table)
            if not str(item["pk"]).startswith(("#tokens", "#session"))
        }


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("isolation")
    with pytest.MonkeyPatch.context() as patch, dashboard_world(patch, folder, quick=True) as world:
        world.declare(OURS, THEIRS)
        ours, theirs = seed(world, OURS, orders=2), seed(world, THEIRS, orders=2)
        yield Stage(world, ours, theirs, world.token("write", OURS), world.token("write"))


def problem_of(answer: Answer) -> dict[str, Any]:
    """A refusal without what is each request's own."""
    return {name: value for name, value in answer.document.items() if name != "requestId"}


def part_of(endpoint: Endpoint) -> str:
    """Which id stands in the endpoint's path."""
    [part] = [name for name in NO_ID if f"{{{name}}}" in endpoint.template]
    return part


def theirs(stage: Stage, part: str) -> Sequence[str]:
    """Their ids of one kind."""
    return stage.theirs.counted if part == "jobId" else [*set(stage.theirs.ids) - set(stage.theirs.counted)]


def name_of(endpoint: Endpoint) -> str:
    return endpoint.name


# What is read.


@pytest.mark.parametrize("endpoint", READS, ids=name_of)
def test_a_tenants_token_reads_its_own_things_and_no_others(stage: Stage, endpoint: Endpoint) -> None:
    answer = stage.get(endpoint, stage.ours)
    assert answer.status == 200
    assert (stage.ours.mark in answer.text) is (endpoint.name not in UNMARKED)
    assert not [one for one in (stage.theirs.mark, *stage.theirs.ids) if one in answer.text]


@pytest.mark.parametrize("endpoint", READS, ids=name_of)
def test_a_token_for_all_reads_the_tenant_that_it_asks_for(stage: Stage, endpoint: Endpoint) -> None:
    query = f"tenant={THEIRS}" if endpoint.of_tenant else ""
    answer = stage.get(endpoint, stage.theirs, query, token=stage.any_token)
    assert answer.status == 200
    assert (stage.theirs.mark in answer.text) is (endpoint.name not in UNMARKED)
    assert not [one for one in (stage.ours.mark, *stage.ours.ids) if one in answer.text]


@pytest.mark.parametrize("endpoint", [one for one in READS if one.of_tenant], ids=name_of)
def test_a_header_names_no_tenant(stage: Stage, endpoint: Endpoint) -> None:
    target = stage.ours.ask(endpoint).target(endpoint)
    answer = stage.world.get(target, token=stage.token, headers={"x-tenant-id": THEIRS, "tenant": THEIRS})
    assert answer.status == 200
    assert stage.theirs.mark not in answer.text


@pytest.mark.parametrize("name", ["readSummary", "readTimeline"])
def test_counts_are_a_tenants_own(stage: Stage, name: str) -> None:
    [endpoint] = [one for one in READS if one.name == name]
    answer = stage.get(endpoint, stage.ours)
    assert str(count_of(OURS)) in answer.text
    assert not [other for other in (count_of(THEIRS), count_of(OURS) + count_of(THEIRS)) if str(other) in answer.text]


def test_configuration_tells_names_of_the_tenants_own_secrets(stage: Stage) -> None:
    [endpoint] = [one for one in READS if one.name == "readConfiguration"]
    text = stage.get(endpoint, stage.ours).text
    assert f"/{OURS}/" in text
    assert f"/{THEIRS}/" not in text
    assert "/default/" not in text


@pytest.mark.parametrize("endpoint", READS, ids=name_of)
def test_another_tenant_is_refused_alike_whether_it_exists_or_not(stage: Stage, endpoint: Endpoint) -> None:
    known, unknown = (stage.get(endpoint, stage.theirs, f"tenant={name}") for name in (THEIRS, NOWHERE))
    expected = (403, "tenant_forbidden") if endpoint.of_tenant else (400, "parameter_invalid")
    assert (known.status, known.code) == expected
    assert problem_of(known) == problem_of(unknown)


@pytest.mark.parametrize("endpoint", [one for one in BY_ID if not one.is_write], ids=name_of)
def test_anothers_id_is_read_as_one_that_there_is_not(stage: Stage, endpoint: Endpoint) -> None:
    part = part_of(endpoint)
    nothing = stage.world.get(endpoint.template.format(**{part: NO_ID[part]}), token=stage.token)
    assert nothing.status == 404
    for one in theirs(stage, part):
        answer = stage.world.get(endpoint.template.format(**{part: one}), token=stage.token)
        assert (answer.status, problem_of(answer)) == (404, problem_of(nothing))


@pytest.mark.parametrize("endpoint", LISTS, ids=name_of)
def test_a_cursor_of_another_tenants_list_leads_nowhere(stage: Stage, endpoint: Endpoint) -> None:
    page = stage.get(endpoint, stage.theirs, f"tenant={THEIRS}&limit=1", token=stage.any_token)
    cursor = page.document["nextCursor"]
    assert cursor
    refused = stage.get(endpoint, stage.ours, f"limit=1&cursor={cursor}")
    assert (refused.status, refused.code) == (400, "cursor_invalid")
    own = stage.get(endpoint, stage.ours, "limit=1").document["nextCursor"]
    assert stage.get(endpoint, stage.ours, f"limit=1&cursor={own}").status == 200
    stolen = stage.get(endpoint, stage.theirs, f"tenant={THEIRS}&cursor={own}", token=stage.any_token)
    assert (stolen.status, stolen.code) == (400, "cursor_invalid")


@pytest.mark.parametrize("endpoint", LISTS, ids=name_of)
def test_a_cursor_of_one_list_leads_nowhere_in_another(stage: Stage, endpoint: Endpoint) -> None:
    cursor = stage.get(endpoint, stage.ours, "limit=1").document["nextCursor"]
    codes = {other.name: stage.get(other, stage.ours, f"cursor={cursor}") for other in LISTS if other is not endpoint}
    assert {name: (answer.status, answer.code) for name, answer in codes.items()} == dict.fromkeys(
        codes, (400, "cursor_invalid")
    )


def test_anothers_fingerprint_leads_to_no_letter(stage: Stage) -> None:
    letters = stage.world.get(f"/api/letters?tenant={THEIRS}", token=stage.any_token).document["letters"]
    fingerprint = letters[0]["fingerprint"]
    assert stage.world.get(f"/api/letters?fingerprint={fingerprint}", token=stage.token).document["letters"] == []
    body = {"action": "resolve", "filter": {"fingerprint": fingerprint}, "reason": "x"}
    assert stage.world.post("/api/bulk-jobs", body, token=stage.token).document["details"]["matched"] == "0"


def test_every_page_of_every_list_is_the_tenants_own(stage: Stage) -> None:
    for endpoint in LISTS:
        query, told = "limit=1", ""
        while query:
            page = stage.get(endpoint, stage.ours, query)
            told += page.text
            cursor = page.document["nextCursor"]
            query = f"limit=1&cursor={cursor}" if cursor else ""
        assert not [one for one in (stage.theirs.mark, *stage.theirs.ids) if one in told]


def test_calls_in_nobodys_name_are_told_to_tokens_for_all_tenants(stage: Stage) -> None:
    stage.world.seeds.refused_call(None)
    refused = stage.world.get("/api/refused-calls?unknown=true", token=stage.token)
    assert (refused.status, refused.code) == (403, "tenant_forbidden")
    assert len(stage.world.get("/api/refused-calls?unknown=true", token=stage.any_token).document["calls"]) == 1


def test_who_else_is_a_tenant_is_told_to_tokens_for_all_tenants(stage: Stage) -> None:
    published = {"action": "tenants.published", "reason": "acme has signed", "details": {"added": THEIRS}}
    stage.world.seeds.audit("default", **published)
    bound = stage.world.token("read", "default")
    told = stage.world.get("/api/audit", token=bound).text + stage.world.browser(bound).open("/audit").text
    assert "tenants.published" in told
    assert THEIRS not in told
    assert "acme has signed" in stage.world.get("/api/audit", token=stage.any_token).text


# What is ordered.


@pytest.mark.parametrize("endpoint", [one for one in BY_ID if one.is_write], ids=name_of)
def test_an_order_for_anothers_id_is_refused_as_for_one_that_there_is_not(stage: Stage, endpoint: Endpoint) -> None:
    body = stage.ours.ask(endpoint).body
    part = part_of(endpoint)
    nothing = stage.order(endpoint, {part: NO_ID[part]}, body)
    assert nothing.status == 404
    before = stage.kept()
    for one in theirs(stage, part):
        answer = stage.order(endpoint, {part: one}, body)
        assert (answer.status, problem_of(answer)) == (404, problem_of(nothing))
    assert stage.kept() == before


@pytest.mark.parametrize("endpoint", ORDERS, ids=name_of)
def test_an_order_in_anothers_name_is_refused_and_changes_nothing(stage: Stage, endpoint: Endpoint) -> None:
    ask, before = stage.theirs.ask(endpoint), stage.kept()
    for name in (THEIRS, NOWHERE, "default"):
        answer = stage.world.post(f"{ask.target(endpoint)}?tenant={name}", ask.body, token=stage.token)
        assert (answer.status, answer.code) == (403, "tenant_forbidden")
    answer = stage.world.post(ask.target(endpoint), ask.body | {"tenant": THEIRS}, token=stage.token)
    assert (answer.status, answer.code) == (400, "body_invalid")
    assert stage.kept() == before


@pytest.mark.parametrize("endpoint", ORDERS, ids=name_of)
def test_an_order_changes_the_tenants_own_things_alone(stage: Stage, endpoint: Endpoint) -> None:
    ask, before = stage.ours.ask(endpoint), stage.kept()
    answer = stage.world.post(ask.target(endpoint), ask.body, token=stage.token)
    assert (answer.status, answer.document["tenant"]) == (200, OURS), answer.text
    after = stage.kept()
    changed = {key.split("/", 1)[1] for key in after.keys() | before.keys() if after.get(key) != before.get(key)}
    assert changed
    assert not [key for key in changed if not key.startswith((f"{OURS}#", f"{OURS}/")) and f"#{OURS}" not in key]


def test_a_schedule_of_another_tenant_is_one_that_there_is_not(stage: Stage) -> None:
    for order, body in (("run", {"reason": "x"}), ("state", {"reason": "x", "state": "paused"})):
        known, unknown = (
            stage.world.post(f"/api/schedules/{name}/{order}", body, token=stage.token) for name in ("nightly", "none")
        )
        assert (known.status, problem_of(known)) == (404, problem_of(unknown))


def test_a_bulk_job_counts_the_tenants_own_letters(stage: Stage) -> None:
    body = {"action": "resolve", "filter": {}, "reason": "all of them"}
    ours = stage.world.post("/api/bulk-jobs", body, token=stage.token).document
    job = stage.world.get(f"/api/bulk-jobs/{ours['target'].removeprefix('bulk:')}", token=stage.token).document
    letters = stage.world.get("/api/letters?state=open&limit=100", token=stage.token).document["letters"]
    assert job["matched"] == len(letters) > 0
    assert {one["traceId"] for one in letters} <= set(stage.ours.failed)


def test_a_key_of_one_token_is_not_another_tenants(stage: Stage) -> None:
    body, key = {"state": "paused", "reason": "x"}, {"idempotency-key": "the-same-key"}
    other = stage.world.token("write", THEIRS)
    target = "/api/routes/payload_hash/state"
    answers = [stage.world.post(target, body, token=one, headers=key).document for one in (stage.token, other)]
    assert [(one["tenant"], one["repeated"]) for one in answers] == [(OURS, False), (THEIRS, False)]
    again = stage.world.post(target, body, token=stage.token, headers=key).document
    assert (again["tenant"], again["repeated"]) == (OURS, True)


# Pages.


@pytest.fixture(scope="module")
def browser(stage: Stage) -> Browser:
    return stage.world.browser(stage.token)


@pytest.mark.parametrize("endpoint", VIEWS, ids=name_of)
def test_a_tenants_session_is_shown_its_own_things_and_no_others(
    stage: Stage, browser: Browser, endpoint: Endpoint
) -> None:
    answer = browser.open(stage.ours.ask(endpoint, number=1).target(endpoint))
    assert answer.status == 200
    assert not [one for one in (stage.theirs.mark, *stage.theirs.ids) if one in answer.text]


@pytest.mark.parametrize("endpoint", VIEWS, ids=name_of)
def test_a_page_of_another_tenant_is_refused(stage: Stage, browser: Browser, endpoint: Endpoint) -> None:
    answer = browser.open(f"{stage.theirs.ask(endpoint, number=1).target(endpoint)}?tenant={THEIRS}")
    assert answer.status == 403
    assert stage.theirs.mark not in answer.text


@pytest.mark.parametrize("endpoint", [one for one in VIEWS if "Id}" in one.template], ids=name_of)
def test_a_page_of_anothers_id_is_not_found(stage: Stage, browser: Browser, endpoint: Endpoint) -> None:
    part = part_of(endpoint)
    answers = [browser.open(endpoint.template.format(**{part: one})) for one in theirs(stage, part)]
    assert {answer.status for answer in answers} == {404}
    assert not [answer for answer in answers if stage.theirs.mark in answer.text]


@pytest.mark.parametrize("endpoint", [one for one in PAGES if one.name in FORMS and "Id}" in one.template], ids=name_of)
def test_a_form_for_anothers_id_changes_nothing(stage: Stage, browser: Browser, endpoint: Endpoint) -> None:
    part = part_of(endpoint)
    form = stage.ours.ask(endpoint, number=1).form
    before = stage.kept()
    for one in theirs(stage, part):
        sent = {**form, "csrf": csrf_of(stage, browser), "key": f"{endpoint.name}-{one}"}
        answer = browser.submit(endpoint.template.format(**{part: one}), sent)
        assert answer.status == 404
        assert stage.theirs.mark not in answer.text
    assert stage.kept() == before


def csrf_of(stage: Stage, browser: Browser) -> str:
    """What this session's forms carry."""
    page = browser.open(f"/runs/{stage.ours.failed[-1]}/replay").text
    return page.partition('name="csrf" value="')[2].partition('"')[0]


def test_no_order_was_ever_recorded_in_anothers_name_by_our_token(stage: Stage) -> None:
    """The last look: whatever the tests before tried, the other tenant's trail tells of nothing that we did."""
    token_id = stage.token.split("_")[1]
    events = stage.world.get("/api/audit?limit=100&tenant=acme", token=stage.any_token).document["events"]
    assert events
    assert not [event for event in events if token_id in event["actor"]]
    assert {one.scope for one in ORDERS} == {Scope.WRITE}
