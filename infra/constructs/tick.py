"""The minute tick: EventBridge Scheduler wakes the scheduler function."""

from __future__ import annotations

from aws_cdk import Duration, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_scheduler_targets as targets
from constructs import Construct

from infra.constructs.function import WorkerFlowFunction
from infra.environments import Environment


class MinuteTick(Construct):
    """Every minute, at least once, somewhere within the minute.

    A tick that was missed is not made up for: the next one does its work. So it is retried once, and never when old.
    """

    def __init__(self, scope: Construct, environment: Environment, ticked: WorkerFlowFunction) -> None:
        """Make the schedule, and a role for it that may invoke `ticked` and nothing else."""
        super().__init__(scope, "Tick")
        role = iam.Role(self, "Role", assumed_by=_this_accounts_schedules(self))
        role.add_to_policy(iam.PolicyStatement(actions=["lambda:InvokeFunction"], resources=[ticked.arn]))
        scheduler.Schedule(
            self,
            "Schedule",
            schedule_name=f"{environment.prefix}-tick",
            description="Drives WorkerFlow's sweep, its parked tasks and the drain of the queue's dead-letter queue",
            schedule=scheduler.ScheduleExpression.rate(Duration.minutes(1)),
            time_window=scheduler.TimeWindow.off(),
            target=targets.LambdaInvoke(
                ticked.lambda_function,
                # Sealed: CDK would add the right to invoke every version of the function.
                role=role.without_policy_updates(),
                input=scheduler.ScheduleTargetInput.from_object(
                    {"kind": "tick", "scheduledTime": scheduler.ContextAttribute.scheduled_time}
                ),
                retry_attempts=1,
                max_event_age=Duration.minutes(1),
            ),
        )


def _this_accounts_schedules(scope: Construct) -> iam.PrincipalBase:
    return iam.ServicePrincipal(
        "scheduler.amazonaws.com", conditions={"StringEquals": {"aws:SourceAccount": Stack.of(scope).account}}
    )
