"""IAM is enforced here: a function may do what it was granted, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.session import Session

from tests.e2e.calls import Api
from tools.local import LocalStack
from tools.local.stack import PREFIX

ROW = {"pk": {"S": "default#nobody"}, "sk": {"S": "run"}}
FORGED = {"pk": {"S": "default#forged"}}
DASHBOARD_KEY = "workerflow/local/_dashboard/key"
TENANTS = {"pk": {"S": "#tenants"}, "sk": {"S": "-"}}


def call(service: str, operation: str, **parameters: Any) -> dict[str, Any]:
    return {"service": service, "operation": operation, "parameters": parameters}


def test_a_handler_cannot_do_what_workflow_was_not_granted(api: Api, stack: LocalStack) -> None:
    granted = call("dynamodb", "get_item", TableName="$TABLE_RUNS", Key=ROW)
    denied = [
        call("dynamodb", "scan", TableName="$TABLE_RUNS"),
        call("dynamodb", "delete_item", TableName="$TABLE_RUNS", Key=ROW),
        call("dynamodb", "delete_item", TableName="$TABLE_IDEMPOTENCY_KEYS", Key=FORGED),
        call("dynamodb", "scan", TableName=f"{PREFIX}-audit-events"),
        call("dynamodb", "scan", TableName=f"{PREFIX}-refused-calls"),
        call("s3", "delete_bucket", Bucket="$PAYLOAD_BUCKET"),
        call("sqs", "receive_message", QueueUrl=stack.outputs["QueueUrl"]),
        call("secretsmanager", "get_secret_value", SecretId="workerflow/local/default/ingress"),
        call("lambda", "invoke", FunctionName=f"{PREFIX}-scheduler"),
        call("iam", "list_roles"),
    ]
    answers = api.call("e2e_probe", calls=[granted, *denied]).answer.json()["answers"]

    assert answers[0] == "allowed"
    assert all("AccessDenied" in answer for answer in answers[1:]), answers


@pytest.mark.parametrize(
    ("function", "denied"),
    [
        (
            "ingress",
            [
                call("dynamodb", "scan", TableName=f"{PREFIX}-idempotency-keys"),
                call("secretsmanager", "get_secret_value", SecretId="workerflow/local/default/handlers/stripe"),
                call("dynamodb", "put_item", TableName=f"{PREFIX}-cursor-state", Item=TENANTS),
                call("dynamodb", "scan", TableName=f"{PREFIX}-refused-calls"),
                call("sqs", "receive_message", QueueUrl="QueueUrl"),
                call("lambda", "invoke", FunctionName=f"{PREFIX}-scheduler"),
            ],
        ),
        (
            "consumer",
            [
                call("dynamodb", "put_item", TableName=f"{PREFIX}-idempotency-keys", Item=FORGED),
                call("secretsmanager", "get_secret_value", SecretId="workerflow/local/default/ingress"),
                call("sqs", "send_message", QueueUrl="QueueUrl", MessageBody="{}"),
                call("s3", "put_object", Bucket="PayloadBucket", Key="default/x", Body=b""),
            ],
        ),
        (
            "scheduler",
            [
                call("dynamodb", "delete_item", TableName=f"{PREFIX}-idempotency-keys", Key=FORGED),
                call("dynamodb", "put_item", TableName=f"{PREFIX}-refused-calls", Item=TENANTS),
                call("secretsmanager", "get_secret_value", SecretId="workerflow/local/default/ingress"),
                call("lambda", "invoke", FunctionName=f"{PREFIX}-workflow"),
                call("s3", "delete_object", Bucket="PayloadBucket", Key="default/x"),
            ],
        ),
        (
            "dashboard",
            [
                call("dynamodb", "scan", TableName=f"{PREFIX}-runs"),
                call("dynamodb", "delete_item", TableName=f"{PREFIX}-runs", Key=ROW),
                call("dynamodb", "put_item", TableName=f"{PREFIX}-refused-calls", Item=TENANTS),
                call("dynamodb", "put_item", TableName=f"{PREFIX}-rollups", Item=TENANTS),
                call("secretsmanager", "get_secret_value", SecretId="workerflow/local/default/ingress"),
                call("secretsmanager", "get_secret_value", SecretId="workerflow/local/default/handlers/greeting"),
                call("secretsmanager", "put_secret_value", SecretId=DASHBOARD_KEY, SecretString="x"),
                call("sqs", "receive_message", QueueUrl="QueueUrl"),
                call("lambda", "invoke", FunctionName=f"{PREFIX}-workflow"),
            ],
        ),
    ],
)
def test_a_functions_role_cannot_do_what_it_was_not_granted(
    stack: LocalStack, function: str, denied: list[dict[str, Any]]
) -> None:
    role = Role(stack, function)

    assert role.tries(call("dynamodb", "get_item", TableName=f"{PREFIX}-runs", Key=ROW)) == "allowed"
    assert all("AccessDenied" in role.tries(one) for one in denied)


class Role:
    """The role of a function, put on by the test."""

    def __init__(self, stack: LocalStack, function: str) -> None:
        self._stack = stack
        self._session = Session()
        arn = stack.client("lambda").get_function_configuration(FunctionName=f"{PREFIX}-{function}")["Role"]
        self._worn = stack.client("sts").assume_role(RoleArn=arn, RoleSessionName="e2e")["Credentials"]

    def tries(self, one: dict[str, Any]) -> str:
        """How a call is answered: `allowed`, or the error's code. Names of outputs stand for what they name."""
        named = {name: self._stack.outputs.get(str(value), value) for name, value in one["parameters"].items()}
        try:
            getattr(self._client(one["service"]), one["operation"])(**named)
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        return "allowed"

    def _client(self, service: str) -> Any:
        return self._session.create_client(
            service,
            endpoint_url=self._stack.emulator.endpoint,
            region_name="us-east-1",
            aws_access_key_id=self._worn["AccessKeyId"],
            aws_secret_access_key=self._worn["SecretAccessKey"],
            aws_session_token=self._worn["SessionToken"],
        )
