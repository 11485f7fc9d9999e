"""Our Lambda: the one way in which WorkerFlow makes a function.

Memory and processor rest on published figures, not on a measurement of this stack: a warm DynamoDB call takes 73 ms at
128 MB and 15 ms at 512 MB, which makes 512 MB the cheaper one as well, and arm64 costs a fifth less than x86.
"""

from __future__ import annotations

from aws_cdk import ArnFormat, Duration, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.constructs.layers import RUNTIME, Foundation, architecture_of
from infra.constructs.logs import log_group_of
from infra.constructs.tables import TableOfOurs
from infra.environments import Environment
from workerflow.tables import Index, setting_name

MEMORY_MB = 512
WRITING = ("PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem")


class WorkerFlowFunction(Construct):
    """A function with its log group, and a role that begins with nothing but the right to write to that log group."""

    def __init__(
        self,
        scope: Construct,
        name: str,
        foundation: Foundation,
        *,
        timeout: Duration,
        retries_itself: bool = True,
        at_once: int | None = None,
    ) -> None:
        """Make the function `name` from the asset of that name.

        Args:
            scope: The stack.
            name: The folder under `functions/`.
            foundation: Environment, assets and layers.
            timeout: Lambda ends the function after it.
            retries_itself: Whether Lambda repeats a failed asynchronous invocation (it would, twice).
            at_once: How many of its invocations may run at the same time, and are always possible; None: as many as the
                account allows.
        """
        super().__init__(scope, name.capitalize())
        environment = foundation.environment
        self.name = name
        self.log_group = log_group_of(self, environment, f"/aws/lambda/{environment.prefix}-{name}")
        self.role = _role(self, self.log_group)
        self.lambda_function = lambda_.Function(
            self,
            "Function",
            function_name=f"{environment.prefix}-{name}",
            code=lambda_.Code.from_asset(str(foundation.assets.functions[name])),
            handler=f"functions.{name}.handler.lambda_handler",
            runtime=RUNTIME,
            architecture=architecture_of(environment),
            memory_size=MEMORY_MB,
            timeout=timeout,
            layers=list(foundation.layers),
            role=self.role,
            environment=_settings_of_every_function(environment, name),
            log_group=self.log_group,
            logging_format=lambda_.LoggingFormat.JSON,
            system_log_level_v2=lambda_.SystemLogLevel.WARN,
            tracing=lambda_.Tracing.ACTIVE if environment.traced else lambda_.Tracing.DISABLED,
            retry_attempts=None if retries_itself else 0,
            reserved_concurrent_executions=at_once,
        )

    @property
    def function_name(self) -> str:
        return self.lambda_function.function_name

    @property
    def arn(self) -> str:
        return self.lambda_function.function_arn

    def is_told(self, **settings: str) -> None:
        """Put settings into the function's environment."""
        for setting, value in settings.items():
            self.lambda_function.add_environment(setting, value)

    def may(self, *actions: str, on: str) -> None:
        """Allow these IAM actions on one resource, and nothing else."""
        self.role.add_to_principal_policy(iam.PolicyStatement(actions=list(actions), resources=[on]))

    def knows(self, table: TableOfOurs) -> None:
        """Tell the function the table's name, and allow nothing."""
        self.is_told(**{setting_name(table.definition): table.name})

    def uses(self, table: TableOfOurs, *verbs: str) -> None:
        """Tell the function the table's name, and allow these DynamoDB verbs on its items."""
        self.knows(table)
        self.may(*(f"dynamodb:{verb}" for verb in verbs), on=table.arn)

    def never_writes(self, table: TableOfOurs, partition: str) -> None:
        """Deny every write of items in one partition, whatever else is allowed.

        A denial, and not a narrower right: a transaction's other items cannot make it fail.
        Source: "Using IAM policy conditions for fine-grained access control", Amazon DynamoDB developer guide.
        """
        self.role.add_to_principal_policy(
            iam.PolicyStatement(
                effect=iam.Effect.DENY,
                actions=[f"dynamodb:{verb}" for verb in WRITING],
                resources=[table.arn],
                conditions={"ForAnyValue:StringEquals": {"dynamodb:LeadingKeys": [partition]}},
            )
        )

    def queries(self, table: TableOfOurs, index: Index) -> None:
        """Allow queries on one index of the table."""
        self.may("dynamodb:Query", on=table.index_arn(index))

    def invokes(self, other: WorkerFlowFunction) -> None:
        """Allow it to invoke another function of ours."""
        self.may("lambda:InvokeFunction", on=other.arn)

    def reads_secrets(self, name_pattern: str) -> None:
        """Allow it to read the secrets whose names match, by the convention of their names alone."""
        self.may("secretsmanager:GetSecretValue", on=self._secrets(name_pattern))

    def finds_secrets(self, name_pattern: str) -> None:
        """Allow it to tell whether secrets whose names match are there; what they hold stays theirs."""
        self.may("secretsmanager:DescribeSecret", on=self._secrets(name_pattern))

    def _secrets(self, name_pattern: str) -> str:
        return Stack.of(self).format_arn(
            service="secretsmanager",
            resource="secret",
            resource_name=name_pattern,
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )


def _settings_of_every_function(environment: Environment, name: str) -> dict[str, str]:
    return {
        "ENVIRONMENT": environment.name,
        "LOG_LEVEL": environment.log_level,
        "POWERTOOLS_SERVICE_NAME": name,
        "POWERTOOLS_METRICS_NAMESPACE": environment.metrics_namespace,
    }


def _role(scope: Construct, log_group: logs.LogGroup) -> iam.Role:
    role = iam.Role(scope, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
    role.add_to_policy(
        iam.PolicyStatement(actions=["logs:CreateLogStream", "logs:PutLogEvents"], resources=[log_group.log_group_arn])
    )
    return role
