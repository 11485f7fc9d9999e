"""The tables, made from `workerflow.tables`.

`TableV2` (a global table with one replica) and not `Table`: it costs the same, and a second region can be added to it
in place, while a `Table` would have to be moved.
"""

from __future__ import annotations

from aws_cdk import RemovalPolicy
from aws_cdk import aws_dynamodb as dynamodb
from constructs import Construct

from infra.environments import Environment
from workerflow.tables import TABLES, Index, Projection, Table, table_name

_PROJECTIONS = {
    Projection.ALL: dynamodb.ProjectionType.ALL,
    Projection.INCLUDE: dynamodb.ProjectionType.INCLUDE,
    Projection.KEYS_ONLY: dynamodb.ProjectionType.KEYS_ONLY,
}


class TableOfOurs(Construct):
    """One table: paid by request, recoverable to any second of 35 days, encrypted, and in production undeletable."""

    def __init__(self, scope: Construct, environment: Environment, definition: Table) -> None:
        """Make the table of that definition."""
        super().__init__(scope, definition.name.title().replace("_", ""))
        self.definition = definition
        self.name = table_name(environment.prefix, definition)
        self.resource = dynamodb.TableV2(
            self,
            "Table",
            table_name=self.name,
            partition_key=_text(definition.partition_key),
            sort_key=_text(definition.sort_key) if definition.sort_key else None,
            global_secondary_indexes=[_index(index) for index in definition.indexes],
            billing=dynamodb.Billing.on_demand(),
            time_to_live_attribute=definition.ttl_attribute,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            encryption=dynamodb.TableEncryptionV2.aws_managed_key(),
            deletion_protection=environment.keeps_data,
            removal_policy=RemovalPolicy.RETAIN if environment.keeps_data else RemovalPolicy.DESTROY,
        )

    @property
    def arn(self) -> str:
        return self.resource.table_arn

    def index_arn(self, index: Index) -> str:
        """The ARN of one of its indexes, which is a resource of its own to IAM."""
        return f"{self.arn}/index/{index.name}"


class Tables(Construct):
    """All tables of an environment."""

    def __init__(self, scope: Construct, environment: Environment) -> None:
        """Make each table that `workerflow.tables` defines."""
        super().__init__(scope, "Tables")
        self._by_name = {definition.name: TableOfOurs(self, environment, definition) for definition in TABLES}

    def __getitem__(self, definition: Table) -> TableOfOurs:
        return self._by_name[definition.name]


def _text(name: str) -> dynamodb.Attribute:
    return dynamodb.Attribute(name=name, type=dynamodb.AttributeType.STRING)


def _index(index: Index) -> dynamodb.GlobalSecondaryIndexPropsV2:
    return dynamodb.GlobalSecondaryIndexPropsV2(
        index_name=index.name,
        partition_key=_text(index.partition_key),
        sort_key=_text(index.sort_key),
        projection_type=_PROJECTIONS[index.projection],
        non_key_attributes=list(index.included) or None,
    )
