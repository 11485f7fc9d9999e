"""One history after another: play a flow, let the world go on, ask what was promised."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from tests.faults.flow import Flow
from tests.faults.promise import broken_promises, late_harm
from tests.support.aws import AwsWorld
from tests.support.faults import Call, Fault, Site
from tests.support.world import Story, World

WRITES_FAIL = (Fault.REFUSED, Fault.LOST, Fault.SILENT, Fault.DIES_BEFORE, Fault.DIES_AFTER)
"""How a call fails that may change something. HICCUP is left out: the SDK hides it, and LOST shows the same retry
with more to go wrong."""
READS_FAIL = (Fault.REFUSED, Fault.DIES_BEFORE)
"""How a call fails that changes nothing."""
LIKE: Mapping[Fault, Fault | None] = {
    Fault.THROTTLED: Fault.REFUSED,
    Fault.DIES_AFTER: Fault.DIES_BEFORE,
    Fault.LOST: None,
}
"""Kinds of failure that differ in nothing from another one, or from none, outside of the adapter:

    THROTTLED of any call    is REFUSED: nothing was applied, and adapters have one word for both (aws_errors.py); so
                             each adapter's place is throttled once, and not in every story that passes there
    DIES_AFTER of a read     is DIES_BEFORE: nothing was applied, and what was read has died with the process
    LOST of a read           is nothing: the SDK reads again

`--every-call` plays them all the same; tests/faults/test_alike.py holds some of them against what they are like.
"""
READS = frozenset(
    {
        "GetItem",
        "Query",
        "BatchGetItem",
        "GetObject",
        "ListObjectsV2",
        "GetSecretValue",
        "DescribeSecret",
        "GetQueueAttributes",
    }
)
SLACK_MS = 5_000
WITH_FLOWS_OF_THEIR_OWN = ("WorkBulk", "GroupErrors")
"""Parts of every tick that have nothing to do with most stories; they fail where they have (bulk_flows)."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came out of a history, as far as a lost answer must not change it."""

    ends: tuple[tuple[str, int], ...]
    starts: int
    answers: tuple[tuple[int, str | None, object], ...]
    ended_ms: int

    @classmethod
    def of(cls, world: World) -> Outcome:
        runs = sorted(world.kept.runs().values(), key=lambda run: run.trace_id)
        answers = [answer for caller in world.callers for answer in caller.answers if answer is not None]
        return cls(
            tuple((run.state.value, run.attempt) for run in runs),
            len(world.handlers.starts),
            tuple((answer.status, answer.code, answer.document.get("duplicate")) for answer in answers),
            world.clock.ms,
        )

    def differences(self, other: Outcome) -> Iterator[str]:
        """How another history came out differently, in words."""
        mine, others = (self.ends, self.starts, self.answers), (other.ends, other.starts, other.answers)
        if mine != others:
            yield f"a lost answer was not recognised: {others} instead of {mine}"
        if other.ended_ms - self.ended_ms > SLACK_MS:
            yield f"a lost answer cost {(other.ended_ms - self.ended_ms) / 1000} s"


@dataclass(frozen=True, slots=True)
class Baseline:
    """A flow without faults.

    Attributes:
        sites: where its calls come from, in order.
        alike: numbers of calls for which an earlier one stands (see `_alike`), or one of another flow.
        outcome: what came out.
    """

    sites: tuple[Site, ...]
    alike: frozenset[int]
    outcome: Outcome

    def stories(self, *, every_call: bool) -> Iterator[Story]:
        """Every call and every way in which it can fail; `every_call`: those that are alike, too."""
        for number, site in enumerate(self.sites, 1):
            if every_call or number not in self.alike:
                yield from (Story(number, kind) for kind in kinds_of(site, every_kind=every_call))


def kinds_of(site: Site, *, every_kind: bool = False) -> tuple[Fault, ...]:
    """How a call can fail; `every_kind`: in ways that are like others, too."""
    fail = READS_FAIL if is_read(site) else WRITES_FAIL
    return tuple(dict.fromkeys((*fail, *LIKE))) if every_kind else fail


def is_read(site: Site) -> bool:
    """Whether a call changes nothing."""
    return site.operation.partition(".")[2] in READS


def fault_free(aws: AwsWorld, flow: Flow) -> Baseline:
    """Play a flow without faults; all promises must be kept."""
    world = flow.world(aws)
    play(world, flow)
    sites = tuple(call.site for call in world.line.calls)
    spared = frozenset(number for number, site in enumerate(sites, 1) if _is_spared(flow, site))
    baseline = Baseline(sites, _alike(sites, world.read_nothing) | spared, Outcome.of(world))
    found = [*broken_promises(world), *flow.mistakes_without_fault(world), *late_harm(world), *broken_promises(world)]
    assert not found, f"{flow.name} without any fault: {found}"
    return baseline


def _is_spared(flow: Flow, site: Site) -> bool:
    """Whether a call fails in another flow: in one of its own, where nobody was named whose calls fail here."""
    if flow.strikes is not None:
        return flow.strikes not in site.caller
    return any(part in site.caller for part in WITH_FLOWS_OF_THEIR_OWN)


def _alike(sites: Sequence[Site], read_nothing: Collection[int]) -> frozenset[int]:
    """Calls of a tick that differ in nothing from an earlier one.

    A tick looks into each shard. Where it finds nothing, several times on end and at the same place, it has done
    nothing between those looks: whichever of them fails, the same is left undone, so the first stands for all.
    """
    alike: set[int] = set()
    stretch: set[Site] = set()
    for number, site in enumerate(sites, 1):
        if number not in read_nothing or not site.caller.startswith("Tick."):
            stretch = set()
        elif site in stretch:
            alike.add(number)
        else:
            stretch.add(site)
    return frozenset(alike)


def history_with(aws: AwsWorld, flow: Flow, story: Story, baseline: Baseline) -> list[str]:
    """What went wrong in one history, in words; empty if all promises were kept."""
    world = flow.world(aws, story)
    try:
        play(world, flow)
        if world.struck is None or world.struck.site != baseline.sites[story.number - 1]:
            return [f"the fault struck {world.struck}"]
        found = [*broken_promises(world), *flow.mistakes(world)]
        if _is_healed_by_retry(world.struck):
            found += baseline.outcome.differences(Outcome.of(world))
        return found or (late_harm(world) if _may_have_left_something(world.struck) else [])
    except AssertionError as error:
        return [str(error)]


def play(world: World, flow: Flow) -> None:
    """Play a flow until the world is at rest."""
    flow.play(world)
    world.go_on()


def _is_healed_by_retry(struck: Call) -> bool:
    """Where an answer is lost once the SDK asks again, and nobody should notice: it must know its own write.

    An invocation is never repeated, and what a lost answer had received stays hidden for a while.
    """
    return struck.fault is Fault.LOST and struck.name not in {"lambda.Invoke", "sqs.ReceiveMessage"}


def _may_have_left_something(struck: Call) -> bool:
    """Only a write that was applied, or may have been, leaves behind what a late tick could trip over."""
    return struck.operation not in READS and struck.fault in {Fault.LOST, Fault.SILENT, Fault.DIES_AFTER}
