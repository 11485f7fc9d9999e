"""What a task costs, counted from the calls that the real functions make on moto and billed by DynamoDB's own rule.

A measurement is taken on warm functions: their caches of switches and secrets are filled by a task before.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from tests.support.applied import Books
from tests.support.aws import AwsWorld
from tests.support.billing import Bill, Meter
from tests.support.faults import Call
from tests.support.script import Behaviour, Ok, Script
from tests.support.world import World
from workerflow.adapters.dynamodb.item_size import item_bytes
from workerflow.domain.audit import AuditEvent
from workerflow.domain.identity import DEFAULT_TENANT
from workerflow.domain.tenants import TenantPolicy, Tenants
from workerflow.ports.tenants import TenantsDocument
from workerflow.tables import IDEMPOTENCY_KEYS

WARM = "warm"
ENDED_S = 5.0


@dataclass(frozen=True, slots=True)
class Cost:
    """What was called and billed.

    Attributes:
        before_answer: the calls of ingress until the caller had its answer.
        afterwards: the calls until the task had ended, in order.
        bills: every written item with its units.
        acceptance_bytes: size of the acceptance's item.
    """

    before_answer: Sequence[Call]
    afterwards: Sequence[Call]
    bills: Sequence[Bill]
    acceptance_bytes: int

    @property
    def units(self) -> int:
        return sum(bill.units for bill in self.bills)

    @property
    def index_units(self) -> int:
        return sum(sum(bill.index_units.values()) for bill in self.bills)

    def units_of(self, table: str) -> int:
        return sum(bill.units for bill in self.bills if bill.table == table)


def names(calls: Sequence[Call]) -> list[str]:
    """The operations, in order."""
    return [call.name for call in calls]


def measure(
    aws: AwsWorld,
    *behaviours: Behaviour,
    route: str = "work",
    body: bytes = b'{"n":1}',
    twice: bool = False,
    policy: TenantPolicy | None = None,
    then: Callable[[World], None] = lambda world: world.go_on(ENDED_S),
) -> Cost:
    """Measure one call and what follows from it; with `twice`, the second of two equal calls.

    With a `policy`, the caller's tenant stands in a published file, beside another.
    """
    world = World(aws, Script(behaviours or (Ok(),)))
    if policy is not None:
        publish(aws, policy)
    _warm_up(world)
    if twice:
        world.call(route=route, body=body)
        world.go_on(ENDED_S)
        _refresh(world)
    meter, start = Meter(aws), len(world.line.calls)
    answer = world.call(route=route, body=body).last
    assert answer.accepted, answer
    answered = len(world.line.calls)
    then(world)
    calls = world.line.calls
    size = max(item_bytes(item) for item in aws.items(IDEMPOTENCY_KEYS))
    return Cost(calls[start:answered], calls[answered:], meter.bills, size)


def publish(aws: AwsWorld, policy: TenantPolicy) -> None:
    """Publish a file of tenants in which the callers' has this policy."""
    text = Tenants.of({DEFAULT_TENANT: policy, "acme": policy}).to_text()
    audit = AuditEvent(DEFAULT_TENANT, 1, "n", "token:ops", "tenants.published", "tenants")
    aws.tenants.publish(TenantsDocument(text, version=1, nonce="n"), audit)


def _warm_up(world: World) -> None:
    """Another task, through every function that the measured one will meet."""
    starts, world.handlers.script = world.handlers.script, Script()
    world.call(WARM)
    world.go_on(ENDED_S)
    world.handlers.script = starts
    _refresh(world)


def _refresh(world: World) -> None:
    """Fill the caches that a few seconds have emptied; a duplicate does that for ingress, a redelivery for workflow."""
    world.line.witness = Books()
    (trace_id,) = world.callers[0].trace_ids
    world.call(WARM)
    world.send_again(trace_id)
    world.deliver_once()


def incompressible(size: int) -> bytes:
    """A JSON payload of `size` bytes of which compression takes next to nothing."""
    alphabet = "".join(chr(code) for code in range(0x23, 0x7F) if chr(code) != "\\")
    text = "".join(Random(size).choices(alphabet, k=size - 2))  # noqa: S311 - test data
    return f'"{text}"'.encode()
