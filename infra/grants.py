"""Which function may do what with which resource: all of it, on one page.

A transaction needs the rights of its items' own verbs. Tables are told by name to exactly the functions that may use
them; nothing here ends in `*` but the keys inside our own bucket and the names of our own secrets.
"""

from __future__ import annotations

from dataclasses import dataclass

from infra.constructs.payloads import PayloadBucket
from infra.constructs.queue import TaskQueue
from infra.constructs.tables import Tables
from infra.environments import Environment
from infra.functions import Functions
from workerflow.tables import (
    AUDIT_EVENTS,
    CURSOR_STATE,
    DEAD_LETTERS,
    IDEMPOTENCY_KEYS,
    LETTERS_BY_TIME,
    LETTERS_OPEN,
    OPERATIONS,
    RATE_LIMITS,
    REFUSED_CALLS,
    REPLAY_LINEAGE,
    ROLLUPS,
    RUNS,
    RUNS_OPEN,
    SCHEDULES_DUE,
    TASKS_BY_TIME,
)

SEND, DRAIN = "sqs:SendMessage", ("sqs:ReceiveMessage", "sqs:DeleteMessage")
RECEIVE = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes")
TELL_DEPTH = "sqs:GetQueueAttributes"
READ_OBJECT, WRITE_OBJECT, DELETE_OBJECT = "s3:GetObject", "s3:PutObject", "s3:DeleteObject"
TOKENS = "#tokens"
"""The partition of the table `operations` that says who gets into the dashboard."""
TENANTS = "#tenants"
"""The partition of the table `cursor_state` that says who the tenants are."""
# Without it S3 answers 403 for a missing object, as for a denied one: a lost payload would be retried as an outage.
# It is also the right to list, which cleaning up needs.
# Source: "GetObject", Amazon S3 API reference, permissions.
TELL_MISSING = "s3:ListBucket"


@dataclass(frozen=True, slots=True)
class Grants:
    """Gives each function of an environment its rights and the settings that go with them."""

    environment: Environment
    functions: Functions
    tables: Tables
    queue: TaskQueue
    payloads: PayloadBucket

    def give_all(self) -> None:
        """Give every function what it needs."""
        self.let_ingress_accept()
        self.let_consumer_execute()
        self.let_workflow_run_handlers()
        self.let_built_in_schedules_work()
        self.let_scheduler_keep_promises()
        self.let_scheduler_work_in_bulk()
        self.let_dashboard_show()
        self.let_dashboard_operate()

    def let_ingress_accept(self) -> None:
        """Accept tasks within their tenant's policy, send them on, answer for their runs, keep what was refused.

        And record sync calls that their function did not survive.
        """
        ingress, tables = self.functions.ingress, self.tables
        ingress.uses(tables[IDEMPOTENCY_KEYS], "PutItem", "GetItem")
        ingress.uses(tables[RUNS], "GetItem", "PutItem")
        ingress.uses(tables[DEAD_LETTERS], "PutItem")
        ingress.uses(tables[CURSOR_STATE], "Query", "GetItem")
        ingress.uses(tables[RATE_LIMITS], "UpdateItem")
        ingress.uses(tables[REFUSED_CALLS], "PutItem")
        ingress.may(SEND, on=self.queue.tasks.queue_arn)
        ingress.may(READ_OBJECT, WRITE_OBJECT, on=self.payloads.objects_arn)
        ingress.invokes(self.functions.workflow)
        ingress.reads_secrets(f"{self.environment.secret_prefix}*/ingress-??????")
        # A secret that does not exist has no suffix yet: a tenant without one is refused, and not told of an outage.
        ingress.reads_secrets(f"{self.environment.secret_prefix}*/ingress")
        ingress.is_told(
            QUEUE_URL=self.queue.tasks.queue_url,
            PAYLOAD_BUCKET=self.payloads.name,
            WORKFLOW_FUNCTION=self.functions.workflow.function_name,
            SECRET_PREFIX=self.environment.secret_prefix,
            RETENTION_DAYS=str(self.environment.retention_days),
            DEADLINE_HOURS=str(self.environment.deadline_hours),
        )

    def let_consumer_execute(self) -> None:
        """Have tasks executed, and record those that their function did not survive."""
        consumer, tables = self.functions.consumer, self.tables
        consumer.uses(tables[IDEMPOTENCY_KEYS], "GetItem")
        consumer.uses(tables[RUNS], "GetItem", "PutItem")
        consumer.uses(tables[DEAD_LETTERS], "PutItem")
        consumer.may(*RECEIVE, on=self.queue.tasks.queue_arn)
        consumer.may(READ_OBJECT, on=self.payloads.objects_arn)
        consumer.invokes(self.functions.workflow)
        consumer.is_told(
            QUEUE_URL=self.queue.tasks.queue_url,
            PAYLOAD_BUCKET=self.payloads.name,
            WORKFLOW_FUNCTION=self.functions.workflow.function_name,
        )

    def let_workflow_run_handlers(self) -> None:
        """Claim runs, within their tenant's cap, run handlers with their secrets, record what came of it."""
        workflow, tables = self.functions.workflow, self.tables
        workflow.uses(tables[IDEMPOTENCY_KEYS], "GetItem")
        workflow.uses(tables[RUNS], "GetItem", "PutItem")
        workflow.uses(tables[DEAD_LETTERS], "PutItem", "UpdateItem")
        workflow.queries(tables[RUNS], RUNS_OPEN)
        workflow.uses(tables[CURSOR_STATE], "Query", "GetItem")
        workflow.uses(tables[RATE_LIMITS], "Query", "PutItem", "DeleteItem")
        workflow.may(SEND, on=self.queue.tasks.queue_arn)
        workflow.may(READ_OBJECT, WRITE_OBJECT, on=self.payloads.objects_arn)
        workflow.may(TELL_MISSING, on=self.payloads.arn)
        workflow.reads_secrets(f"{self.environment.secret_prefix}*/handlers/*")
        workflow.is_told(
            QUEUE_URL=self.queue.tasks.queue_url,
            PAYLOAD_BUCKET=self.payloads.name,
            SECRET_PREFIX=self.environment.secret_prefix,
            FORWARD_URL=self.environment.forward_url or "",
            ALLOWED_PRIVATE_HOSTS=",".join(self.environment.allowed_private_hosts),
        )

    def let_built_in_schedules_work(self) -> None:
        """Count, digest, replay, clean up and keep the configuration: in the process of `workflow`, beside handlers."""
        workflow, tables, rules = self.functions.workflow, self.tables, self.environment.retry_letters
        workflow.uses(tables[IDEMPOTENCY_KEYS], "PutItem")
        workflow.queries(tables[IDEMPOTENCY_KEYS], TASKS_BY_TIME)
        workflow.uses(tables[RUNS], "BatchGetItem")
        workflow.uses(tables[DEAD_LETTERS], "GetItem")
        workflow.queries(tables[DEAD_LETTERS], LETTERS_OPEN)
        workflow.queries(tables[DEAD_LETTERS], LETTERS_BY_TIME)
        workflow.uses(tables[REPLAY_LINEAGE], "Query", "PutItem", "UpdateItem")
        workflow.uses(tables[CURSOR_STATE], "PutItem", "DeleteItem")
        workflow.never_writes(tables[CURSOR_STATE], TENANTS)
        workflow.uses(tables[AUDIT_EVENTS], "PutItem")
        workflow.uses(tables[ROLLUPS], "Query", "BatchWriteItem")
        workflow.may(DELETE_OBJECT, on=self.payloads.objects_arn)
        workflow.is_told(
            RETENTION_DAYS=str(self.environment.retention_days),
            DEADLINE_HOURS=str(self.environment.deadline_hours),
            RETRY_LETTER_CLASSES=",".join(rules.classes),
            RETRY_LETTER_MIN_AGE_MINUTES=str(rules.min_age_minutes),
            RETRY_LETTER_MAX_AGE_HOURS=str(rules.max_age_hours),
            RETRY_LETTERS_PER_RUN=str(rules.per_run),
            RETRY_LETTER_GENERATIONS=str(rules.generations),
        )

    def let_scheduler_keep_promises(self) -> None:
        """Fire schedules, find what was lost, wake what is parked, drain what broke."""
        scheduler, tables = self.functions.scheduler, self.tables
        scheduler.uses(tables[IDEMPOTENCY_KEYS], "GetItem", "PutItem")
        scheduler.queries(tables[IDEMPOTENCY_KEYS], TASKS_BY_TIME)
        scheduler.uses(tables[RUNS], "GetItem", "BatchGetItem", "PutItem")
        scheduler.queries(tables[RUNS], RUNS_OPEN)
        scheduler.uses(tables[DEAD_LETTERS], "PutItem")
        scheduler.queries(tables[DEAD_LETTERS], LETTERS_OPEN)
        scheduler.uses(tables[CURSOR_STATE], "GetItem", "BatchGetItem", "PutItem", "Query")
        scheduler.never_writes(tables[CURSOR_STATE], TENANTS)
        scheduler.queries(tables[CURSOR_STATE], SCHEDULES_DUE)
        scheduler.uses(tables[AUDIT_EVENTS], "PutItem")
        scheduler.uses(tables[RATE_LIMITS], "Query", "PutItem", "DeleteItem")
        scheduler.may(*self._send_many(), on=self.queue.tasks.queue_arn)
        scheduler.may(*DRAIN, on=self.queue.dead_letters.queue_arn)
        scheduler.is_told(
            QUEUE_URL=self.queue.tasks.queue_url,
            DEAD_LETTER_QUEUE_URL=self.queue.dead_letters.queue_url,
            RETENTION_DAYS=str(self.environment.retention_days),
            DEADLINE_HOURS=str(self.environment.deadline_hours),
        )

    def let_scheduler_work_in_bulk(self) -> None:
        """Carry bulk jobs on: replay and resolve letters as an operator would; and group alike errors."""
        scheduler, tables = self.functions.scheduler, self.tables
        scheduler.uses(tables[DEAD_LETTERS], "GetItem", "UpdateItem")
        scheduler.queries(tables[DEAD_LETTERS], LETTERS_BY_TIME)
        scheduler.uses(tables[REPLAY_LINEAGE], "Query", "PutItem", "UpdateItem")
        scheduler.uses(tables[OPERATIONS], "Query", "GetItem", "PutItem", "DeleteItem")
        scheduler.never_writes(tables[OPERATIONS], TOKENS)
        scheduler.uses(tables[ROLLUPS], "BatchGetItem", "PutItem")
        scheduler.may(READ_OBJECT, WRITE_OBJECT, on=self.payloads.objects_arn)
        scheduler.may(TELL_MISSING, on=self.payloads.arn)
        scheduler.is_told(PAYLOAD_BUCKET=self.payloads.name)

    def let_dashboard_show(self) -> None:
        """Read everything that the ledger holds, and how deep the queue is; never scan, never a tenant's secrets."""
        dashboard, tables = self.functions.dashboard, self.tables
        dashboard.uses(tables[IDEMPOTENCY_KEYS], "GetItem")
        dashboard.queries(tables[IDEMPOTENCY_KEYS], TASKS_BY_TIME)
        dashboard.uses(tables[RUNS], "GetItem", "BatchGetItem", "Query")
        dashboard.queries(tables[RUNS], RUNS_OPEN)
        dashboard.uses(tables[DEAD_LETTERS], "GetItem")
        dashboard.queries(tables[DEAD_LETTERS], LETTERS_OPEN)
        dashboard.queries(tables[DEAD_LETTERS], LETTERS_BY_TIME)
        dashboard.uses(tables[REPLAY_LINEAGE], "Query")
        dashboard.uses(tables[CURSOR_STATE], "GetItem", "Query")
        dashboard.uses(tables[AUDIT_EVENTS], "Query")
        dashboard.uses(tables[OPERATIONS], "GetItem", "Query")
        dashboard.uses(tables[ROLLUPS], "Query")
        dashboard.uses(tables[REFUSED_CALLS], "Query")
        dashboard.may(READ_OBJECT, on=self.payloads.objects_arn)
        dashboard.may(TELL_MISSING, on=self.payloads.arn)
        dashboard.may(TELL_DEPTH, on=self.queue.tasks.queue_arn)
        dashboard.reads_secrets(f"{self.environment.secret_prefix}_dashboard/key-??????")
        # Before the first token is made, there is none: nobody gets in, and nobody is told of an outage.
        dashboard.reads_secrets(f"{self.environment.secret_prefix}_dashboard/key")
        # Whether a handler's secret is there, and never what it holds.
        dashboard.finds_secrets(f"{self.environment.secret_prefix}*")
        dashboard.is_told(
            QUEUE_URL=self.queue.tasks.queue_url,
            PAYLOAD_BUCKET=self.payloads.name,
            SECRET_PREFIX=self.environment.secret_prefix,
            RETENTION_DAYS=str(self.environment.retention_days),
            DEADLINE_HOURS=str(self.environment.deadline_hours),
        )

    def let_dashboard_operate(self) -> None:
        """Write what operators order, with its audit row; let them in, and only so often try to get in."""
        dashboard, tables = self.functions.dashboard, self.tables
        dashboard.uses(tables[IDEMPOTENCY_KEYS], "PutItem")
        dashboard.uses(tables[RUNS], "PutItem")
        dashboard.uses(tables[DEAD_LETTERS], "UpdateItem")
        dashboard.uses(tables[REPLAY_LINEAGE], "PutItem", "UpdateItem")
        dashboard.uses(tables[CURSOR_STATE], "PutItem")
        dashboard.never_writes(tables[CURSOR_STATE], TENANTS)
        dashboard.uses(tables[AUDIT_EVENTS], "PutItem")
        dashboard.uses(tables[OPERATIONS], "PutItem", "UpdateItem", "DeleteItem")
        # Whoever got in once must not be able to let himself in for ever.
        dashboard.never_writes(tables[OPERATIONS], TOKENS)
        dashboard.uses(tables[RATE_LIMITS], "UpdateItem")
        dashboard.may(WRITE_OBJECT, on=self.payloads.objects_arn)
        dashboard.may(SEND, on=self.queue.tasks.queue_arn)

    def _send_many(self) -> tuple[str, ...]:
        """AWS asks for the one right to send, however many at a time; the emulator asks for the batch call's own.

        Source: "Amazon SQS API permissions: Actions and resource reference", Amazon SQS developer guide.
        """
        return (SEND, "sqs:SendMessageBatch") if self.environment.emulated else (SEND,)
