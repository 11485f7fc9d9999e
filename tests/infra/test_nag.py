"""cdk-nag's rules for AWS solutions and for serverless: each finding is accepted for a reason, or it fails."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from aws_cdk import App, Validations
from cdk_nag import AwsSolutionsChecks, ServerlessChecks

from infra.environments import PROD
from infra.stack import WorkerFlowStack
from tests.infra.templates import context, empty_assets

pytestmark = pytest.mark.slow

ACCEPTED: Mapping[str, str] = {
    "AwsSolutions-IAM5[Resource::*]": "X-Ray's two actions know no resources.",
    "AwsSolutions-IAM5[Resource::<Bucket>/*]": "The objects of our own bucket; their keys begin with the tenant.",
    "AwsSolutions-IAM5[Resource::<Secret>]": "Secrets are found by the convention of their names.",
    "AwsSolutions-S1": "Who read which payload is for the account's CloudTrail data events to say.",
    "AwsSolutions-L1": "Python 3.13 on purpose: one version for Lambda, tests and local use; supported to 2029.",
    "AwsSolutions-APIG4": "Ingress checks credentials: signatures cover the raw body, which no authorizer sees.",
    "Serverless-LambdaLatestVersion": "As AwsSolutions-L1.",
    "Serverless-LambdaDLQ": "Nothing is invoked asynchronously but the tick, and a lost tick is made up by the next.",
    "Serverless-LambdaAsyncFailureDestination": "As Serverless-LambdaDLQ; the alarm `tick-missing` watches it.",
    "Serverless-LambdaEventSourceMappingDestination": "The queue's own dead-letter queue is that destination.",
    "Serverless-SQSRedrivePolicy": "It is the dead-letter queue itself.",
}


def kind_of(rule: str) -> str:
    """A finding's name without the logical ids in it."""
    if "secretsmanager" in rule:
        return "AwsSolutions-IAM5[Resource::<Secret>]"
    return "AwsSolutions-IAM5[Resource::<Bucket>/*]" if "Bucket" in rule else rule


@pytest.fixture(scope="module")
def findings(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """What the rules find in production's stack, each kind with a place where it was found."""
    out = tmp_path_factory.mktemp("nag")
    app = App(context=context(), outdir=str(out))
    Validations.of(app).add_plugins(AwsSolutionsChecks(), ServerlessChecks())
    WorkerFlowStack(app, PROD, empty_assets(tmp_path_factory.mktemp("assets")))
    with pytest.raises(RuntimeError, match="ValidationFailed"):  # it holds what is accepted, too
        app.synth()
    report = json.loads(Path(out, "validation-report.json").read_text())
    return {
        kind_of(violation["ruleName"]): violation["description"]
        for plugin in report["pluginReports"]
        for violation in plugin["violations"]
    }


def test_nothing_is_found_that_is_not_accepted_for_a_reason(findings: Mapping[str, str]) -> None:
    assert {rule: said for rule, said in findings.items() if rule not in ACCEPTED} == {}


def test_nothing_is_accepted_that_is_not_found(findings: Mapping[str, str]) -> None:
    assert set(ACCEPTED) - set(findings) == set()
