"""Log groups: made by us, so that they have a retention and go with their stack."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from aws_cdk import RemovalPolicy
from aws_cdk import aws_logs as logs

from infra.environments import Environment, LogRetentionDays

if TYPE_CHECKING:
    from constructs import Construct

_RETENTION: Mapping[LogRetentionDays, logs.RetentionDays] = {
    7: logs.RetentionDays.ONE_WEEK,
    14: logs.RetentionDays.TWO_WEEKS,
    30: logs.RetentionDays.ONE_MONTH,
    90: logs.RetentionDays.THREE_MONTHS,
}


def log_group_of(scope: Construct, environment: Environment, name: str) -> logs.LogGroup:
    """The log group `name`, kept as long as the environment says."""
    return logs.LogGroup(
        scope,
        "Logs",
        log_group_name=name,
        retention=_RETENTION[environment.log_retention_days],
        removal_policy=RemovalPolicy.RETAIN if environment.keeps_data else RemovalPolicy.DESTROY,
    )
