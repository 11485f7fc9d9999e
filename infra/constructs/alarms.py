"""What rings: one topic, and an alarm for everything that a person must know of.

Each alarm is one metric against one number: whoever is woken reads its description and knows what to look at.
"""

from __future__ import annotations

from aws_cdk import Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from infra.constructs.dashboard_url import DashboardUrl
from infra.constructs.function import WorkerFlowFunction
from infra.constructs.http_api import IngressApi
from infra.constructs.metrics import OwnMetrics
from infra.constructs.queue import TaskQueue
from infra.environments import Environment

FIVE_MINUTES, ONE_HOUR = Duration.minutes(5), Duration.hours(1)
# In five minutes: SQS refuses one now and then, and the sweeper is there for that.
SENDS_THAT_MAY_FAIL = 4
# In five minutes: two ticks at the same time may find each other.
TICKS_THAT_MAY_BE_BEHIND = 2
HOURS_WITHOUT_HEARTBEAT = 2
AT_LEAST = cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD
SILENCE_IS_FINE = cloudwatch.TreatMissingData.NOT_BREACHING
SILENCE_IS_BAD = cloudwatch.TreatMissingData.BREACHING


class Alarms(Construct):
    """The topic, its optional e-mail address, and the alarms that were set so far (`all`)."""

    def __init__(self, scope: Construct, environment: Environment) -> None:
        """Make the topic."""
        super().__init__(scope, "Alarms")
        self._environment = environment
        self.all: list[cloudwatch.Alarm] = []
        self.topic = sns.Topic(
            self, "Topic", topic_name=f"{environment.prefix}-alarms", enforce_ssl=environment.tls_only
        )
        self.topic.add_to_resource_policy(_this_accounts_alarms_may_publish(self.topic))
        if environment.alarm_email:
            self.topic.add_subscription(subscriptions.EmailSubscription(environment.alarm_email))

    def watch_queue(self, queue: TaskQueue) -> None:
        """Messages that nobody could handle, and messages that wait too long."""
        limit = self._environment.thresholds.oldest_message_minutes
        self._ring(
            "queue-dead-letters",
            "The platform is broken: messages came back 100 times without an outcome.",
            queue.dead_letters.metric_approximate_number_of_messages_visible(period=FIVE_MINUTES, statistic="Maximum"),
        )
        self._ring(
            "oldest-message",
            f"A task has been waiting for {limit} minutes or more: consumers are too few, or failing.",
            queue.tasks.metric_approximate_age_of_oldest_message(period=FIVE_MINUTES, statistic="Maximum"),
            at_least=limit * 60,
        )

    def watch_tick(self, metrics: OwnMetrics) -> None:
        """A tick that does not come, or comes and fails in part: nothing is swept, parked tasks stay parked."""
        self._ring(
            "tick-missing",
            "No minute tick has done all of its work for five minutes: lost sends and parked tasks wait. If ticks do "
            "come, the scheduler's log names the part that fails.",
            metrics.ticks_completed(FIVE_MINUTES),
            below=1,
        )

    def watch_clocks(self, metrics: OwnMetrics) -> None:
        """Ticks whose clock is wrong: they leave schedules alone rather than fire them at the wrong time."""
        self._ring(
            "ticks-behind",
            "Ticks find that another one's clock was ahead of theirs, and leave schedules alone. If this goes on, a "
            "tick with a wrong clock has left its mark: schedules fire again when the time has caught up with it.",
            metrics.ticks_behind(FIVE_MINUTES),
            at_least=TICKS_THAT_MAY_BE_BEHIND + 1,
        )
        self._ring(
            "ticks-ahead",
            "A tick's clock is more than five minutes ahead of the moment that it was meant for, and it did nothing.",
            metrics.ticks_ahead(FIVE_MINUTES),
        )

    def watch_schedules(self, metrics: OwnMetrics) -> None:
        """Each schedule by itself, also one that is declared tomorrow: the alarm tells which, as its contributor."""
        self._ring(
            "fires-missed",
            "A schedule has missed fires: no tick came in time, or the fire before had not ended, or it is paused. The "
            "alarm's contributors tell which schedule, its cursor tells why.",
            metrics.fires_missed(FIVE_MINUTES),
        )
        self._ring(
            "fires-failed",
            "A schedule cannot be fired; every tick tries again. The alarm's contributors tell which schedule, the "
            "scheduler's log tells why.",
            metrics.fires_failed(FIVE_MINUTES),
        )

    def watch_heartbeat(self, metrics: OwnMetrics) -> None:
        """A beat that does not come, whatever the reason: the whole way of a task stands still."""
        self._ring(
            "heartbeat-missing",
            f"No heartbeat has ended well for {HOURS_WITHOUT_HEARTBEAT} hours: tick, queue, consumer or workflow stand "
            "still, or `heartbeat_hourly` is paused.",
            metrics.heartbeats(ONE_HOUR),
            below=1,
            periods=HOURS_WITHOUT_HEARTBEAT,
        )

    def watch_refusals(self, metrics: OwnMetrics) -> None:
        """Calls that are refused in numbers: a sender's secret is wrong, or somebody tries doors."""
        limit = self._environment.thresholds.refused_in_five_minutes
        self._ring(
            "calls-refused",
            f"{limit} calls or more were refused in five minutes. The dashboard tells the reasons, the table "
            "`refused_calls` the last of them.",
            metrics.calls_refused(FIVE_MINUTES),
            at_least=limit,
        )

    def watch_ledger(self, metrics: OwnMetrics) -> None:
        """What only the ledger knows: letters that nobody has dealt with, and how much had to be sent again."""
        thresholds = self._environment.thresholds
        self._ring(
            "open-dead-letters",
            "Tasks have failed for good and wait for a replay or a decision.",
            metrics.open_dead_letters(FIVE_MINUTES),
            at_least=thresholds.open_dead_letters,
        )
        self._ring(
            "resent",
            "The sweeper sends again more than it should have to: sends or messages are being lost.",
            metrics.resent(FIVE_MINUTES),
            at_least=thresholds.resent_in_five_minutes,
        )
        self._ring(
            "unreadable-rows",
            "The tick passes over items that it cannot read: somebody edited them, or a newer version wrote them. The "
            "scheduler's log names them, and docs/operating.md tells how they go on.",
            metrics.unreadable_rows(FIVE_MINUTES),
        )

    def watch_sends(self, metrics: OwnMetrics) -> None:
        """Sends that fail: callers see their 202 all the same, so nobody else would notice."""
        for sender in ("ingress", "scheduler", "workflow"):
            self._ring(
                f"{sender}-sends-failed",
                f"`{sender}` cannot send to the queue: tasks start minutes late. Its log has the reason.",
                metrics.sends_failed(sender, FIVE_MINUTES),
                at_least=SENDS_THAT_MAY_FAIL + 1,
            )

    def watch_function(self, function: WorkerFlowFunction, *, errors_allowed: int = 0) -> None:
        """Invocations that ended in an error, and invocations that Lambda refused for want of concurrency."""
        self._ring(
            f"{function.name}-errors",
            f"`{function.name}` fails, times out or dies.",
            function.lambda_function.metric_errors(period=FIVE_MINUTES, statistic="Sum"),
            at_least=errors_allowed + 1,
        )
        self._ring(
            f"{function.name}-throttles",
            f"`{function.name}` is throttled: its concurrency, or the account's, is used up.",
            function.lambda_function.metric_throttles(period=FIVE_MINUTES, statistic="Sum"),
        )

    def watch_api(self, api: IngressApi) -> None:
        """Answers that say "we, not you"."""
        self._ring(
            "api-server-errors",
            "Callers get 5xx: ingress fails, cannot reach its tables, or a sync route's handler fails.",
            api.server_errors(FIVE_MINUTES),
            at_least=5,
        )

    def watch_dashboard(self, dashboard: DashboardUrl) -> None:
        """Answers of the dashboard that say "we, not you"; and a crowd at its door, which anybody may knock on."""
        limit = self._environment.thresholds.refused_in_five_minutes
        self._ring(
            "dashboard-server-errors",
            "Operators get 5xx: the dashboard fails, or cannot reach its tables. Its log has the request ids.",
            dashboard.server_errors(FIVE_MINUTES),
            at_least=5,
        )
        self._ring(
            "dashboard-refusals",
            f"The dashboard refused {limit} requests or more in five minutes: a program has a token that has ended, or "
            "somebody tries tokens out.",
            dashboard.client_errors(FIVE_MINUTES),
            at_least=limit,
        )

    def _ring(
        self,
        name: str,
        description: str,
        metric: cloudwatch.IMetric,
        *,
        at_least: int = 1,
        below: int | None = None,
        periods: int = 1,
    ) -> None:
        if self._environment.emulated and isinstance(metric, cloudwatch.MathExpression):
            return  # the emulator's CloudFormation refuses alarms on queries, and its alarms never ring
        alarm = cloudwatch.Alarm(
            self,
            name,
            metric=metric,
            alarm_name=f"{self._environment.prefix}-{name}",
            alarm_description=description,
            evaluation_periods=periods,
            threshold=at_least if below is None else below,
            comparison_operator=AT_LEAST if below is None else cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD,
            treat_missing_data=SILENCE_IS_FINE if below is None else SILENCE_IS_BAD,
        )
        alarm.add_alarm_action(actions.SnsAction(self.topic))
        alarm.add_ok_action(actions.SnsAction(self.topic))
        self.all.append(alarm)


def _this_accounts_alarms_may_publish(topic: sns.Topic) -> iam.PolicyStatement:
    return iam.PolicyStatement(
        actions=["sns:Publish"],
        principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
        resources=[topic.topic_arn],
        conditions={"StringEquals": {"aws:SourceAccount": Stack.of(topic).account}},
    )
