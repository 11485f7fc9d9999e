"""The dashboard's pages in a real browser, at the address that `make up` prints."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.visits import Visit
from tests.e2e.calls import Api
from tests.support.chromium import chromium
from tools.local import LocalStack

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture
def visit(browser: Browser, stack: LocalStack) -> Iterator[Visit]:
    context = browser.new_context(viewport={"width": 1440, "height": 900}, reduced_motion="reduce")
    context.set_default_timeout(20_000)
    visit = Visit(context.new_page(), f"http://{stack.dashboard_host}")
    yield visit
    visit.end()


def test_the_printed_token_lets_in_and_the_demos_run_is_shown(visit: Visit, stack: LocalStack, api: Api) -> None:
    run = api.call_with("webhook_echo", "shown-in-a-browser", b'{"hello": "browser"}')
    api.ended(run.trace_id)

    visit.sign_in(stack.dashboard_token)
    page = visit.page
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")
    visit.go("/runs?source=route:webhook_echo")
    page.locator(f"#run-{run.trace_id} .row-link").click()
    expect(page).to_have_url(re.compile(f"/runs/{run.trace_id}"))
    expect(page.locator("main")).to_contain_text("browser")
    page.locator(".account summary").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(re.compile("/sign-in$"))
    visit.go("/runs")
    expect(page).to_have_url(re.compile(r"/sign-in\?to=%2Fruns$"))


def test_the_cookie_is_kept_from_scripts_and_other_sites(visit: Visit, stack: LocalStack) -> None:
    """Over plain HTTP on loopback it has another name, and is not `Secure`; on AWS it is `__Host-workerflow`."""
    visit.sign_in(stack.dashboard_token)
    expect(visit.page.get_by_role("heading", level=1)).to_have_text("Overview")

    [cookie] = visit.page.context.cookies()
    assert (cookie["name"], cookie["httpOnly"], cookie["sameSite"], cookie["path"]) == (
        "workerflow-local",
        True,
        "Strict",
        "/",
    )
    assert visit.page.evaluate("document.cookie") == ""


def test_the_call_of_an_empty_page_works_as_it_is_printed(visit: Visit, stack: LocalStack, api: Api) -> None:
    """But for its second line: `tools.credentials --env local` means the stack of `make up`, not a test's."""
    visit.sign_in(stack.dashboard_token)
    page = visit.go("/routes")
    card = page.locator("#webhook_echo")
    card.get_by_text("A call to paste").click()
    lines = card.locator(".command pre").inner_text().splitlines()
    assert lines[1].startswith("SECRET=$(.venv/bin/python -m tools.credentials show --env local --tenant default |")
    lines[1] = f"SECRET={stack.credentials.signing}"

    pasted = subprocess.run(["sh", "-eu", "-c", "\n".join(lines)], capture_output=True, text=True, check=True)

    status, _, answer = pasted.stdout.replace("\r", "").partition("\n")
    assert " 202 " in f"{status} ", pasted.stdout
    trace_id = json.loads(answer.partition("\n\n")[2])["traceId"]
    assert api.ended(trace_id)["state"] == "succeeded"


STAND_IN = """#!{python}
import os, sys, boto3
assert sys.argv[1:3] == ["secretsmanager", "create-secret"]
given = dict(zip(sys.argv[3::2], sys.argv[4::2], strict=True))
client = boto3.client("secretsmanager", region_name=given["--region"], endpoint_url=given["--endpoint-url"])
value = open(given["--secret-string"].removeprefix("file://")).read()
client.create_secret(Name=given["--name"], SecretString=value)
"""
"""Reads what the AWS CLI reads of this command: its options, and credentials from the environment."""


def test_the_command_that_makes_a_missing_secret_works_as_it_is_printed(
    visit: Visit, stack: LocalStack, tmp_path: Path
) -> None:
    visit.sign_in(stack.dashboard_token)
    missing = visit.go("/configuration").get_by_role("region", name="forward-url", exact=True)
    expect(missing).to_contain_text("missing")
    (tmp_path / "aws").write_text(STAND_IN.format(python=sys.executable))
    (tmp_path / "aws").chmod(0o755)
    (tmp_path / "forward-url.txt").write_text("https://example.com/hook")
    command = missing.locator(".command pre").inner_text()
    surroundings = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "HOME": str(tmp_path)}

    subprocess.run(["sh", "-eu", "-c", command], cwd=tmp_path, env=surroundings, check=True)

    secrets = stack.client("secretsmanager")
    name = "workerflow/local/default/handlers/forward-url"
    assert secrets.get_secret_value(SecretId=name)["SecretString"] == "https://example.com/hook"
    secrets.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
