"""The queue of tasks, and behind it the queue that means "the platform is broken".

ingress --> tasks --(10 a batch)--> consumer
              |  100 receptions without an end
              v
           tasks-dlq --(the tick drains it)--> scheduler
"""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.constructs.function import WorkerFlowFunction
from infra.environments import Environment

BATCH_SIZE = 10
# Far above any route's attempts: a message only gets there when no outcome could be written, time after time.
MAX_RECEPTIONS = 100
# Longer than the consumer's 300 s. A batch that a dead consumer held comes back after it.
VISIBILITY = Duration.seconds(360)
RETENTION = Duration.days(14)


class TaskQueue(Construct):
    """A standard queue with its dead-letter queue. Messages carry the tenant as group: SQS then shares fairly."""

    def __init__(self, scope: Construct, environment: Environment) -> None:
        """Make both queues."""
        super().__init__(scope, "Tasks")
        self.dead_letters = sqs.Queue(
            self,
            "DeadLetters",
            queue_name=f"{environment.prefix}-tasks-dlq",
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=environment.tls_only,
            retention_period=RETENTION,
            visibility_timeout=VISIBILITY,
        )
        self.tasks = sqs.Queue(
            self,
            "Queue",
            queue_name=f"{environment.prefix}-tasks",
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=environment.tls_only,
            retention_period=RETENTION,
            visibility_timeout=VISIBILITY,
            dead_letter_queue=sqs.DeadLetterQueue(queue=self.dead_letters, max_receive_count=MAX_RECEPTIONS),
        )

    def is_worked_on_by(self, consumer: WorkerFlowFunction, at_once: int) -> None:
        """Feed the consumer, `at_once` batches at a time; it says per message what failed.

        The limit stands at the event source, not at the function: throttled batches would burn receptions.
        """
        mapping = lambda_.EventSourceMapping(
            self,
            "Consumer",
            target=consumer.lambda_function,
            event_source_arn=self.tasks.queue_arn,
            batch_size=BATCH_SIZE,
            max_batching_window=Duration.seconds(0),
            max_concurrency=at_once,
            report_batch_item_failures=True,
        )
        # CloudFormation would make the mapping while the role may not receive yet, and fail.
        mapping.node.add_dependency(consumer.role)
