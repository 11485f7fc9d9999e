"""List a tenant's dead letters in groups of alike errors: how often, since when, how many are open, what one says.

What the tick's walk has counted is read as it stands; letters that failed since are added here, up to a number. How
many of a group are open is counted from the index of open letters, up to a number, too; beyond them counts are marked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from operator import attrgetter

from workerflow.domain.dead_letter import letter_position
from workerflow.domain.error_group import ErrorGroup
from workerflow.domain.identity import SHARDS
from workerflow.ports.error_groups import GROUPS_READ, ErrorGroupStore
from workerflow.ports.stores import LetterEntry, Newest, ReplayStore, Seen
from workerflow.ports.world import Clock
from workerflow.services.group_errors import added_to, with_sample
from workerflow.services.newest_first import NewestFirst

GROUPS_LISTED = 200
TAIL_READ = 500
"""Letters that no walk has passed yet: five minutes of more than one failure a second."""
OPEN_READ = 2_000
SAMPLES_READ = 20
"""Letters that are read for groups of which no walk knows yet."""
PART = 250
_TRIES = 3


@dataclass(frozen=True, slots=True)
class ErrorGroupView:
    """A group, the letters since the last walk included; `open`: how many of its letters are open."""

    group: ErrorGroup
    open: int


@dataclass(frozen=True, slots=True)
class ErrorGroups:
    """Groups, the one that was seen last first.

    Attributes:
        open_is_exact: False: there are more open letters than were counted, or some cannot be read; each `open` is a
            lower bound.
        count_is_exact: the same of the groups' counts, and of whether all groups are there.
    """

    groups: Sequence[ErrorGroupView]
    open_is_exact: bool
    count_is_exact: bool


@dataclass(frozen=True, slots=True)
class _Walked:
    """Groups as a walk left them, and the position that it has come to."""

    groups: Seen[str, ErrorGroup]
    position: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ListErrorGroups:
    """Reads the groups of one tenant."""

    groups: ErrorGroupStore
    replays: ReplayStore
    clock: Clock

    def __call__(self, tenant: str) -> ErrorGroups:
        """All groups with letters that are still kept, up to GROUPS_LISTED.

        Raises:
            StoreUnavailableError: ask again.
        """
        now_ms = self.clock.now_ms()
        walked = self._walked(tenant)
        tail, is_all = self._letters(tenant, walked.position, TAIL_READ, open_only=False)
        known = walked.groups.readable
        standing = {name: group for name, group in known.items() if not group.is_expired(now_ms)}
        newer = added_to(standing, reversed(tail), now_ms)
        groups = self._sampled(standing, standing | newer)
        of_open, open_is_exact = self._letters(tenant, "", OPEN_READ, open_only=True)
        counted = Counter(entry.fingerprint for entry in of_open if entry.expires_at_s * 1000 > now_ms)
        in_order = sorted(groups, key=attrgetter("last_seen_ms", "fingerprint"), reverse=True)[:GROUPS_LISTED]
        views = [ErrorGroupView(group, counted[group.fingerprint]) for group in in_order]
        all_known = not walked.groups.unreadable and len(known) < GROUPS_READ
        return ErrorGroups(views, open_is_exact, is_all and all_known and len(views) == len(groups))

    def _walked(self, tenant: str) -> _Walked:
        """Groups and position of one moment: a walk that goes on meanwhile would have letters counted twice, or not."""
        walk, groups = self.groups.get_walk(tenant), self.groups.list_groups(tenant)
        for _ in range(_TRIES):
            again = self.groups.get_walk(tenant)
            if again == walk:
                break
            walk, groups = again, self.groups.list_groups(tenant)
        return _Walked(groups, walk.position if walk else "")

    def _letters(self, tenant: str, after: str, limit: int, *, open_only: bool) -> tuple[Sequence[LetterEntry], bool]:
        """The newest letters behind a position, newest first, and whether these are all."""

        def read(shard: int, before: str, part: int) -> Newest[LetterEntry]:
            return self.replays.view_letters(
                tenant, shard, open_only=open_only, since=after or letter_position(0), before=before, limit=part
            )

        end = letter_position(self.clock.now_ms() + 1)
        part = min(PART, limit // SHARDS)  # nothing is merged before something of each shard was read
        walk = NewestFirst(read, attrgetter("position"), before=end, part=part, entries=limit)
        found = [entry for entry in walk if entry.position > after]
        return found, walk.is_over and not walk.unreadable

    def _sampled(self, before: dict[str, ErrorGroup], groups: dict[str, ErrorGroup]) -> Sequence[ErrorGroup]:
        """The groups, each with what one letter of it says.

        A group that was there keeps the words of its former sample, which are alike; the latest new ones are read.
        """
        new = sorted((one for name, one in groups.items() if name not in before), key=attrgetter("last_seen_ms"))
        told = {one.fingerprint: with_sample(one, self.replays) for one in new[-SAMPLES_READ:]}
        kept = {name: replace(groups[name], sample=one.sample) for name, one in before.items()}
        return list((groups | kept | told).values())
