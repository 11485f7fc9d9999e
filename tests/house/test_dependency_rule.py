"""The arrow points inward: what each part may import, read from the source, for every folder there is.

A folder without a declared place fails, so that nobody adds one without saying where it stands.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CORE = "layers/core/python/"
NOT_OURS = frozenset({".venv", ".tools", ".build", ".local", ".git", "node_modules", "cdk.out"})

SDK = frozenset({"boto3", "botocore"})
TYPES_OF_THE_SDK = frozenset({"mypy_boto3_dynamodb", "mypy_boto3_lambda", "mypy_boto3_s3", "mypy_boto3_sqs"}) | {
    "mypy_boto3_secretsmanager"
}


@dataclass(frozen=True)
class Place:
    """What a folder (or one file) may import beside the standard library: modules by prefix."""

    ours: frozenset[str] = frozenset()
    others: frozenset[str] = frozenset()

    def allows(self, module: str) -> bool:
        if module.split(".", maxsplit=1)[0] in sys.stdlib_module_names:
            return True
        return any(module == name or module.startswith(f"{name}.") for name in self.ours | self.others)


def place(*ours: str, others: frozenset[str] = frozenset()) -> Place:
    return Place(frozenset(ours), others)


DOMAIN, PORTS = "workerflow.domain", "workerflow.ports"
CORE_WITHOUT_ADAPTERS = (DOMAIN, PORTS, "workerflow.services", "workerflow.runtime", "workerflow.handlers")
DOOR = place(*CORE_WITHOUT_ADAPTERS)
WIRING = place(*CORE_WITHOUT_ADAPTERS, "workerflow.adapters")

# The most specific path wins: a file before its folder, a folder before the one around it.
PLACES: Mapping[str, Place] = {
    f"{CORE}workerflow": place(),
    f"{CORE}workerflow/domain": place(DOMAIN),
    f"{CORE}workerflow/domain/cron.py": place(DOMAIN, others=frozenset({"croniter", "tzdata"})),
    f"{CORE}workerflow/ports": place(DOMAIN, PORTS),
    f"{CORE}workerflow/services": place(DOMAIN, PORTS, "workerflow.services"),
    f"{CORE}workerflow/adapters": place(
        DOMAIN,
        PORTS,
        "workerflow.adapters",
        "workerflow.tables",
        others=SDK | TYPES_OF_THE_SDK | {"jsonschema_rs"},
    ),
    f"{CORE}workerflow/adapters/dynamodb": place(
        DOMAIN, PORTS, "workerflow.adapters", "workerflow.tables", others=SDK | TYPES_OF_THE_SDK
    ),
    f"{CORE}workerflow/adapters/dynamodb/items": place(
        DOMAIN, PORTS, "workerflow.adapters.dynamodb", "workerflow.tables"
    ),
    f"{CORE}workerflow/runtime": place(
        DOMAIN,
        PORTS,
        "workerflow.runtime",
        "workerflow.handlers",
        "workerflow.tables",
        others=frozenset({"aws_lambda_powertools"}),
    ),
    f"{CORE}workerflow/handlers": place(DOMAIN, "workerflow.handlers"),
    "functions": place(),
    "functions/consumer": DOOR,
    "functions/dashboard": DOOR,
    "functions/dashboard/api": DOOR,
    "functions/dashboard/pages": place(*CORE_WITHOUT_ADAPTERS, others=frozenset({"jinja2", "markupsafe"})),
    "functions/ingress": DOOR,
    "functions/scheduler": DOOR,
    "functions/workflow": DOOR,
    "functions/workflow/builtin": DOOR,
    "functions/workflow/handlers": place(
        "workerflow.handlers", "workerflow.runtime.outbound", "workerflow.runtime.settings"
    ),
    "functions/consumer/wiring.py": WIRING,
    "functions/dashboard/wiring.py": WIRING,
    "functions/dashboard/wiring_access.py": WIRING,
    "functions/dashboard/wiring_reads.py": WIRING,
    "functions/dashboard/wiring_stores.py": WIRING,
    "functions/dashboard/wiring_writes.py": WIRING,
    "functions/ingress/wiring.py": WIRING,
    "functions/scheduler/wiring.py": WIRING,
    "functions/workflow/wiring.py": WIRING,
    "functions/workflow/builtin/_wiring.py": WIRING,
    "infra": place("infra", "workerflow.tables", "tools.package", others=frozenset({"aws_cdk", "constructs"})),
    "infra/constructs": place(
        "infra", "workerflow.tables", "tools.package", others=frozenset({"aws_cdk", "constructs", "jsii"})
    ),
    "tools": place("tools", "workerflow", others=SDK | TYPES_OF_THE_SDK | {"jsonschema_rs"}),
    "tools/compile_templates.py": place("functions.dashboard.pages", others=frozenset({"jinja2"})),
    "tools/bench": place("tools", "tests.support"),
    "tools/local": place("tools", "workerflow", others=SDK),
    "tools/local/handlers": place("workerflow.handlers"),
    "tools/package": place("tools.package"),
}
FREE = ("tests",)
"""Folders whose import is free: they watch everything and are shipped nowhere."""


def python_files() -> Iterator[Path]:
    for folder, subfolders, names in ROOT.walk():
        subfolders[:] = sorted(name for name in subfolders if name not in NOT_OURS)
        relative = folder.relative_to(ROOT)
        if not relative.parts[:1] or relative.parts[0] not in FREE:
            yield from (relative / name for name in sorted(names) if name.endswith(".py"))


def imports_of(file: Path) -> Iterator[tuple[int, str]]:
    """Every module that the file imports, with the line. A relative one begins with a dot, which no place allows."""
    for node in ast.walk(ast.parse((ROOT / file).read_text())):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            yield node.lineno, "." * node.level + (node.module or "")


def place_of(file: Path) -> Place | None:
    """Its own, or its folder's. No folder inherits from the one around it."""
    return PLACES.get(file.as_posix()) or PLACES.get(file.parent.as_posix())


def own_package(file: Path) -> str:
    """A function may import its own modules, and no other function's."""
    parts = file.parts
    return ".".join(parts[:2]) if parts[0] == "functions" and len(parts) > 2 else ""


@pytest.mark.parametrize("file", list(python_files()), ids=str)
def test_a_module_imports_only_what_its_place_allows(file: Path) -> None:
    standing = place_of(file)
    assert standing is not None, f"{file.parent} has no declared place: say in PLACES what it may import"
    strays = [
        f"{file}:{line}: {module}"
        for line, module in imports_of(file)
        if not standing.allows(module) and not (own_package(file) and f"{module}.".startswith(f"{own_package(file)}."))
    ]
    assert not strays


def test_every_declared_place_is_there() -> None:
    assert [path for path in PLACES if not (ROOT / path).exists()] == []


def test_only_wiring_knows_adapters() -> None:
    knowing = {
        file.as_posix()
        for file in python_files()
        if file.parts[0] == "functions"
        and any(module.startswith("workerflow.adapters") for _, module in imports_of(file))
    }
    assert {Path(path).stem.removeprefix("_").partition("_")[0] for path in knowing} == {"wiring"}


@pytest.mark.parametrize("file", sorted((ROOT / "tests").rglob("*.py")), ids=lambda file: str(file.relative_to(ROOT)))
def test_no_test_uses_mocks(file: Path) -> None:
    relative = file.relative_to(ROOT)
    assert not [module for _, module in imports_of(relative) if module.startswith("unittest.mock")]
