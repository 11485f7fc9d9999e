"""Least privilege, stated in full: what each role may do stands here a second time, and nothing else may be there."""

from __future__ import annotations

import pytest

from tests.infra.templates import Resources, listed
from workerflow.adapters.dynamodb.items.access import TOKENS
from workerflow.adapters.dynamodb.items.tenants import KEY as TENANTS
from workerflow.tables import CURSOR_STATE as CURSOR_STATE_TABLE
from workerflow.tables import OPERATIONS as OPERATIONS_TABLE
from workerflow.tables import Table, table_name

READ_QUEUE = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes")
SECRETS = "arn:{AWS::Partition}:secretsmanager:{AWS::Region}:{AWS::AccountId}:secret:workerflow/prod"
KEYS = "workerflow-prod-idempotency-keys"
RUNS = "workerflow-prod-runs"
LETTERS = "workerflow-prod-dead-letters"
STATE = "workerflow-prod-cursor-state"
LINEAGE = "workerflow-prod-replay-lineage"
ROLLUPS = "workerflow-prod-rollups"
AUDIT = "workerflow-prod-audit-events"
BUCKETS = "workerflow-prod-rate-limits"
OPERATIONS = "workerflow-prod-operations"
REFUSED = "workerflow-prod-refused-calls"
TASKS = "workerflow-prod-tasks"

EXPECTED = {
    "ingress": {
        ("dynamodb:PutItem", KEYS),
        ("dynamodb:GetItem", KEYS),
        ("dynamodb:GetItem", RUNS),
        ("dynamodb:PutItem", RUNS),
        ("dynamodb:PutItem", LETTERS),
        ("dynamodb:Query", STATE),
        ("dynamodb:GetItem", STATE),
        ("dynamodb:UpdateItem", BUCKETS),
        ("dynamodb:PutItem", REFUSED),
        ("sqs:SendMessage", TASKS),
        ("s3:GetObject", "Bucket/*"),
        ("s3:PutObject", "Bucket/*"),
        ("lambda:InvokeFunction", "workerflow-prod-workflow"),
        ("secretsmanager:GetSecretValue", f"{SECRETS}/*/ingress-??????"),
        ("secretsmanager:GetSecretValue", f"{SECRETS}/*/ingress"),
    },
    "consumer": {
        ("dynamodb:GetItem", KEYS),
        ("dynamodb:GetItem", RUNS),
        ("dynamodb:PutItem", RUNS),
        ("dynamodb:PutItem", LETTERS),
        ("s3:GetObject", "Bucket/*"),
        ("lambda:InvokeFunction", "workerflow-prod-workflow"),
        *((action, TASKS) for action in READ_QUEUE),
    },
    "workflow": {
        ("dynamodb:GetItem", KEYS),
        ("dynamodb:GetItem", RUNS),
        ("dynamodb:PutItem", RUNS),
        ("dynamodb:PutItem", LETTERS),
        ("dynamodb:UpdateItem", LETTERS),
        ("dynamodb:Query", f"{RUNS}/index/runs_open"),
        ("dynamodb:Query", STATE),
        ("dynamodb:GetItem", STATE),
        ("dynamodb:Query", BUCKETS),
        ("dynamodb:PutItem", BUCKETS),
        ("dynamodb:DeleteItem", BUCKETS),
        # The built-in schedules'.
        ("dynamodb:PutItem", KEYS),
        ("dynamodb:Query", f"{KEYS}/index/tasks_by_time"),
        ("dynamodb:BatchGetItem", RUNS),
        ("dynamodb:GetItem", LETTERS),
        ("dynamodb:Query", f"{LETTERS}/index/letters_open"),
        ("dynamodb:Query", f"{LETTERS}/index/letters_by_time"),
        ("dynamodb:Query", LINEAGE),
        ("dynamodb:PutItem", LINEAGE),
        ("dynamodb:UpdateItem", LINEAGE),
        ("dynamodb:PutItem", STATE),
        ("dynamodb:DeleteItem", STATE),
        ("dynamodb:PutItem", AUDIT),
        ("dynamodb:Query", ROLLUPS),
        ("dynamodb:BatchWriteItem", ROLLUPS),
        ("s3:DeleteObject", "Bucket/*"),
        ("sqs:SendMessage", TASKS),
        ("s3:GetObject", "Bucket/*"),
        ("s3:PutObject", "Bucket/*"),
        ("s3:ListBucket", "Bucket"),
        ("secretsmanager:GetSecretValue", f"{SECRETS}/*/handlers/*"),
    },
    "scheduler": {
        ("dynamodb:GetItem", KEYS),
        ("dynamodb:PutItem", KEYS),
        ("dynamodb:Query", f"{KEYS}/index/tasks_by_time"),
        ("dynamodb:GetItem", RUNS),
        ("dynamodb:BatchGetItem", RUNS),
        ("dynamodb:PutItem", RUNS),
        ("dynamodb:Query", f"{RUNS}/index/runs_open"),
        ("dynamodb:PutItem", LETTERS),
        ("dynamodb:Query", f"{LETTERS}/index/letters_open"),
        ("dynamodb:GetItem", STATE),
        ("dynamodb:BatchGetItem", STATE),
        ("dynamodb:PutItem", STATE),
        ("dynamodb:Query", STATE),
        ("dynamodb:Query", f"{STATE}/index/schedules_due"),
        ("dynamodb:PutItem", AUDIT),
        ("dynamodb:Query", BUCKETS),
        ("dynamodb:PutItem", BUCKETS),
        ("dynamodb:DeleteItem", BUCKETS),
        ("sqs:SendMessage", TASKS),
        ("sqs:ReceiveMessage", f"{TASKS}-dlq"),
        ("sqs:DeleteMessage", f"{TASKS}-dlq"),
        # The bulk jobs' and the error groups'.
        ("dynamodb:GetItem", LETTERS),
        ("dynamodb:UpdateItem", LETTERS),
        ("dynamodb:Query", f"{LETTERS}/index/letters_by_time"),
        ("dynamodb:Query", LINEAGE),
        ("dynamodb:PutItem", LINEAGE),
        ("dynamodb:UpdateItem", LINEAGE),
        ("dynamodb:Query", OPERATIONS),
        ("dynamodb:GetItem", OPERATIONS),
        ("dynamodb:PutItem", OPERATIONS),
        ("dynamodb:DeleteItem", OPERATIONS),
        ("dynamodb:BatchGetItem", ROLLUPS),
        ("dynamodb:PutItem", ROLLUPS),
        ("s3:GetObject", "Bucket/*"),
        ("s3:PutObject", "Bucket/*"),
        ("s3:ListBucket", "Bucket"),
    },
    "dashboard": {
        ("dynamodb:GetItem", KEYS),
        ("dynamodb:Query", f"{KEYS}/index/tasks_by_time"),
        ("dynamodb:GetItem", RUNS),
        ("dynamodb:BatchGetItem", RUNS),
        ("dynamodb:Query", RUNS),
        ("dynamodb:Query", f"{RUNS}/index/runs_open"),
        ("dynamodb:GetItem", LETTERS),
        ("dynamodb:Query", f"{LETTERS}/index/letters_open"),
        ("dynamodb:Query", f"{LETTERS}/index/letters_by_time"),
        ("dynamodb:Query", LINEAGE),
        ("dynamodb:GetItem", STATE),
        ("dynamodb:Query", STATE),
        ("dynamodb:Query", AUDIT),
        ("dynamodb:GetItem", OPERATIONS),
        ("dynamodb:Query", OPERATIONS),
        ("dynamodb:Query", ROLLUPS),
        ("dynamodb:Query", REFUSED),
        ("s3:GetObject", "Bucket/*"),
        ("s3:ListBucket", "Bucket"),
        ("sqs:GetQueueAttributes", TASKS),
        ("secretsmanager:GetSecretValue", f"{SECRETS}/_dashboard/key-??????"),
        ("secretsmanager:GetSecretValue", f"{SECRETS}/_dashboard/key"),
        ("secretsmanager:DescribeSecret", f"{SECRETS}/*"),
        # What operators order.
        ("dynamodb:PutItem", KEYS),
        ("dynamodb:PutItem", RUNS),
        ("dynamodb:UpdateItem", LETTERS),
        ("dynamodb:PutItem", LINEAGE),
        ("dynamodb:UpdateItem", LINEAGE),
        ("dynamodb:PutItem", STATE),
        ("dynamodb:PutItem", AUDIT),
        ("dynamodb:PutItem", OPERATIONS),
        ("dynamodb:UpdateItem", OPERATIONS),
        ("dynamodb:DeleteItem", OPERATIONS),
        ("dynamodb:UpdateItem", BUCKETS),
        ("s3:PutObject", "Bucket/*"),
        ("sqs:SendMessage", TASKS),
    },
}
# X-Ray knows no resources; AWS documents `*` as the only one.
EVERYWHERE = {("xray:PutTraceSegments", "*"), ("xray:PutTelemetryRecords", "*")}


@pytest.mark.parametrize("function", EXPECTED)
def test_a_function_may_do_this_and_nothing_else(prod: Resources, function: str) -> None:
    log_group = f"/aws/lambda/workerflow-prod-{function}"
    logs = {("logs:CreateLogStream", log_group), ("logs:PutLogEvents", log_group)}
    assert prod.rights_of(f"Functions{function.capitalize()}Role") == EXPECTED[function] | EVERYWHERE | logs


@pytest.mark.parametrize(
    ("of", "partition", "writers"), [(OPERATIONS_TABLE, TOKENS, 2), (CURSOR_STATE_TABLE, TENANTS["pk"], 3)]
)
def test_no_function_may_write_what_operators_alone_do(
    every: Resources, of: Table, partition: object, writers: int
) -> None:
    """Tokens and tenants stand in tables of much else, and are made with an operator's own AWS credentials only."""
    table = table_name(every.environment.prefix, of)
    about = [
        (name, statement)
        for name, document in every.policies()
        for statement in document["Statement"]
        if table in map(every.readable, listed(statement.get("Resource", [])))
    ]
    writing = {name for name, one in about if one["Effect"] == "Allow" and "dynamodb:PutItem" in listed(one["Action"])}
    denied = {name: one for name, one in about if one["Effect"] == "Deny"}
    assert set(denied) == writing
    assert len(denied) == writers
    for one in denied.values():
        assert set(one["Action"]) >= {"dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:BatchWriteItem"}
        assert one["Condition"] == {"ForAnyValue:StringEquals": {"dynamodb:LeadingKeys": [partition]}}


def test_each_role_is_one_of_these(every: Resources) -> None:
    roles = {name for name in every.all if every.all[name]["Type"] == "AWS::IAM::Role"}
    known = (*(f"Functions{function.capitalize()}Role" for function in EXPECTED), "TickRole")
    assert len(roles) == len(known)
    assert all(role.startswith(known) for role in roles)


def test_no_managed_policy_gives_more(every: Resources) -> None:
    assert not [name for name, role in every.of("AWS::IAM::Role").items() if "ManagedPolicyArns" in role]


def test_the_tick_may_invoke_the_scheduler_and_nothing_else(prod: Resources) -> None:
    assert prod.rights_of("TickRole") == {("lambda:InvokeFunction", "workerflow-prod-scheduler")}


def test_only_this_accounts_schedules_may_take_the_ticks_role(prod: Resources) -> None:
    (role,) = [role for name, role in prod.of("AWS::IAM::Role").items() if name.startswith("TickRole")]
    (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": "scheduler.amazonaws.com"}
    assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}


def test_functions_roles_are_taken_by_lambda_only(every: Resources) -> None:
    for name, role in every.of("AWS::IAM::Role").items():
        if name.startswith("Functions"):
            (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
            assert statement["Principal"] == {"Service": "lambda.amazonaws.com"}


def test_no_allowed_action_is_a_wildcard(every: Resources) -> None:
    wild = [
        (name, action)
        for name, document in every.policies()
        for statement in document["Statement"]
        if statement["Effect"] == "Allow"
        for action in listed(statement["Action"])
        if "*" in action
    ]
    assert not wild


def test_one_permission_lets_this_api_invoke_ingress(every: Resources) -> None:
    permissions = every.of("AWS::Lambda::Permission").values()
    (permission,) = [one for one in permissions if one["Principal"] == "apigateway.amazonaws.com"]
    assert every.readable(permission["FunctionName"]).endswith("-ingress")
    # stage/$default for the catch-all, stage/METHOD/path for the others: both match */*
    assert every.readable(permission["SourceArn"]).endswith(":Api/*/*")


def test_only_alarms_of_this_account_publish_to_the_topic(prod: Resources) -> None:
    statements = prod.only("AWS::SNS::TopicPolicy")["PolicyDocument"]["Statement"]
    allowing = [statement for statement in statements if statement["Effect"] == "Allow"]
    assert [statement["Principal"] for statement in allowing] == [{"Service": "cloudwatch.amazonaws.com"}]
    assert allowing[0]["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
