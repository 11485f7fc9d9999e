"""The two layers under every function: the core, and what it imports from PyPI."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aws_cdk import aws_lambda as lambda_

from infra.environments import Environment
from tools.package import Assets

if TYPE_CHECKING:
    from constructs import Construct

RUNTIME = lambda_.Runtime.PYTHON_3_13


def architecture_of(environment: Environment) -> lambda_.Architecture:
    """CDK's name for the environment's processor."""
    return lambda_.Architecture.ARM_64 if environment.architecture == "arm64" else lambda_.Architecture.X86_64


@dataclass(frozen=True, slots=True)
class Foundation:
    """What every function of an environment is built on."""

    environment: Environment
    assets: Assets
    layers: tuple[lambda_.ILayerVersion, ...]


def lay_foundation(scope: Construct, environment: Environment, assets: Assets) -> Foundation:
    """Make the layers. The vendor layer holds a native wheel, so it is built for one processor."""
    core = lambda_.LayerVersion(
        scope,
        "CoreLayer",
        code=lambda_.Code.from_asset(str(assets.core_layer)),
        compatible_runtimes=[RUNTIME],
        description="WorkerFlow's core",
    )
    vendor = lambda_.LayerVersion(
        scope,
        "VendorLayer",
        code=lambda_.Code.from_asset(str(assets.vendor_layer)),
        compatible_runtimes=[RUNTIME],
        compatible_architectures=[architecture_of(environment)],
        description="What WorkerFlow's core imports from PyPI",
    )
    return Foundation(environment, assets, (core, vendor))
