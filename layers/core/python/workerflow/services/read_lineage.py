"""Read the whole tree of replays that a task belongs to, with the state of each task in it.

    root --1--> child --2--> grandchild      one query for the entries, one batch read for the rows

An entry is forgotten with its child's row. Where the entries in between are gone, what is left hangs under the root.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from workerflow.domain.errors import IntegrityError, InvalidIdentifierError
from workerflow.domain.identity import TraceId
from workerflow.domain.replay import LineageEntry
from workerflow.domain.run import RUN_OUTLIVES_ACCEPTANCE_S, Run, RunState
from workerflow.domain.task import Acceptance
from workerflow.ports.stores import AcceptanceStore, ReplayStore, RunStore
from workerflow.ports.world import Clock


@dataclass(frozen=True, slots=True)
class LineageNode:
    """One task of the tree.

    Attributes:
        state: None: its run is forgotten, or its row cannot be read.
        entry: how it was made by a replay; None for the root, and where that is forgotten.
        children: by generation.
    """

    trace_id: str
    state: RunState | None
    entry: LineageEntry | None
    children: tuple[LineageNode, ...] = ()


@dataclass(frozen=True, slots=True)
class LineageTree:
    """The tree; `size` counts its tasks, the root among them. `fault` tells why there may be more than can be read."""

    root: LineageNode
    size: int
    fault: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadLineage:
    """Reads at most MAX_GENERATIONS entries and their rows."""

    acceptances: AcceptanceStore
    runs: RunStore
    replays: ReplayStore
    clock: Clock

    def __call__(self, tenant: str, trace_id: str) -> LineageTree | None:
        """The tree of a task, or None for anything that is not this tenant's: malformed, foreign, forgotten.

        Raises:
            StoreUnavailableError: ask again.
        """
        try:
            trace = TraceId.parse(trace_id)
        except InvalidIdentifierError:
            return None
        acceptance = self._acceptance(tenant, trace)
        if acceptance is not None:
            return self.tree(tenant, acceptance.root, Run.of_task(acceptance))
        root = self._root_of(tenant, trace)
        return None if root is None else self.tree(tenant, root)

    def tree(self, tenant: str, root: str, task: Run | None = None) -> LineageTree:
        """The tree under a root.

        Args:
            tenant: whose.
            root: trace id of its root.
            task: one of the tree as it is known; queued, where its row is not read.

        Raises:
            StoreUnavailableError: ask again.
        """
        entries, fault = self._entries(tenant, root)
        names = list(dict.fromkeys([root, *(name for one in entries for name in (one.parent, one.child))]))
        rows = self.runs.view_many(tenant, names)
        fault = fault or next(iter(rows.unreadable.values()), "")
        found = ({task.trace_id: task} if task else {}) | dict(rows.readable)
        tree = _Tree(root, entries, {name: self._state(name, found, entries) for name in names})
        return LineageTree(tree.node(root), len(names), fault)

    def _root_of(self, tenant: str, trace: TraceId) -> str | None:
        """The root of a task whose acceptance is forgotten, by its letter or its row; None: it is forgotten, too."""
        seen = self.runs.view_many(tenant, [trace.value])
        run = seen.readable.get(trace.value)
        if run is None or run.expires_at_s * 1000 <= self.clock.now_ms():
            return None
        try:
            letter = self.replays.get_letter(tenant, trace.value)
        except IntegrityError:
            letter = None
        return letter.root if letter is not None else trace.value

    def _acceptance(self, tenant: str, trace: TraceId) -> Acceptance | None:
        try:
            acceptance = self.acceptances.get(tenant, trace.key_hash)
        except IntegrityError:
            return None
        if acceptance is None or acceptance.trace_id != trace.value:
            return None
        return None if acceptance.is_expired(self.clock.now_ms()) else acceptance

    def _entries(self, tenant: str, root: str) -> tuple[Sequence[LineageEntry], str]:
        now_s = self.clock.now_ms() // 1000
        try:
            return [one for one in self.replays.lineage(tenant, root) if one.expires_at_s > now_s], ""
        except IntegrityError as error:
            return (), str(error)

    def _state(self, name: str, rows: Mapping[str, Run], entries: Sequence[LineageEntry]) -> RunState | None:
        """A row's state; without row a replay is queued, as long as its acceptance is kept."""
        row = rows.get(name)
        if row is not None:
            return row.state
        entry = next((one for one in entries if one.child == name), None)
        kept_until_s = entry.expires_at_s - RUN_OUTLIVES_ACCEPTANCE_S if entry else 0
        return RunState.QUEUED if kept_until_s * 1000 > self.clock.now_ms() else None


@dataclass(frozen=True, slots=True)
class _Tree:
    root: str
    entries: Sequence[LineageEntry]
    states: Mapping[str, RunState | None]

    def node(self, name: str) -> LineageNode:
        """A task and what hangs under it. A child is always younger than its parent, so that this ends."""
        entry = next((one for one in self.entries if one.child == name), None)
        return LineageNode(name, self.states[name], entry, tuple(map(self.node, self._children(name))))

    def _children(self, name: str) -> Iterator[str]:
        known = {one.child for one in self.entries}
        own = [one.child for one in self.entries if one.parent == name and one.child > name]
        lost = (
            [one.parent for one in self.entries if one.parent not in {*known, self.root}] if name == self.root else []
        )
        yield from dict.fromkeys([*own, *lost])
