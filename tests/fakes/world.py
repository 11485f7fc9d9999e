"""One world in memory: every port, on one memory.

world = FakeWorld()
accept = AcceptTask(acceptances=world.acceptances, blobs=world.blobs, queue=world.queue, ...)
world.memory.before = ...   # refuse calls
world.memory.after = ...    # lose answers
"""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.fakes.access import FakeAccessKeys, FakeSessions, FakeTokens
from tests.fakes.bulk import FakeBulk, FakeErrorGroups
from tests.fakes.cleanup import FakeCleanup
from tests.fakes.memory import Memory
from tests.fakes.operations import FakeOperations
from tests.fakes.rollups import FakeRollups
from tests.fakes.schedules import FakeSchedules
from tests.fakes.stores import (
    FakeAcceptances,
    FakeAuditLog,
    FakeBlobs,
    FakeCursors,
    FakeReplays,
    FakeRuns,
    FakeSwitches,
)
from tests.fakes.surroundings import (
    FakeClock,
    FakeDeadMessages,
    FakeDeliveries,
    FakeFaults,
    FakeIds,
    FakeInvoker,
    FakeQueueGauge,
    FakeRunner,
    FakeSchemas,
    FakeSecretNames,
    FakeSecrets,
    FakeSignals,
    FakeTaskQueue,
)
from tests.fakes.tenants import FakeRateLimits, FakeRefusedCalls, FakeSlots, FakeTenants


@dataclass(slots=True)
class FakeWorld:
    """All ports at once."""

    memory: Memory = field(default_factory=Memory)
    clock: FakeClock = field(default_factory=FakeClock)
    ids: FakeIds = field(default_factory=FakeIds)
    invoker: FakeInvoker = field(default_factory=FakeInvoker)
    runner: FakeRunner = field(default_factory=FakeRunner)
    schemas: FakeSchemas = field(default_factory=FakeSchemas)
    secrets: FakeSecrets = field(default_factory=FakeSecrets)
    signals: FakeSignals = field(default_factory=FakeSignals)
    faults: FakeFaults = field(default_factory=FakeFaults)
    access_keys: FakeAccessKeys = field(default_factory=FakeAccessKeys)
    acceptances: FakeAcceptances = field(init=False)
    runs: FakeRuns = field(init=False)
    replays: FakeReplays = field(init=False)
    switches: FakeSwitches = field(init=False)
    cursors: FakeCursors = field(init=False)
    retry_cursors: FakeCursors = field(init=False)
    audit: FakeAuditLog = field(init=False)
    blobs: FakeBlobs = field(init=False)
    queue: FakeTaskQueue = field(init=False)
    queue_gauge: FakeQueueGauge = field(init=False)
    deliveries: FakeDeliveries = field(init=False)
    dead_messages: FakeDeadMessages = field(init=False)
    schedules: FakeSchedules = field(init=False)
    tenants: FakeTenants = field(init=False)
    rate_limits: FakeRateLimits = field(init=False)
    slots: FakeSlots = field(init=False)
    refused_calls: FakeRefusedCalls = field(init=False)
    rollups: FakeRollups = field(init=False)
    cleanup: FakeCleanup = field(init=False)
    bulk: FakeBulk = field(init=False)
    error_groups: FakeErrorGroups = field(init=False)
    tokens: FakeTokens = field(init=False)
    sessions: FakeSessions = field(init=False)
    secret_names: FakeSecretNames = field(init=False)
    operations: FakeOperations = field(init=False)

    def __post_init__(self) -> None:
        self.memory.object_clock = self.clock.now_ms
        self.acceptances = FakeAcceptances(self.memory)
        self.runs = FakeRuns(self.memory)
        self.replays = FakeReplays(self.memory)
        self.switches = FakeSwitches(self.memory)
        self.cursors = FakeCursors(self.memory, self.memory.cursors)
        self.retry_cursors = FakeCursors(self.memory, self.memory.retry_cursors)
        self.audit = FakeAuditLog(self.memory)
        self.blobs = FakeBlobs(self.memory)
        self.queue = FakeTaskQueue(self.memory)
        self.queue_gauge = FakeQueueGauge(self.memory, self.queue)
        self.deliveries = FakeDeliveries(self.memory)
        self.dead_messages = FakeDeadMessages(self.memory)
        self.schedules = FakeSchedules(self.memory)
        self.tenants = FakeTenants(self.memory)
        self.rate_limits = FakeRateLimits(self.memory)
        self.slots = FakeSlots(self.memory)
        self.refused_calls = FakeRefusedCalls(self.memory)
        self.rollups = FakeRollups(self.memory)
        self.cleanup = FakeCleanup(self.memory)
        self.bulk = FakeBulk(self.memory)
        self.error_groups = FakeErrorGroups(self.memory)
        self.tokens = FakeTokens(self.memory)
        self.sessions = FakeSessions(self.memory)
        self.secret_names = FakeSecretNames(self.memory)
        self.operations = FakeOperations(self.memory)
