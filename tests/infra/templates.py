"""Reading a synthesized template."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from aws_cdk import App, assertions

from infra.environments import Environment, environment_named
from infra.stack import WorkerFlowStack
from tools.package import Assets
from tools.package.functions import FUNCTIONS

type Json = Mapping[str, Any]


@dataclass(frozen=True)
class Resources:
    """A template's resources, by type and by logical id."""

    environment: Environment
    template: Json

    @property
    def all(self) -> Mapping[str, Json]:
        found: Mapping[str, Json] = self.template["Resources"]
        return found

    def of(self, kind: str) -> Mapping[str, Json]:
        """Properties of every resource of a type, by logical id."""
        return {name: one["Properties"] for name, one in self.all.items() if one["Type"] == kind}

    def only(self, kind: str) -> Json:
        """Properties of the one resource of a type."""
        (one,) = self.of(kind).values()
        return one

    def function(self, name: str) -> Json:
        """Properties of one of our functions."""
        wanted = f"{self.environment.prefix}-{name}"
        (one,) = [found for found in self.of("AWS::Lambda::Function").values() if found["FunctionName"] == wanted]
        return one

    def policies(self) -> Iterator[tuple[str, Json]]:
        """Every resource that holds a policy, with its document."""
        for name, resource in self.all.items():
            for key in ("PolicyDocument", "AssumeRolePolicyDocument"):
                if key in resource.get("Properties", {}):
                    yield name, resource["Properties"][key]

    def rights_of(self, role_begins_with: str) -> set[tuple[str, str]]:
        """What a role may do, as (action, resource), resources by their readable form."""
        return {
            (action, self.readable(resource))
            for policy in self.of("AWS::IAM::Policy").values()
            if any(role["Ref"].startswith(role_begins_with) for role in policy["Roles"])
            for statement in policy["PolicyDocument"]["Statement"]
            if statement["Effect"] == "Allow"
            for action in listed(statement["Action"])
            for resource in listed(statement["Resource"])
        }

    def readable(self, value: Any) -> str:
        """An expression as text: `Fn::GetAtt` by the resource's physical or logical name."""
        match value:
            case str():
                return value
            case {"Ref": name}:
                return f"{{{name}}}" if name.startswith("AWS::") else self._named(name)
            case {"Fn::GetAtt": [name, _]}:
                return self._named(name)
            case {"Fn::Join": [separator, parts]}:
                return str(separator).join(self.readable(part) for part in parts)
            case _:
                return repr(value)

    def _named(self, logical_id: str) -> str:
        resource = self.all[logical_id]
        properties = resource.get("Properties", {})
        for key in ("TableName", "QueueName", "FunctionName", "LogGroupName", "TopicName"):
            if key in properties:
                return str(properties[key])
        return str(resource["Type"].split("::")[-1])


def listed(value: Any) -> Sequence[Any]:
    """CloudFormation writes a list of one as that one."""
    return value if isinstance(value, list) else [value]


def synthesize(name: str, folder: Path, **changes: Any) -> Resources:
    """Synthesize an environment; each of its assets is an empty file in a folder of its own."""
    environment = replace(environment_named(name), **changes)
    stack = WorkerFlowStack(App(context=context()), environment, empty_assets(folder))
    return Resources(environment, assertions.Template.from_stack(stack).to_json())


def empty_assets(folder: Path) -> Assets:
    """Assets that hold nothing but their own name."""
    return Assets(
        core_layer=_empty(folder / "core"),
        vendor_layer=_empty(folder / "vendor"),
        functions={name: _empty(folder / name) for name in FUNCTIONS},
    )


def _empty(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "name.txt").write_text(folder.name)
    return folder


def context() -> dict[str, Any]:
    """The feature flags under which `cdk synth` works: without them, other templates would be tested."""
    file = Path(__file__).resolve().parents[2] / "cdk.json"
    context: dict[str, Any] = json.loads(file.read_text())["context"]
    return context
