from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tools.build_manifest import (
    BUILTIN_FOLDER,
    BUILTIN_PACKAGE,
    SHIPPED_FOLDER,
    HandlerFolder,
    build,
    handler_folders,
    main,
)
from workerflow.domain.errors import ManifestError
from workerflow.domain.manifest import Manifest
from workerflow.domain.retry import RetryPolicy
from workerflow.domain.schedule import CatchUp

ROOT = Path(__file__).parents[2]
HEAD = "from workerflow.handlers import CatchUp, Context, HttpResponse, RetryPolicy, route, schedule\n"
HOURLY = '@schedule("@hourly")'


@pytest.fixture
def folder(tmp_path: Path) -> HandlerFolder:
    return handler_folders(ROOT, [tmp_path], {})[0]


@pytest.fixture
def platform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The platform's own folder, in another repository; its package is made there, too."""
    folder = tmp_path / BUILTIN_FOLDER
    folder.mkdir(parents=True)
    package = ModuleType(BUILTIN_PACKAGE)
    package.__path__ = [str(folder)]
    monkeypatch.setitem(sys.modules, BUILTIN_PACKAGE, package)
    return folder


def built(folder: HandlerFolder, **files: str) -> Manifest:
    for name, text in files.items():
        (folder.path / f"{name}.py").write_text(HEAD + text)
    return build([folder], folder.path)


def faults(folder: HandlerFolder, **files: str) -> list[str]:
    with pytest.raises(ManifestError) as raised:
        built(folder, **files)
    return list(raised.value.faults)


def test_every_argument_of_the_decorator_reaches_the_manifest(folder: HandlerFolder) -> None:
    manifest = built(
        folder,
        orders='''
@route("order_created", mode="sync", retry=RetryPolicy(3, 1, 60), timeout_seconds=60, schema={"type": "object"},
       authentication="signature", enabled=False, disabled_reason="moved", secrets=("shop-key",))
def handle(payload, context):
    """Take an order.

    More text.
    """
''',
    )
    route = manifest.routes["order_created"]
    assert (route.module, route.function, route.mode) == ("extra_handlers.orders", "handle", "sync")
    assert (route.retry.max_attempts, route.retry.base_seconds, route.retry.cap_seconds) == (3, 1, 60)
    assert (route.timeout_seconds, route.schema, route.authentication) == (60, {"type": "object"}, "signature")
    assert (route.enabled, route.disabled_reason, route.secrets) == (False, "moved", ("shop-key",))
    assert route.description == "Take an order."


def test_defaults_are_those_of_the_documents(folder: HandlerFolder) -> None:
    route = built(folder, orders="@route()\ndef taken(payload, context): ...\n").routes["taken"]
    assert (route.mode, route.timeout_seconds, route.authentication) == ("async", 30, "any")
    assert (route.enabled, route.schema, route.secrets, route.description) == (True, None, (), "")


def test_every_argument_of_the_schedule_decorator_reaches_the_manifest(folder: HandlerFolder) -> None:
    manifest = built(
        folder,
        reports='''
@schedule(cron="0 6 * * mon-fri", name="morning_report", zone="Europe/Berlin", catch_up=CatchUp("all", 3, 7200),
          tenants=("default", "acme"), retry=RetryPolicy(3, 1, 60), timeout_seconds=60, enabled=False,
          disabled_reason="holidays", secrets=["mail-key"])
def report(payload, context):
    """Report on the day before.

    More text.
    """
''',
    )
    assert list(manifest.routes) == []
    schedule = manifest.schedules["morning_report"]
    assert (schedule.module, schedule.function) == ("extra_handlers.reports", "report")
    assert (schedule.cron, schedule.zone) == ("0 6 * * mon-fri", "Europe/Berlin")
    assert (schedule.catch_up, schedule.overlap) == (CatchUp("all", 3, 7200), "allow")
    assert schedule.tenants == ("default", "acme")
    assert (schedule.retry.max_attempts, schedule.retry.base_seconds, schedule.retry.cap_seconds) == (3, 1, 60)
    assert (schedule.timeout_seconds, schedule.secrets) == (60, ("mail-key",))
    assert (schedule.enabled, schedule.disabled_reason) == (False, "holidays")
    assert schedule.description == "Report on the day before."


def test_a_schedules_defaults_are_those_of_the_documents(folder: HandlerFolder) -> None:
    schedule = built(folder, a=f"{HOURLY}\ndef pulse(payload, context): ...\n").schedules["pulse"]
    assert (schedule.zone, schedule.overlap, schedule.tenants) == ("UTC", "allow", ("default",))
    assert schedule.catch_up == CatchUp("latest", max_fires=100, window_seconds=24 * 3600)
    assert (schedule.enabled, schedule.timeout_seconds, schedule.retry) == (True, 30, RetryPolicy())


@pytest.mark.parametrize("policy", ["skip", "latest", "all"])
def test_a_catch_up_without_bounds_is_its_policys_name(folder: HandlerFolder, policy: str) -> None:
    text = f"@schedule('@hourly', catch_up={policy!r})\ndef f(p, c): ...\n"
    assert built(folder, a=text).schedules["f"].catch_up == CatchUp(policy)  # type: ignore[arg-type]


def test_a_function_may_handle_several_routes_and_schedules(folder: HandlerFolder) -> None:
    text = f"@route('f')\n@route('g')\n{HOURLY}\n@schedule('@daily', name='g')\ndef f(p, c): ...\n"
    manifest = built(folder, a=text)
    assert list(manifest.routes) == list(manifest.schedules) == ["f", "g"]
    assert manifest.find("route:g") != manifest.find("schedule:g")


def test_one_file_may_declare_several_routes_and_one_function_several_names(folder: HandlerFolder) -> None:
    manifest = built(
        folder,
        orders="@route('one')\n@route('two')\ndef f(payload, context): ...\n@route()\ndef three(p, c, more=1): ...\n",
    )
    assert {name: route.function for name, route in manifest.routes.items()} == {
        "one": "f",
        "two": "f",
        "three": "three",
    }


def test_files_share_code_through_files_with_an_underscore_and_through_each_other(folder: HandlerFolder) -> None:
    manifest = built(
        folder,
        _shared="LIMIT = 7\n",
        one="from extra_handlers._shared import LIMIT\n@route(timeout_seconds=LIMIT)\ndef one(p, c): ...\n",
        two="from extra_handlers.one import one\n@route()\ndef two(p, c): ...\n",
    )
    assert {route.module for route in manifest.routes.values()} == {"extra_handlers.one", "extra_handlers.two"}
    assert manifest.routes["one"].timeout_seconds == 7


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("@route('runs')\ndef f(p, c): ...\n", "a.py:2: route 'runs': the name 'runs' is reserved for the platform"),
        ("@route(mode='x')\ndef f(p, c): ...\n", "a.py:2: route 'f': mode 'x' is none of async, sync"),
        ("\n@route(timeout_seconds=241)\ndef f(p, c): ...\n", "a.py:3: route 'f': timeout_seconds 241 is not a whole"),
        ("@route(mode='sync', timeout_seconds=0)\ndef f(p, c): ...\n", "a.py:2: route 'f': timeout_seconds 0"),
        ("@route(retry=RetryPolicy(26))\ndef f(p, c): ...\n", "a.py:2: route 'f': max_attempts 26"),
        ("@route(secrets=('A',))\ndef f(p, c): ...\n", "a.py:2: route 'f': the secret name 'A'"),
        ("@route(secrets='a')\ndef f(p, c): ...\n", "a.py:2: route 'f': secrets is a tuple of names"),
        ("@route()\ndef f(payload): ...\n", "a.py:2: route 'f': the handler is called as f(payload, context): too"),
        ("@route()\ndef f(p, c, d): ...\n", "a.py:2: route 'f': the handler is called as f(payload, context): miss"),
        ("@route()\ndef f(*, p, c): ...\n", "a.py:2: route 'f': the handler is called as f(payload, context): "),
        ("@route()\nasync def f(p, c): ...\n", "a.py:2: route 'f': the handler is a plain function, not"),
        ("@route()\ndef f(p, c): yield\n", "a.py:2: route 'f': the handler is a plain function"),
        ("@route()\nasync def f(p, c): yield\n", "a.py:2: route 'f': the handler is a plain function"),
        ("@route()\ndef f(p, c) -> HttpResponse: ...\n", "a.py:2: route 'f': an async route has nobody to send"),
        ("@route()\ndef f(p, c) -> dict | HttpResponse: ...\n", "a.py:2: route 'f': an async route has nobody"),
        ("@route()\ndef f(p, c) -> 'HttpResponse | None': ...\n", "a.py:2: route 'f': an async route has nobody"),
        ("@route\ndef f(p, c): ...\n", "a.py:2: cannot be imported: TypeError: write @route() with parentheses"),
        ("@route(colour='red')\ndef f(p, c): ...\n", "a.py:2: cannot be imported: TypeError: "),
        ("\nimport no_such_module\n", "a.py:3: cannot be imported: ModuleNotFoundError: No module named 'no_such"),
        ("def f(:\n", "a.py:2: cannot be imported: SyntaxError: "),
        ("raise SystemExit(3)\n", "a.py:2: cannot be imported: SystemExit: 3"),
        ("raise ValueError('one\\ntwo')\n", "a.py:2: cannot be imported: ValueError: one two"),
        ("@schedule('@hourly')\ndef f(p): ...\n", "a.py:2: schedule 'f': the handler is called as f(payload"),
        ("@schedule('@hourly')\nasync def f(p, c): ...\n", "a.py:2: schedule 'f': the handler is a plain function"),
        ("@schedule('@hourly')\ndef f(p, c) -> HttpResponse: ...\n", "a.py:2: schedule 'f': a schedule has nobody"),
        ("@schedule('@hourly', name='F')\ndef f(p, c): ...\n", "a.py:2: schedule 'F': the name 'F' is not [a-z]"),
        ("@schedule('@hourly', overlap='x')\ndef f(p, c): ...\n", "a.py:2: schedule 'f': overlap 'x' is none of"),
        ("@schedule('@hourly', timeout_seconds=0)\ndef f(p, c): ...\n", "a.py:2: schedule 'f': timeout_seconds 0"),
        ("@schedule('59/15 * * * *')\ndef f(p, c): ...\n", "a.py:2: schedule 'f': the minute '59/15' has a step"),
        ("@schedule('@hourly', zone='Mars')\ndef f(p, c): ...\n", "a.py:2: schedule 'f': zone 'Mars' is not in the"),
        ("@schedule('@hourly', zone=None)\ndef f(p, c): ...\n", "a.py:2: schedule 'f': zone is a name such as"),
        ("@schedule(None)\ndef f(p, c): ...\n", "a.py:2: schedule 'f': cron is text"),
        ("@schedule('@hourly', tenants='acme')\ndef f(p, c): ...\n", "a.py:2: schedule 'f': tenants is a tuple"),
        ("@schedule('@hourly', catch_up='x')\ndef f(p, c): ...\n", "a.py:2: schedule 'f': catch_up: policy 'x' is"),
        ("@schedule('@hourly', catch_up=3)\ndef f(p, c): ...\n", "a.py:2: schedule 'f': catch_up is a CatchUp, not"),
        ("@schedule\ndef f(p, c): ...\n", "a.py:2: cannot be imported: TypeError: write @schedule(cron="),
        ("@schedule()\ndef f(p, c): ...\n", "a.py:2: cannot be imported: TypeError: schedule() missing 1 required"),
        ("def f(p, c): ...\n", "a.py:1: declares neither route nor schedule (a file that only helps others beg"),
        ("class A:\n    @route()\n    def f(self, p, c): ...\n", "a.py:3: A.f is not at the top of its module"),
        ("@route('x')\ndef f(p, c): ...\ndef f(p, c): ...\n", "a.py:2: f is replaced further down by another"),
        ("@route(schema={'type': 'strin'})\ndef f(p, c): ...\n", "a.py:2: route 'f': schema: #/type: "),
        ("@route(schema={'$ref': 'https://x.test/s'})\ndef f(p, c): ...\n", "a.py:2: route 'f': schema: #: Resource "),
        ("@route(schema={'$ref': '#/$defs/a'})\ndef f(p, c): ...\n", "a.py:2: route 'f': schema: #: Pointer "),
        ("@route(schema={'pattern': '('})\ndef f(p, c): ...\n", "a.py:2: route 'f': schema: #/pattern: "),
        (
            "@route(schema={'$schema': 'http://json-schema.org/draft-07/schema#'})\ndef f(p, c): ...\n",
            "a.py:2: route 'f': schema: $schema is 'http://json-schema.org/draft-07/schema#', only https://",
        ),
    ],
)  # fmt: skip
def test_each_fault_has_its_place_and_words(folder: HandlerFolder, text: str, fault: str) -> None:
    found = faults(folder, a=text)
    assert len(found) == 1
    assert found[0].startswith(fault), found[0]


def test_schemas_may_refer_to_themselves_and_to_the_draft(folder: HandlerFolder) -> None:
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$defs": {"item": {"type": "object", "properties": {"$ref": {"type": "string"}}}},
        "type": "array",
        "items": {"$ref": "#/$defs/item"},
    }
    assert built(folder, a=f"@route(schema={schema!r})\ndef f(p, c): ...\n").routes["f"].schema == schema


def test_a_schema_is_never_fetched(folder: HandlerFolder) -> None:
    found = faults(folder, a="@route(schema={'$ref': 'https://127.0.0.1:9/s'})\ndef f(p, c): ...\n")
    assert "Retrieval is disabled" in found[0]


def test_all_faults_of_a_schema_are_named_with_their_pointers(folder: HandlerFolder) -> None:
    text = "@route(schema={'minLength': -1, 'properties': {'a/b': {'maxLength': 'x'}}})\ndef f(p, c): ...\n"
    found = faults(folder, a=text)
    assert [fault.split(": ")[3] for fault in found] == ["#/minLength", "#/properties/a~1b/maxLength"]


def test_all_faults_of_all_files_are_reported_at_once_in_order(folder: HandlerFolder) -> None:
    found = faults(
        folder,
        b="import nothing_like_it\n",
        a="@route('T', timeout_seconds=0)\ndef f(p): ...\n@route('same')\ndef g(p, c): ...\n",
        c="@route('same')\ndef h(p, c): ...\n",
    )
    assert [fault.rpartition(":")[0][:12] or fault for fault in found] == [fault[:12] for fault in found]
    assert [fault.split(" ")[0] for fault in found] == [
        "a.py:2:",
        "a.py:2:",
        "a.py:2:",
        "a.py:4:",
        "b.py:2:",
        "c.py:2:",
    ]
    assert found[3] == "a.py:4: route 'same': declared more than once, also at c.py:2"
    assert found[5] == "c.py:2: route 'same': declared more than once, also at a.py:4"


def test_all_faults_of_all_schedules_are_reported_at_once_with_those_of_routes(folder: HandlerFolder) -> None:
    text = "@schedule('* * * *', zone='Mars', overlap='x', name='F')\n@route(mode='x')\ndef f(p): ...\n"
    found = faults(folder, a=text, b="@schedule('30 2 30 2 *')\ndef g(p, c): ...\n")
    assert [fault.rpartition("schedule ")[2].rpartition("route ")[2].partition(":")[0] for fault in found] == [
        *["'f'"] * 2,
        *["'F'"] * 5,
        "'g'",
    ]
    assert found[-1] == "b.py:2: schedule 'g': the day of month '30' never comes in feb"


def test_a_schedule_that_is_declared_twice_is_told_at_both_places(folder: HandlerFolder) -> None:
    text = "@schedule('@hourly', name='same')\n@route('same')\ndef f(p, c): ...\n"
    assert faults(folder, a=text, b="@schedule('@daily', name='same')\ndef f(p, c): ...\n") == [
        "a.py:2: schedule 'same': declared more than once, also at b.py:2",
        "b.py:2: schedule 'same': declared more than once, also at a.py:2",
    ]


def test_the_platforms_own_schedules_are_searched_whatever_folders_are_named(platform: Path) -> None:
    (platform / "pulse.py").write_text(f"{HEAD}{HOURLY}\ndef pulse(p, c): ...\n")
    manifest = build(handler_folders(platform.parents[2], [], {}), platform.parents[2])
    assert manifest.schedules["pulse"].module == "functions.workflow.builtin.pulse"


def test_the_platform_may_have_none(platform: Path) -> None:
    (platform / "__init__.py").write_text("")
    (platform / "_shared.py").write_text("")
    assert build(handler_folders(platform.parents[2], [], {}), platform.parents[2]).schedules == {}


def test_a_name_of_the_platform_is_taken_and_only_who_takes_it_is_told(platform: Path) -> None:
    root = platform.parents[2]
    (platform / "pulse.py").write_text(f"{HEAD}{HOURLY}\ndef pulse(p, c): ...\n")
    (root / "mine").mkdir()
    (root / "mine" / "a.py").write_text(f"{HEAD}@schedule('@daily')\n@route()\ndef pulse(p, c): ...\n")
    with pytest.raises(ManifestError) as raised:
        build(handler_folders(root, [Path("mine")], {}), root)
    assert raised.value.faults == (
        "mine/a.py:2: schedule 'pulse': the name is the platform's own, at functions/workflow/builtin/pulse.py:2",
    )


def test_the_platform_may_not_take_a_name_twice_itself(platform: Path) -> None:
    text = f"{HEAD}{HOURLY}\ndef one(p, c): ...\n@schedule('@daily', name='one')\ndef two(p, c): ...\n"
    (platform / "pulse.py").write_text(text)
    with pytest.raises(ManifestError) as raised:
        build(handler_folders(platform.parents[2], [], {}), platform.parents[2])
    place = "functions/workflow/builtin/pulse.py"
    assert raised.value.faults == (
        f"{place}:2: schedule 'one': declared more than once, also at {place}:4",
        f"{place}:4: schedule 'one': declared more than once, also at {place}:2",
    )


def test_a_file_whose_name_is_no_module_and_a_folder_that_is_missing_are_faults(folder: HandlerFolder) -> None:
    (folder.path / "my-orders.py").write_text(HEAD)
    missing = HandlerFolder(folder.path / "nowhere", "extra_handlers")
    with pytest.raises(ManifestError) as raised:
        build([folder, missing], folder.path)
    assert raised.value.faults == (
        "my-orders.py:1: 'my-orders' is no name of a Python module",
        "nowhere:1: there is no such folder",
    )


def test_extra_folders_are_one_package_in_which_a_file_name_occurs_once(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "same.py").write_text(f"{HEAD}@route('{name}')\ndef f(p, c): ...\n")
    folders = handler_folders(tmp_path, [Path("one"), Path("two")], {})
    with pytest.raises(ManifestError, match=r"two/same.py:1: one/same.py has the same name"):
        build(folders, tmp_path)


def test_what_is_not_packaged_cannot_be_imported(folder: HandlerFolder) -> None:
    (folder.path / "deep").mkdir()
    (folder.path / "deep" / "shared.py").write_text("LIMIT = 7\n")
    found = faults(folder, a="from extra_handlers.deep.shared import LIMIT\n@route()\ndef f(p, c): ...\n")
    assert found == ["deep/shared.py:1: extra_handlers.deep.shared: of an extra folder only files are packaged"]


def test_the_environment_names_more_folders_and_each_counts_once(tmp_path: Path) -> None:
    more = os.pathsep.join(["extra", "", str(tmp_path / "extra"), "other"])
    found = handler_folders(tmp_path, [SHIPPED_FOLDER], {"WORKERFLOW_HANDLERS": more})
    assert [(one.path.relative_to(tmp_path.resolve()).as_posix(), one.package) for one in found] == [
        ("functions/workflow/handlers", "functions.workflow.handlers"),
        ("extra", "extra_handlers"),
        ("other", "extra_handlers"),
        ("functions/workflow/builtin", "functions.workflow.builtin"),
    ]


def test_a_build_reads_the_files_and_leaves_nothing_imported(folder: HandlerFolder) -> None:
    assert set(built(folder, a="@route()\ndef one(p, c): ...\n").routes) == {"one"}
    assert set(built(folder, a="@route()\ndef another(p, c): ...\n").routes) == {"another"}
    assert not [name for name in sys.modules if name.startswith("extra_handlers")]
    assert str(folder.path) not in sys.path


def test_a_build_leaves_nothing_in_the_folder(folder: HandlerFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    built(folder, a="@route()\ndef one(p, c): ...\n")
    assert [path.name for path in folder.path.iterdir()] == ["a.py"]


def test_the_shipped_handlers_build_although_they_were_imported_before() -> None:
    before = importlib.import_module("functions.workflow.handlers.webhook_echo")
    manifest = build(handler_folders(ROOT, [SHIPPED_FOLDER], {}), ROOT)
    assert {"webhook_echo", "payload_hash", "webhook_forward"} <= set(manifest.routes)
    assert manifest.routes["payload_hash"].module == "functions.workflow.handlers.payload_hash"
    assert all(one.description for one in (*manifest.routes.values(), *manifest.schedules.values()))
    assert importlib.import_module("functions.workflow.handlers.webhook_echo") is before


@pytest.mark.slow
def test_the_command_writes_what_the_functions_read_and_the_same_bytes_each_time(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'layers/core/python'}"}
    outputs = [tmp_path / "new" / f"{number}.json" for number in (1, 2)]
    for number, output in enumerate(outputs):
        command = [sys.executable, "-m", "tools.build_manifest", str(SHIPPED_FOLDER), str(output)]
        subprocess.run(command, cwd=ROOT, env=environment | {"PYTHONHASHSEED": str(number)}, check=True)
    assert outputs[0].read_bytes() == outputs[1].read_bytes()
    assert Manifest.from_json(outputs[0].read_text()).digest == json.loads(outputs[0].read_text())["digest"]


def test_the_command_writes_nothing_when_there_is_a_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for made in ("extra", BUILTIN_FOLDER):
        (tmp_path / made).mkdir(parents=True)
    (tmp_path / "extra" / "a.py").write_text("import nothing_like_it\n")
    assert main(["extra", "out.json"], {}) == 1
    assert not (tmp_path / "out.json").exists()
    shown = capsys.readouterr().err.splitlines()
    assert shown[0].startswith("extra/a.py:1: cannot be imported: ModuleNotFoundError")
    assert shown[1] == "1 fault(s): no manifest was written"


def test_the_command_counts_what_it_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for made in ("extra", BUILTIN_FOLDER):
        (tmp_path / made).mkdir(parents=True)
    (tmp_path / "extra" / "a.py").write_text(f"{HEAD}@route('a')\n@route('b')\n{HOURLY}\ndef f(p, c): ...\n")
    assert main(["extra", "out.json"], {}) == 0
    assert capsys.readouterr().out.startswith("out.json: 2 route(s), 1 schedule(s), ")


@pytest.mark.parametrize("arguments", [[], ["out.json"], ["folder", "out"]])
def test_the_command_says_how_it_is_used(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments, {}) == 2
    assert "usage: python -m tools.build_manifest" in capsys.readouterr().err
