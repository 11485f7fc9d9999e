"""The tenants' command: faults before anything is written, what was changed after it was."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, override

import boto3
import pytest
from moto import mock_aws

from tests.support.aws import table_request
from tools.local import here
from tools.local.emulator import LocalStackError
from tools.local.here import client_here, port_of
from tools.tenants import main, publish, show, store_of, unknown_routes
from workerflow.adapters.dynamodb.tenants import DynamoTenants
from workerflow.domain.tenants import RateLimit, TenantPolicy, Tenants
from workerflow.domain.tenants_file import read_tenants
from workerflow.ports.tenants import TenantsDocument
from workerflow.tables import AUDIT_EVENTS, CURSOR_STATE, table_name

EXAMPLE = Path(__file__).parents[2] / "docs" / "tenants.example.json"

type Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        client = boto3.client("dynamodb")
        for table in (CURSOR_STATE, AUDIT_EVENTS):
            client.create_table(**table_request(table) | {"TableName": table_name("workerflow-dev", table)})
        yield client


@pytest.fixture
def store(client: Any) -> DynamoTenants:
    return store_of(client, "dev")


@pytest.fixture
def run(client: Any, capsys: pytest.CaptureFixture[str]) -> Run:
    assert client is not None

    def command(*arguments: object) -> tuple[int, str, str]:
        code = main([str(argument) for argument in arguments])
        told = capsys.readouterr()
        return code, told.out, told.err

    return command


def written(tmp_path: Path, tenants: dict[str, Any]) -> Path:
    file = tmp_path / "tenants.json"
    file.write_text(json.dumps({"tenants": tenants}))
    return file


def test_the_example_is_valid_and_is_published_as_it_is(run: Run, store: DynamoTenants) -> None:
    assert run("check", "--file", EXAMPLE) == (0, f"{EXAMPLE} can be published.\n", "")
    code, out, err = run("publish", "--env", "dev", "--file", EXAMPLE)
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        "Published as version 1; it holds within a minute.",
        "  added    acme",
        "  added    globex",
    ]
    document = store.get()
    assert document is not None
    assert read_tenants(document.text) == read_tenants(EXAMPLE.read_text())


def test_what_a_file_changes_is_told(run: Run, tmp_path: Path) -> None:
    run("publish", "--env", "dev", "--file", written(tmp_path, {"a": {}, "b": {}}))
    code, out, _ = run("publish", "--env", "dev", "--file", written(tmp_path, {"b": {"maxInFlight": 1}, "c": {}}))
    assert code == 0
    assert out.splitlines() == [
        "Published as version 2; it holds within a minute.",
        "  added    c",
        "  changed  b",
        "  removed  a: nobody is let in, its accepted tasks go on to their end",
    ]
    _, out, _ = run("publish", "--env", "dev", "--file", written(tmp_path, {"b": {"maxInFlight": 1}, "c": {}}))
    assert out == "Nothing changes: version 2 says the same.\n"


def test_the_audit_row_tells_who_published_and_why(run: Run, client: Any, tmp_path: Path) -> None:
    run("publish", "--env", "dev", "--file", written(tmp_path, {"a": {}}), "--reason", "a new customer")
    (row,) = client.scan(TableName="workerflow-dev-audit-events")["Items"]
    assert row["actor"]["S"].startswith("arn:aws:sts::123456789012:")
    assert (row["action"]["S"], row["reason"]["S"]) == ("tenants.published", "a new customer")


def test_every_fault_is_told_and_nothing_is_published(run: Run, store: DynamoTenants, tmp_path: Path) -> None:
    file = written(tmp_path, {"A": {}, "b": {"maxInFlight": 0}})
    for action in (("check",), ("publish", "--env", "dev")):
        code, out, err = run(*action, "--file", file)
        assert (code, out) == (1, "")
        assert err.splitlines() == [
            f"workerflow: {file}: tenants.'A' is no tenant id: it is not [a-z0-9][a-z0-9-]{{0,62}}",
            f"workerflow: {file}: tenants.b.maxInFlight 0 is not a whole number from 1 to 100",
        ]
    assert store.get() is None


def test_what_is_shown_can_be_published_again(run: Run, tmp_path: Path) -> None:
    _, before, _ = run("show", "--env", "dev")
    assert read_tenants(before).names == ("default",)
    run("publish", "--env", "dev", "--file", written(tmp_path, {"a": {}, "b": {"routes": ["webhook_echo"]}}))
    run("publish", "--env", "dev", "--file", written(tmp_path, {"b": {"routes": ["webhook_echo"]}}))
    _, shown, _ = run("show", "--env", "dev")
    file = tmp_path / "shown.json"
    file.write_text(shown)
    assert run("publish", "--env", "dev", "--file", file)[1] == "Nothing changes: version 2 says the same.\n"
    assert set(read_tenants(shown).retired) == {"a"}


def test_a_route_that_no_handler_here_declares_is_a_warning(run: Run, tmp_path: Path) -> None:
    code, _, err = run("publish", "--env", "dev", "--file", written(tmp_path, {"a": {"routes": ["webhok_echo"]}}))
    assert code == 0
    assert err == "workerflow: no handler here declares the route webhok_echo; is it spelt right?\n"


def test_routes_are_looked_for_wherever_a_file_names_them() -> None:
    tenants = Tenants.of(
        {
            "a": TenantPolicy(routes=("one", "two")),
            "b": TenantPolicy(rate_limits=(RateLimit(1, 1, "three"), RateLimit(1, 1))),
        }
    )
    assert unknown_routes(tenants, {"one"}) == ["three", "two"]


def spoil(store: DynamoTenants, client: Any) -> None:
    """Let somebody have edited the published file by hand."""
    publish(store, '{"tenants":{"globex":{}}}', actor="ops")
    (item,) = client.scan(TableName="workerflow-dev-cursor-state")["Items"]
    client.put_item(TableName="workerflow-dev-cursor-state", Item=item | {"document": {"B": b"{"}})


def test_what_is_unreadable_is_shown_as_it_is_and_not_replaced(
    run: Run, store: DynamoTenants, client: Any, tmp_path: Path
) -> None:
    spoil(store, client)
    assert show(store) == "{"
    code, out, err = run("publish", "--env", "dev", "--file", written(tmp_path, {"a": {}}))
    assert (code, out) == (1, "")
    assert "version 1, which stands there, cannot be read (the file is not JSON" in err
    assert '{"retired": {"<id>": <epoch milliseconds>}}' in err
    assert "--force" in err
    assert show(store) == "{"


def test_it_is_replaced_by_whoever_insists(run: Run, store: DynamoTenants, client: Any, tmp_path: Path) -> None:
    spoil(store, client)
    code, out, _ = run("publish", "--env", "dev", "--file", written(tmp_path, {"a": {}}), "--force")
    assert (code, out.splitlines()[0]) == (0, "What stood there was unreadable; it is replaced.")
    assert read_tenants(show(store)).names == ("a", "default")


def test_nobody_is_overwritten_unseen(store: DynamoTenants) -> None:
    class Late(DynamoTenants):
        @override
        def get(self) -> TenantsDocument | None:
            found = super().get()
            publish(store, '{"tenants":{"other":{}}}', actor="another")
            return found

    late = Late(store._database, state=store._state, audit=store._trail.events)
    assert publish(late, '{"tenants":{"a":{}}}', actor="ops").startswith("Somebody else has published meanwhile")
    document = store.get()
    assert document is not None
    assert read_tenants(document.text).names == ("default", "other")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("show", "--env", "prod"), "ResourceNotFoundException"),
        (("check", "--file", "no-such-file.json"), "No such file"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(run: Run, arguments: tuple[str, ...], told: str) -> None:
    code, out, err = run(*arguments)
    assert (code, out) == (1, "")
    assert err.startswith("workerflow: ")
    assert told in err
    assert err.count("\n") == 1


def test_bytes_that_are_no_text_are_one_sentence_too(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "tenants.json"
    file.write_bytes(b"\xff\xfe{}")
    code, _, err = run("check", "--file", file)
    assert code == 1
    assert err.startswith("workerflow: ")


def test_the_local_stacks_port_is_the_shells_or_the_deployments_or_the_usual_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WORKERFLOW_PORT", raising=False)
    assert port_of(tmp_path) == 4566
    (tmp_path / "port").write_text("4599")
    assert port_of(tmp_path) == 4599
    monkeypatch.setenv("WORKERFLOW_PORT", "5000")
    assert port_of(tmp_path) == 5000


def test_a_local_stack_that_does_not_run_is_told_as_such(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(here, "STATE", tmp_path)
    with pytest.raises(LocalStackError, match="make up"):
        client_here("dynamodb")
