"""One history after another: play a flow, let the world go on, ask what was promised."""

from __future__ import annotations

from tests.faults.flows import Flow
from tests.faults.promise import broken_promises, late_harm
from tests.support.aws import AwsWorld
from tests.support.faults import Fault, Site
from tests.support.world import Story, World

KINDS = (Fault.REFUSED, Fault.THROTTLED, Fault.LOST, Fault.DIES_BEFORE, Fault.DIES_AFTER)
"""HICCUP is left out: the SDK hides it, and LOST shows the same retry with more to go wrong."""
READS = frozenset({"GetItem", "Query", "BatchGetItem", "GetObject", "GetSecretValue"})


def kinds_of(site: Site) -> tuple[Fault, ...]:
    """How a call can fail. SILENT differs from REFUSED only where something is applied."""
    return KINDS if site.operation.partition(".")[2] in READS else (*KINDS, Fault.SILENT)


def fault_free(aws: AwsWorld, flow: Flow) -> list[Site]:
    """Where the calls of a flow come from, in order, when nothing fails; all promises must be kept."""
    world = World(aws, flow.script, Story())
    play(world, flow)
    sites = [call.site for call in world.line.calls]
    found = [*broken_promises(world), *flow.mistakes(world), *late_harm(world), *broken_promises(world)]
    assert not found, f"{flow.name} without any fault: {found}"
    return sites


def history_with(aws: AwsWorld, flow: Flow, story: Story, site: Site) -> list[str]:
    """What went wrong in one history, in words; empty if all promises were kept. The fault must strike at `site`."""
    world = World(aws, flow.script, story)
    try:
        play(world, flow)
        if world.struck is None or world.struck.site != site:
            return [f"the fault struck {world.struck}"]
        found = [*broken_promises(world), *flow.mistakes(world)]
        return found or (late_harm(world) if _may_have_left_something(world) else [])
    except AssertionError as error:
        return [str(error)]


def play(world: World, flow: Flow) -> None:
    """Play a flow until the world is at rest."""
    flow.play(world)
    world.go_on()


def _may_have_left_something(world: World) -> bool:
    """A read that failed leaves nothing behind that a late tick could trip over."""
    struck = world.struck
    return struck is not None and struck.operation not in READS
