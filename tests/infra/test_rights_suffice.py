"""The rights are those that the functions need: what the fault test's stories call, and nothing beside it.

    stories             --calls, by function--> needed rights  ==  granted rights, but for some that no story tells of
    dashboard's endpoints --/

So a call that nobody granted is found here, and not in the first minute after a deploy; and so is a right that nobody
uses any more.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from functions.dashboard import wiring
from functions.dashboard.endpoints import API
from functions.dashboard.pages import PAGES
from functions.dashboard.sessions import SECURE
from tests.faults.flows import FLOWS
from tests.faults.histories import play
from tests.infra.test_rights import BUCKETS, EXPECTED, LETTERS, READ_QUEUE, SECRETS, TASKS
from tests.integration.dashboard_things import seed
from tests.integration.dashboard_world import dashboard_world
from tests.support.access import KEYS, a_sign_in
from tests.support.aws import PREFIX
from tests.support.faults import Call
from tests.support.world import moto_world
from workerflow.domain.access import SESSION_SEEN_EVERY_SECONDS, Session

pytestmark = pytest.mark.slow

FUNCTION_OF = {
    "_answer": "ingress",
    "_deliver": "consumer",
    "ExecuteTask": "workflow",
    "Context": "workflow",
    "RollUp": "workflow",
    "RetryLetters": "workflow",
    "WriteDigest": "workflow",
    "CleanUp": "workflow",
    "SnapshotConfig": "workflow",
    "Tick": "scheduler",
}
"""Which function a call comes from, by the outermost of our own on the stack."""
AT_THE_DASHBOARD = frozenset(
    {
        "AbortBulk",
        "CancelRun",
        "CarryOutOnce",
        "CountBulk",
        "ListAudit",
        "ListErrorGroups",
        "ListLetters",
        "ListTasks",
        "ReadBulkJobs",
        "ReadConfiguration",
        "ReadLineage",
        "ReadRefusedCalls",
        "ReadRoutes",
        "ReadRunDetail",
        "ReadSchedules",
        "ReadSession",
        "ReadSummary",
        "ReplayTask",
        "ResolveLetter",
        "RetryNow",
        "RunSchedule",
        "SetSwitch",
        "SignIn",
        "SignOut",
        "StartBulk",
    }
)
"""What stories have operators do, who sit at the dashboard."""
OPERATORS = {"PublishTenants", "IssueToken", "RevokeToken", ""}
ACTIONS: Mapping[str, tuple[str, ...]] = {
    "sqs.SendMessageBatch": ("sqs:SendMessage",),
    "lambda.Invoke": ("lambda:InvokeFunction",),
    "s3.DeleteObjects": ("s3:DeleteObject",),
    "s3.ListObjectsV2": ("s3:ListBucket",),
    "s3.CopyObject": ("s3:GetObject", "s3:PutObject"),
}
"""Calls whose rights are called otherwise."""
VERBS = {"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem"}
PLACES = {
    "ingress": f"{SECRETS}/*/ingress-??????",
    "workflow": f"{SECRETS}/*/handlers/*",
    "dashboard": f"{SECRETS}/_dashboard/key-??????",
}

UNTOLD = {
    "ingress": {
        ("dynamodb:PutItem", LETTERS),  # a sync call whose last attempt dies
        ("secretsmanager:GetSecretValue", f"{SECRETS}/*/ingress"),  # a tenant that has no secret
    },
    "consumer": {
        ("s3:GetObject", "Bucket/*"),  # how a run stands is told by the same service as to a caller
        *((action, TASKS) for action in READ_QUEUE),  # the event source's
    },
    "workflow": {("secretsmanager:GetSecretValue", PLACES["workflow"])},  # the handlers'
    "scheduler": {
        ("dynamodb:DeleteItem", BUCKETS),  # a place that was taken and nobody knows
        ("s3:ListBucket", "Bucket"),  # to know a payload that is gone from one that may not be read
    },
    "dashboard": {
        ("secretsmanager:GetSecretValue", f"{SECRETS}/_dashboard/key"),  # before the first token is made
        ("s3:ListBucket", "Bucket"),  # as the scheduler's
    },
}
"""Rights that no story needs, each for a reason."""


def rights_of(call: Call, function: str) -> Iterator[tuple[str, str]]:
    """What a function must be allowed for a call, as (action, resource), in production's names."""
    actions = ACTIONS.get(call.name, (f"{call.service}:{call.operation}",))
    match call.service:
        case "dynamodb":
            yield from ((f"dynamodb:{verb}", table.replace(PREFIX, "workerflow-prod")) for verb, table in _items(call))
        case "sqs":
            queue = call.parameters["QueueUrl"].rpartition("/")[2].replace(PREFIX, "workerflow-prod")
            yield from ((action, queue) for action in actions)
        case "s3":
            yield from ((action, "Bucket" if action == "s3:ListBucket" else "Bucket/*") for action in actions)
        case "lambda":
            yield actions[0], "workerflow-prod-workflow"
        case "secretsmanager":
            yield actions[0], f"{SECRETS}/*" if call.operation == "DescribeSecret" else PLACES[function]


def _items(call: Call) -> Iterator[tuple[str, str]]:
    parameters = call.parameters
    for write in parameters.get("TransactItems", []):
        yield from ((VERBS[verb], one["TableName"]) for verb, one in write.items())
    for table in parameters.get("RequestItems", {}):
        yield call.operation, table
    if "TableName" in parameters:
        index = f"/index/{parameters['IndexName']}" if "IndexName" in parameters else ""
        yield call.operation, parameters["TableName"] + index


def needed_by_the_dashboard(folder: Path) -> Iterator[tuple[str, str]]:
    """The rights that its endpoints need, each asked for something that there is."""
    with pytest.MonkeyPatch.context() as patch, dashboard_world(patch, folder) as world:
        things, token = seed(world, "default"), world.token()
        wiring.dashboard.cache_clear()
        world.aws.line.reset()
        browser = world.browser(token)
        session = KEYS.session_digest(browser.jar[SECURE.name])
        seen_ms = world.now_ms() - 2 * SESSION_SEEN_EVERY_SECONDS * 1000  # so that its next use is written
        world.aws.sessions.add_session(Session(session, token.split("_")[1], seen_ms, seen_ms), a_sign_in())
        for endpoint in API:
            ask = things.ask(endpoint)
            assert world.api(endpoint.method, ask.target(endpoint), ask.body, token=token).status == 200, endpoint.name
        for endpoint in (one for one in PAGES if one.method == "GET"):
            assert browser.open(things.ask(endpoint).target(endpoint)).status == 200, endpoint.name
        assert browser.submit("/sign-out", {"csrf": KEYS.csrf_token(session)}).status == 303
        for call in world.aws.line.calls:
            if "lambda_handler" in call.site.caller:
                yield from rights_of(call, "dashboard")


@pytest.fixture(scope="module")
def needed(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, set[tuple[str, str]]]:
    """The rights that each function needs for all stories, when nothing fails."""
    found: dict[str, set[tuple[str, str]]] = {function: set() for function in EXPECTED}
    found["dashboard"] = set(needed_by_the_dashboard(tmp_path_factory.mktemp("dashboard")))
    strangers = set()
    with moto_world() as aws:
        for flow in FLOWS:
            world = flow.world(aws)
            play(world, flow)
            for call in world.line.calls:
                outermost = call.site.caller.split(" > ")[0].split(".")[0]
                if function := "dashboard" if outermost in AT_THE_DASHBOARD else FUNCTION_OF.get(outermost):
                    found[function].update(rights_of(call, function))
                elif outermost not in OPERATORS:
                    strangers.add(call.site.caller)
    assert not strangers
    return found


@pytest.mark.parametrize("function", EXPECTED)
def test_a_function_may_do_all_that_it_does(needed: Mapping[str, set[tuple[str, str]]], function: str) -> None:
    assert needed[function] - EXPECTED[function] == set()


@pytest.mark.parametrize("function", EXPECTED)
def test_a_function_may_do_nothing_that_it_never_does(
    needed: Mapping[str, set[tuple[str, str]]], function: str
) -> None:
    assert EXPECTED[function] - needed[function] - UNTOLD[function] == set()
