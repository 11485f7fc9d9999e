"""What must hold at the end of every history, whatever failed on the way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from tests.support.callers import Caller
from tests.support.quick_moto import queue_of
from tests.support.world import World
from workerflow.domain.output import HandlerOutput
from workerflow.domain.run import Run, RunState
from workerflow.domain.task import Acceptance
from workerflow.services.sweep import GRACE_S
from workerflow.services.tell_run import TellRun


def broken_promises(world: World) -> list[str]:
    """Every promise that the history broke, in words; empty if all were kept."""
    return [
        *world.broken,
        *_lost(world),
        *_double_ends(world),
        *_letters(world),
        *_outputs(world),
        *_lineage(world),
        *_effects(world),
        *_answers(world),
        *_remains(world),
    ]


def _lost(world: World) -> Iterator[str]:
    """Nothing accepted is lost, and every run comes to an end."""
    runs = world.kept.runs()
    accepted = {acceptance.trace_id for acceptance in world.kept.acceptances()}
    for trace_id in accepted:
        run = runs.get(trace_id)
        if run is None or not run.is_terminal:
            yield f"{trace_id} does not end: {run}"
    for caller in world.callers:
        if not caller.trace_ids <= accepted | world.kept.spoilt:
            yield f"{caller.key} was told of a task that does not exist"


def _double_ends(world: World) -> Iterator[str]:
    """At most one recorded success, and nothing is written over an end."""
    ended: set[str] = set()
    for row in world.books.rows:
        if row.trace_id in ended:
            yield f"{row} was written over an end"
        if RunState(row.state).is_terminal:
            ended.add(row.trace_id)
    for trace_id, run in world.kept.runs().items():
        if world.books.successes(trace_id) != (run.state is RunState.SUCCEEDED):
            yield f"{trace_id} is {run.state}, with {world.books.successes(trace_id)} recorded successes"


def _letters(world: World) -> Iterator[str]:
    """Exactly one letter for each failed run, and none for any other."""
    written = Counter(world.books.letters)
    letters = world.kept.letters()
    for trace_id, run in world.kept.runs().items():
        expected = int(run.state is RunState.FAILED)
        if written[trace_id] != expected or (trace_id in letters) != bool(expected):
            yield f"{trace_id} is {run.state}, with {written[trace_id]} letters written"
        if trace_id in letters and letters[trace_id].letter_class is not run.letter_class:
            yield f"{trace_id} and its letter disagree"


def _outputs(world: World) -> Iterator[str]:
    """The output of a success can be read, and is that of the attempt which the row names."""
    tell_run = TellRun(runs=world.aws.runs, blobs=world.aws.blobs, clock=world.clock)
    for trace_id, run in world.kept.runs().items():
        if run.state is RunState.SUCCEEDED:
            document = HandlerOutput.decode(tell_run.output(run) or b"").document()
            if document["attempt"] != run.attempt:
                yield f"{trace_id} succeeded at attempt {run.attempt}, with the output of {document['attempt']}"


def _lineage(world: World) -> Iterator[str]:
    """A parent has one child, and a child its entry."""
    entries = world.kept.lineage()
    children = Counter(entry.parent for entry in entries)
    yield from (f"{parent} has {count} children" for parent, count in children.items() if count > 1)
    told = {entry.child for entry in entries}
    replayed = {acceptance.trace_id for acceptance in world.kept.acceptances() if acceptance.lineage}
    if told != replayed:
        yield f"lineage tells of {told}, acceptances of {replayed}"


def _effects(world: World) -> Iterator[str]:
    """One effect key over all attempts and replays of a root."""
    roots = {acceptance.trace_id: _effect_root(acceptance) for acceptance in world.kept.acceptances()}
    keys: dict[str, set[str]] = {}
    for start in world.handlers.starts:
        keys.setdefault(roots[start.trace_id], set()).add(start.effect_key)
    yield from (f"{root} has the effect keys {found}" for root, found in keys.items() if len(found) > 1)


def _effect_root(acceptance: Acceptance) -> str:
    return acceptance.lineage.effect_root if acceptance.lineage else acceptance.trace_id


def _answers(world: World) -> Iterator[str]:
    """One key, one task; callers that come back get an answer that they can be content with."""
    by_key: dict[tuple[str, str, bytes], set[str]] = {}
    for caller in world.callers:
        by_key.setdefault((caller.route, caller.key, caller.body), set()).update(caller.trace_ids)
        if caller.returns and (caller.answers[-1] is None or caller.calls_again_ms is not None):
            yield f"{caller.key} still waits for an answer"
    yield from (f"{key} has the trace ids {found}" for key, found in by_key.items() if len(found) > 1)
    yield from (f"unforeseen: {told}" for told in world.processes.telemetry.failures if told.startswith("uncaught"))


def _remains(world: World) -> Iterator[str]:
    """Queues are empty when all is done."""
    for url in (world.aws.queue_url, world.aws.dead_letter_queue_url):
        if queue_of(url)._messages:
            yield f"{url} still holds messages"


def run_of(world: World, caller: Caller) -> Run | None:
    """The run of a caller's task, whether it was told of it or not."""
    traces = {acceptance.trace_id for acceptance in world.kept.acceptances() if acceptance.key == caller.key}
    return next((run for trace_id, run in world.kept.runs().items() if trace_id in traces), None)


def late_harm(world: World) -> list[str]:
    """What a late tick and late messages change of a world at rest: nothing."""
    before = world.kept.runs()
    for trace_id, run in before.items():
        world.send_again(trace_id, tenant=run.tenant)
    world.clock.advance(GRACE_S + 60)
    world.tick()
    world.go_on()
    return [] if world.kept.runs() == before else [f"{before} became {world.kept.runs()}"]
