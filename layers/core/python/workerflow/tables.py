"""Every table, once: the CDK constructs, the test fixtures, the adapters and docs/tables.md all read this module.

Standard library only, because `infra/` imports it. How DynamoDB bills decides the shape: a write is billed by the
size of the whole item and again for every index entry it touches, so the payload is written once (in the
acceptance), the run row stays under 1 KB, and the success path touches exactly one index entry.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Projection(StrEnum):
    """What an index copies from the item."""

    KEYS_ONLY = "KEYS_ONLY"
    INCLUDE = "INCLUDE"
    ALL = "ALL"


@dataclass(frozen=True, slots=True)
class Index:
    """A global secondary index. All keys are strings."""

    name: str
    partition_key: str
    sort_key: str
    projection: Projection
    included: tuple[str, ...] = ()
    meaning: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """One table. `name` is the logical name; an environment prefixes it. All keys are strings."""

    name: str
    partition_key: str
    sort_key: str | None
    partition_value: str
    sort_value: str | None
    meaning: str
    indexes: tuple[Index, ...] = ()
    ttl_attribute: str | None = "expires_at"


TASKS_BY_TIME = Index(
    name="tasks_by_time",
    partition_key="tenant_shard",
    sort_key="trace_id",
    projection=Projection.INCLUDE,
    included=("source", "kind", "mode", "deadline_ms", "expires_at"),
    meaning="Every acceptance in order of acceptance, (tenant, shard) / trace id. Immutable attributes only.",
)
RUNS_OPEN = Index(
    name="runs_open",
    partition_key="open_in",
    sort_key="due_at",
    projection=Projection.KEYS_ONLY,
    meaning="Sparse: runs that left the success path and wait for a due time, (tenant, shard) / due time. "
    "Tasks that wait for a paused source stand in a partition of that source, so that resume finds them.",
)
LETTERS_BY_TIME = Index(
    name="letters_by_time",
    partition_key="tenant_shard",
    sort_key="failed_at",
    projection=Projection.INCLUDE,
    included=("class", "source", "fingerprint", "state", "expires_at"),
    meaning="Every dead letter, (tenant, shard) / time of failure.",
)
LETTERS_OPEN = Index(
    name="letters_open",
    partition_key="open_in",
    sort_key="failed_at",
    projection=Projection.INCLUDE,
    included=("class", "source", "fingerprint", "expires_at"),
    meaning="Sparse: dead letters that nobody has replayed or resolved yet.",
)
SCHEDULES_DUE = Index(
    name="schedules_due",
    partition_key="due_in",
    sort_key="due_at",
    projection=Projection.KEYS_ONLY,
    meaning="Sparse: schedules by the time of their next fire, shard / next due, of all tenants: a tick reads what is "
    "due, and its cost grows with that alone.",
)

IDEMPOTENCY_KEYS = Table(
    name="idempotency_keys",
    partition_key="pk",
    sort_key=None,
    partition_value="<tenant>#<key hash>",
    sort_value=None,
    meaning="Acceptances: the durable, immutable record that a task was taken, with its payload.",
    indexes=(TASKS_BY_TIME,),
)
RUNS = Table(
    name="runs",
    partition_key="pk",
    sort_key="sk",
    partition_value="<tenant>#<trace id>",
    sort_value="`run` for the ledger row, `out#<attempt>` for an attempt's output or error",
    meaning="The mutable ledger row of each task, under 1 KB, and what its attempts left behind.",
    indexes=(RUNS_OPEN,),
)
DEAD_LETTERS = Table(
    name="dead_letters",
    partition_key="pk",
    sort_key=None,
    partition_value="<tenant>#<trace id>",
    sort_value=None,
    meaning="One letter per failed run, written in one transaction with the run's terminal state.",
    indexes=(LETTERS_BY_TIME, LETTERS_OPEN),
)
REPLAY_LINEAGE = Table(
    name="replay_lineage",
    partition_key="pk",
    sort_key="sk",
    partition_value="<tenant>#<root trace id>",
    sort_value="`count` for the number of replays under the root, `<parent trace id>#<generation>` for each of them",
    meaning="Which task was replayed into which: the whole tree of a root is one query.",
)
CURSOR_STATE = Table(
    name="cursor_state",
    partition_key="pk",
    sort_key="sk",
    partition_value="<tenant>#switch, <tenant>#sweep, <tenant>#schedule, <tenant>#cleanup, <tenant>#retry, "
    "<tenant>#errors; "
    "#tick, #tenants",
    sort_value="the source of a switch, the shard of a cursor, the name of a schedule; `-` where there is one",
    meaning="Small mutable state: run-time switches, the sweeper's cursors, each schedule's cursor, the newest tick, "
    "the declared tenants.",
    indexes=(SCHEDULES_DUE,),
    ttl_attribute=None,
)
AUDIT_EVENTS = Table(
    name="audit_events",
    partition_key="pk",
    sort_key="sk",
    partition_value="<tenant>",
    sort_value="<time>#<nonce>",
    meaning="Who did what: written in the transaction of the write that it tells of.",
)
OPERATIONS = Table(
    name="operations",
    partition_key="pk",
    sort_key="sk",
    partition_value="<tenant>#done, <tenant>#bulk; #bulk, #tokens, #session#<digest>",
    sort_value="<token id>#<digest of the key> of an operator's order; the id of a bulk job, of all tenants' under "
    "`#bulk` while it is at work; the id of a token; `-` of a session",
    meaning="What operators do and by what right: their orders by idempotency key, bulk jobs, tokens, sessions.",
)

ROLLUPS = Table(
    name="rollups",
    partition_key="pk",
    sort_key="sk",
    partition_value="<tenant>#15m, <tenant>#1h, <tenant>#1d, <tenant>#part, <tenant>#errors",
    sort_value="<start of the bucket>#<source>; <start of the quarter> of a count that was broken off; <fingerprint>",
    meaning="Counts by state and a histogram of durations, per source and span of time: 15 minutes are kept 3 days, "
    "hours 40 days, days 400. And groups of alike errors, with how often and since when.",
)
RATE_LIMITS = Table(
    name="rate_limits",
    partition_key="pk",
    sort_key="sk",
    partition_value="<tenant>#rate, <tenant>#slots; #rate for attempts to sign in at the dashboard",
    sort_value="<limit>#<route>#<client> of a bucket; the number of a slot",
    meaning="Rate limits' buckets, and the slots of tenants whose tasks in flight are capped.",
)
REFUSED_CALLS = Table(
    name="refused_calls",
    partition_key="pk",
    sort_key="sk",
    partition_value="<tenant>; `#unknown` for calls in the name of no tenant of ours",
    sort_value="<reason>#<slot>",
    meaning="The last refused calls, redacted: a fixed number of slots for each tenant and reason.",
)

TABLES: tuple[Table, ...] = (
    IDEMPOTENCY_KEYS,
    RUNS,
    DEAD_LETTERS,
    REPLAY_LINEAGE,
    CURSOR_STATE,
    AUDIT_EVENTS,
    OPERATIONS,
    ROLLUPS,
    RATE_LIMITS,
    REFUSED_CALLS,
)


def table_name(prefix: str, table: Table) -> str:
    """The physical name of `table` in an environment, e.g. `workerflow-dev-runs`."""
    return f"{prefix}-{table.name.replace('_', '-')}"


def setting_name(table: Table) -> str:
    """The environment variable that tells a function the table's physical name, e.g. `TABLE_RUNS`."""
    return f"TABLE_{table.name.upper()}"
