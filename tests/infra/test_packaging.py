"""What is uploaded is whole: each function can be imported from its asset and the layers alone.

The emulator's Python lends functions its own packages, so that a dependency missing from a layer stays hidden there.
Here nothing is lent but what Lambda itself brings along: boto3 and what boto3 needs.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from infra.environments import LOCAL
from tests.infra.templates import Json, Resources
from tools.build_manifest import BUILTIN_FOLDER, BUILTIN_PACKAGE
from tools.package import Assets, PackagingError, build_assets
from tools.package.functions import FUNCTIONS, READ_THE_MANIFEST
from tools.package.pages import page_sources
from tools.package.runtime import lay_out_runtime

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = sorted(
    file.relative_to(ROOT / "functions/dashboard/templates").as_posix()
    for file in (ROOT / "functions/dashboard/templates").rglob("*.html")
)


@pytest.fixture(scope="module")
def assets(tmp_path_factory: pytest.TempPathFactory) -> Assets:
    return build_assets(LOCAL.platform, build=tmp_path_factory.mktemp("build"))


@pytest.fixture(scope="module")
def lambda_runtime(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return lay_out_runtime(tmp_path_factory.mktemp("runtime"))


def python(script: str, path: list[Path], environment: Json) -> subprocess.CompletedProcess[str]:
    """Run a script with these folders as its path, and nothing else: no site-packages, no variables."""
    preface = f"import sys; sys.path[:0] = {[str(folder) for folder in path]!r}\n"
    return subprocess.run(
        [sys.executable, "-I", "-S", "-c", preface + script],
        env={"PATH": os.defpath, "AWS_DEFAULT_REGION": "us-east-1", **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def layers_of(assets: Assets) -> list[Path]:
    return [assets.core_layer / "python", assets.vendor_layer / "python"]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_is_imported_from_its_asset_and_the_layers_alone(
    assets: Assets, lambda_runtime: Path, local: Resources, name: str
) -> None:
    told = {key: local.readable(value) for key, value in local.function(name)["Environment"]["Variables"].items()}
    script = f"import functions.{name}.handler as it; print(it.lambda_handler.__module__, it.__file__)"
    done = python(script, [assets.functions[name], *layers_of(assets), lambda_runtime], told)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[0] == f"functions.{name}.handler"
    assert done.stdout.split()[1].startswith(str(assets.functions[name]))


@pytest.mark.parametrize("name", [name for name in FUNCTIONS if name != "scheduler"])
def test_only_the_tick_pays_for_the_import_of_croniter(
    assets: Assets, lambda_runtime: Path, local: Resources, name: str
) -> None:
    told = {key: local.readable(value) for key, value in local.function(name)["Environment"]["Variables"].items()}
    path = [assets.functions[name], *layers_of(assets), lambda_runtime]
    done = python(f"import functions.{name}.handler; print('croniter' in sys.modules)", path, told)
    assert (done.stdout.strip(), done.stderr) == ("False", "")


def test_the_dashboards_cold_start_pays_for_no_page(assets: Assets, lambda_runtime: Path, local: Resources) -> None:
    """INIT ends with the wiring: what every request needs is there, and what a page needs comes with the first one."""
    told = {
        key: local.readable(value) for key, value in local.function("dashboard")["Environment"]["Variables"].items()
    }
    path = [assets.functions["dashboard"], *layers_of(assets), lambda_runtime]
    script = (
        "import functions.dashboard.handler\n"
        "late = ('jinja2', 'jsonschema_rs', 'boto3', 'workerflow.adapters.s3', 'workerflow.adapters.sqs')\n"
        "print([name for name in late if name in sys.modules])\n"
    )
    done = python(script, path, told | {"AWS_LAMBDA_FUNCTION_NAME": "dashboard"})
    assert (done.stdout.strip(), done.stderr) == ("[]", "")


def test_whatever_answers_a_request_is_imported_from_the_asset_and_the_layers_alone(
    assets: Assets, lambda_runtime: Path
) -> None:
    """Endpoints name what answers them, and import it late: a missing module would be found by whoever asks first."""
    script = (
        "from functions.dashboard.endpoints import API\n"
        "from functions.dashboard.pages import PAGES\n"
        "print(len([endpoint.load() for endpoint in (*API, *PAGES)]) == len(API) + len(PAGES) > 40)\n"
    )
    done = python(script, [assets.functions["dashboard"], *layers_of(assets), lambda_runtime], {})
    assert (done.stdout.strip(), done.stderr) == ("True", "")


def test_every_handler_in_the_manifest_is_imported_from_the_asset_and_the_layers_alone(
    assets: Assets, lambda_runtime: Path
) -> None:
    manifest = assets.functions["workflow"] / "functions/workflow/manifest.json"
    script = (
        "from pathlib import Path\n"
        "from workerflow.domain.manifest import Manifest\n"
        "from workerflow.runtime.handler_loader import load\n"
        f"manifest = Manifest.from_json(Path({str(manifest)!r}).read_text())\n"
        "for source in (*manifest.routes.values(), *manifest.schedules.values()):\n"
        "    print(source.source, load(source).__name__)\n"
    )
    done = python(script, [assets.functions["workflow"], *layers_of(assets), lambda_runtime], {})
    assert done.returncode == 0, done.stderr
    document = json.loads(manifest.read_text())
    assert len(done.stdout.splitlines()) == len(document["routes"]) + len(document["schedules"])


def test_the_tick_knows_from_the_layers_alone_when_a_schedule_fires(assets: Assets, lambda_runtime: Path) -> None:
    """The last of the year is after the change to winter time: rules and all come from the layer's time zone data."""
    script = (
        "from workerflow.domain.cron import Timing\n"
        "import croniter, tzdata\n"
        "print(Timing.of('30 1 31 12 *', 'Europe/Berlin').next_fire(1_790_000_000_000))\n"
        "print(croniter.__file__, tzdata.__file__)\n"
    )
    done = python(script, [assets.functions["scheduler"], *layers_of(assets), lambda_runtime], {})
    assert done.returncode == 0, done.stderr
    fire, *files = done.stdout.split()
    assert int(fire) == 1_798_677_000_000  # 2026-12-31T00:30:00Z
    assert all(file.startswith(str(assets.vendor_layer)) for file in files)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_has_the_manifest_if_it_reads_it(assets: Assets, name: str) -> None:
    manifest = assets.functions[name] / "functions" / name / "manifest.json"
    assert manifest.is_file() == (name in READ_THE_MANIFEST)
    if name in READ_THE_MANIFEST:
        assert "webhook_echo" in json.loads(manifest.read_text())["routes"]


@pytest.mark.parametrize("name", [name for name in FUNCTIONS if name != "workflow"])
def test_only_workflow_carries_handlers(assets: Assets, name: str) -> None:
    assert not (assets.functions[name] / "functions" / name / "handlers").exists()
    assert (assets.functions["workflow"] / "functions/workflow/handlers/webhook_echo.py").is_file()


def test_the_platforms_own_schedules_are_packaged_and_stand_in_the_manifest(assets: Assets) -> None:
    packaged = assets.functions["workflow"] / BUILTIN_FOLDER
    assert (packaged / "__init__.py").is_file()
    manifest = json.loads((assets.functions["workflow"] / "functions/workflow/manifest.json").read_text())
    searched = {file.stem for file in packaged.glob("*.py") if not file.name.startswith("_")}
    found = {one["module"].rpartition(".") for one in manifest["schedules"].values()}
    assert {module for package, _, module in found if package == BUILTIN_PACKAGE} == searched


def test_a_function_carries_no_other_function(assets: Assets) -> None:
    for name in FUNCTIONS:
        folders = {path.name for path in (assets.functions[name] / "functions").iterdir() if path.is_dir()}
        assert folders == {name, "__pycache__"}


def test_the_dashboard_renders_its_pages_from_its_asset_and_the_layers_alone(
    assets: Assets, lambda_runtime: Path
) -> None:
    """Every template is there, compiled; nothing is left to be parsed on Lambda."""
    script = (
        "from functions.dashboard.pages.rendering import Frame, environment, render\n"
        f"for name in {TEMPLATES!r}:\n"
        "    environment().get_template(name)\n"
        "shown = dict(refusal=None, wanted='', wait_seconds=0, environment='dev', is_local=False)\n"
        "print(render('sign_in.html', Frame(nonce='n', now_ms=0), **shown))\n"
        "import sys; print('jinja2.parser' in sys.modules and environment().loader.has_source_access)\n"
    )
    done = python(script, [assets.functions["dashboard"], *layers_of(assets), lambda_runtime], {})
    assert done.returncode == 0, done.stderr
    assert "<h1>Sign in</h1>" in done.stdout
    assert done.stdout.splitlines()[-1] == "False"
    assert not (assets.functions["dashboard"] / "functions/dashboard/templates").exists()


def test_the_dashboard_carries_htmx_as_the_lock_file_names_it(assets: Assets) -> None:
    packaged = assets.functions["dashboard"] / "functions/dashboard/assets/htmx.min.js"
    assert packaged.read_bytes() == (ROOT / "node_modules/htmx.org/dist/htmx.min.js").read_bytes()
    locked = json.loads((ROOT / "package-lock.json").read_text())["packages"]["node_modules/htmx.org"]["version"]
    assert f'version:"{locked}"' in packaged.read_text()


def test_a_faulty_template_is_told_with_its_line(tmp_path: Path) -> None:
    root = tmp_path / "repository"
    for name in ("functions", "tools", "layers", "node_modules"):
        root.mkdir(exist_ok=True)
        (root / name).symlink_to(ROOT / name)
    (root / "functions").unlink()
    shutil.copytree(ROOT / "functions", root / "functions", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copyfile(ROOT / "uv.lock", root / "uv.lock")
    (root / "functions/dashboard/templates/problem.html").write_text("fine\n{% if %}\n")
    with pytest.raises(PackagingError, match=r"problem\.html:2: "):
        page_sources(root, tmp_path / "build")


def test_extra_handlers_become_a_package_beside_functions(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "greeting.py").write_text(
        "from workerflow.handlers import route\n\n\n"
        '@route(mode="sync")\ndef greeting(payload, context):\n    """Greet."""\n    return {"hello": "you"}\n'
    )
    assets = build_assets(LOCAL.platform, (folder,), build=tmp_path / "build")
    assert (assets.functions["workflow"] / "extra_handlers/greeting.py").is_file()
    manifest = json.loads((assets.functions["ingress"] / "functions/ingress/manifest.json").read_text())
    assert manifest["routes"]["greeting"]["module"] == "extra_handlers.greeting"


def test_the_vendor_layer_leaves_the_sdk_to_lambda(assets: Assets) -> None:
    layer = assets.vendor_layer / "python"
    names = {path.name for path in layer.iterdir()}
    assert {
        "aws_lambda_powertools",
        "jinja2",
        "markupsafe",
        "jsonschema_rs",
        "croniter",
        "dateutil",
        "six.py",
        "tzdata",
    } <= names
    assert not {"boto3", "botocore", "s3transfer", "urllib3", "tests", "bin"} & names


def test_layers_and_functions_stay_far_below_lambdas_limit(assets: Assets) -> None:
    """250 MB unpacked, layers included. Source: "Lambda quotas", Lambda developer guide."""
    folders = (assets.core_layer, assets.vendor_layer, assets.functions["workflow"])
    size = sum(file.stat().st_size for folder in folders for file in folder.rglob("*") if file.is_file())
    assert size < 50 * 1024 * 1024


def test_a_second_build_changes_nothing(assets: Assets) -> None:
    build = assets.functions["ingress"].parents[1]
    build_assets(LOCAL.platform, build=build)  # a source may have been edited since the module's fixture built
    before = {folder: folder.stat().st_ino for folder in (*assets.functions.values(), assets.core_layer)}
    build_assets(LOCAL.platform, build=build)
    assert {folder: folder.stat().st_ino for folder in before} == before
