"""Keeps groups of alike errors: a part of the tick, which walks over the dead letters a minute behind the present.

    letters   a b a | c a . . . . | . .
                    position      a minute ago     now
                    `-- a page: groups c and a change, the position moves: one transaction

So a letter is in a group's count if and only if it is before the position, whatever dies in between and however many
ticks walk at once. One whose entry cannot be read is in none: it is told, and passed. Each tenant's walk has its turn
every few minutes: what is behind the position is added when somebody looks (list_error_groups).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from workerflow.domain.dead_letter import letter_position
from workerflow.domain.error_group import BEHIND_SECONDS, ErrorGroup
from workerflow.domain.errors import IntegrityError
from workerflow.ports.error_groups import GROUPS_PER_WRITE, ErrorGroupStore
from workerflow.ports.stores import Cursor, LetterEntry, Oldest, ReplayStore, Written
from workerflow.ports.world import Clock, Ids, Signals
from workerflow.services.fair_share import visit_in_turn
from workerflow.services.readable_rows import tell_unreadable
from workerflow.services.resend import TickBudget

EVERY_MINUTES = 5
"""Each minute another fifth of the tenants: a walk that finds nothing costs three read units."""
PAGE = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupErrors:
    """Walks for the tenants whose turn it is."""

    groups: ErrorGroupStore
    replays: ReplayStore
    clock: Clock
    ids: Ids
    signals: Signals

    def __call__(self, tenants: Sequence[str], budget: TickBudget) -> None:
        """Walk until a minute ago, or until the budget's time is spent.

        Raises:
            PlatformError: a tenant's walk ended early; the others had their turn, and its next one goes on there.
        """
        turn = self.clock.now_ms() // 60_000 % EVERY_MINUTES
        visit_in_turn(tenants[turn::EVERY_MINUTES], budget, self.clock, self._walk)

    def _walk(self, tenant: str, share: TickBudget) -> None:
        now_ms = self.clock.now_ms()
        if now_ms >= share.stop_at_ms:
            return
        until = letter_position(now_ms - BEHIND_SECONDS * 1000)
        cursor = self.groups.get_walk(tenant)
        while cursor is None or cursor.position < until:
            after = cursor.position if cursor else letter_position(0)
            page = _with_few_groups(
                self.replays.list_letters(tenant, open_only=False, after=after, until=until, limit=PAGE)
            )
            cursor = self._add(tenant, cursor, page) if page.size else None
            if cursor is None or page.is_over or self.clock.now_ms() >= share.stop_at_ms:
                return

    def _add(self, tenant: str, cursor: Cursor | None, page: Oldest[LetterEntry]) -> Cursor | None:
        """Add letters to their groups; None: another tick was faster, and has added them."""
        tell_unreadable(self.signals, f"dead letters of {tenant}", page.unreadable)
        version = (cursor.version if cursor else 0) + 1
        moved = Cursor(tenant, 0, page.position, version, self.ids.nonce())
        standing = self.groups.get_groups(tenant, {entry.fingerprint for entry in page.entries})
        tell_unreadable(self.signals, f"groups of errors of {tenant}", standing.unreadable)  # each begins anew
        changed = added_to(standing.readable, page.entries, self.clock.now_ms())
        told = [with_sample(group, self.replays) for group in changed.values()]
        return moved if self.groups.write_walk(moved, told) == Written() else None


def _with_few_groups(page: Oldest[LetterEntry]) -> Oldest[LetterEntry]:
    """The first letters of a page, as many as belong to no more groups than one write takes."""
    seen: set[str] = set()
    for number, entry in enumerate(page.entries):
        seen.add(entry.fingerprint)
        if len(seen) > GROUPS_PER_WRITE:
            position = page.entries[number - 1].position
            unreadable = {place: why for place, why in page.unreadable.items() if place < position}
            return Oldest(page.entries[:number], position, is_over=False, unreadable=unreadable)
    return page


def added_to(groups: Mapping[str, ErrorGroup], entries: Iterable[LetterEntry], now_ms: int) -> dict[str, ErrorGroup]:
    """The groups that letters belong to, by fingerprint, with the letters added; in order of time.

    Args:
        groups: as they stood before; one that has expired begins anew.
        entries: letters that are in none of them yet, oldest first.
        now_ms: tells what has expired.
    """
    changed: dict[str, ErrorGroup] = {}
    for entry in entries:
        group = changed.get(entry.fingerprint) or groups.get(entry.fingerprint)
        is_known = group is not None and not group.is_expired(now_ms)
        changed[entry.fingerprint] = _grown(group, entry) if group and is_known else _begun(entry)
    return changed


def _begun(entry: LetterEntry) -> ErrorGroup:
    return ErrorGroup(
        tenant=entry.tenant,
        fingerprint=entry.fingerprint,
        source=entry.source,
        letter_class=entry.letter_class,
        error_class="",
        message="",
        sample=entry.trace_id,
        count=1,
        first_seen_ms=entry.failed_at_ms,
        last_seen_ms=entry.failed_at_ms,
        expires_at_s=entry.expires_at_s,
    )


def _grown(group: ErrorGroup, entry: LetterEntry) -> ErrorGroup:
    return replace(
        group,
        letter_class=entry.letter_class,
        sample=entry.trace_id,
        count=group.count + 1,
        last_seen_ms=max(group.last_seen_ms, entry.failed_at_ms),
        expires_at_s=max(group.expires_at_s, entry.expires_at_s),
    )


def with_sample(group: ErrorGroup, replays: ReplayStore) -> ErrorGroup:
    """The group with what its sample says; as it was if the sample is gone, or nobody can read it.

    Raises:
        StoreUnavailableError: ask again.
    """
    try:
        letter = replays.get_letter(group.tenant, group.sample)
    except IntegrityError:
        return group
    if letter is None:
        return group
    return replace(group, error_class=letter.error_class, message=letter.message)
