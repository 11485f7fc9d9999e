"""DeadLetter <-> item of `dead_letters`."""

from __future__ import annotations

from workerflow.adapters.dynamodb.attributes import Item, Value, reading, squeezed, stretched
from workerflow.adapters.dynamodb.items import stored
from workerflow.adapters.dynamodb.items.acceptance import shard_key
from workerflow.domain.dead_letter import DeadLetter, LetterState, letter_position
from workerflow.domain.identity import shard_of
from workerflow.domain.run import LetterClass
from workerflow.ports.stores import LetterEntry


def key(tenant: str, trace_id: str) -> Item:
    """Where a letter stands."""
    return {"pk": f"{tenant}#{trace_id}"}


def to_item(letter: DeadLetter) -> Item:
    """The whole letter. It is in the index of open letters only while it is open."""
    partition = shard_key(letter.tenant, shard_of(letter.trace_id))
    return {
        **key(letter.tenant, letter.trace_id),
        "tenant_shard": partition,
        "failed_at": letter_position(letter.failed_at_ms, letter.trace_id),
        "open_in": partition if letter.state is LetterState.OPEN else None,
        "state": letter.state.value,
        "child": letter.child,
        "note": letter.note or None,
        "resolved_by": letter.resolved_by or None,
        "resolved_ms": letter.resolved_at_ms,
        "resolution": letter.resolution or None,
        "class": letter.letter_class.value,
        "source": letter.source,
        "kind": letter.kind,
        "fingerprint": letter.fingerprint,
        "error_class": letter.error_class,
        "message": letter.message,
        **squeezed("traceback", letter.traceback.encode()),
        "attempts": letter.attempts,
        "expires_at": letter.expires_at_s,
        "content_type": letter.content_type,
        "root": letter.root,
        "effect_root": letter.effect_root,
        "generation": letter.generation,
        **({} if letter.payload is None else stored.to_item(letter.payload)),
    }


def from_item(item: Item) -> DeadLetter:
    """Read what `to_item` wrote. Raises IntegrityError for anything else."""
    with reading("dead letter", item):
        tenant, _, trace_id = item["pk"].partition("#")
        return DeadLetter(
            tenant=tenant,
            trace_id=trace_id,
            source=item["source"],
            kind=item["kind"],
            letter_class=LetterClass(item["class"]),
            fingerprint=item["fingerprint"],
            error_class=item["error_class"],
            message=item["message"],
            traceback=(stretched("traceback", item) or b"").decode(),
            attempts=item["attempts"],
            failed_at_ms=int(item["failed_at"].partition("#")[0]),
            expires_at_s=item["expires_at"],
            payload=stored.from_item(item) if "sha256" in item else None,
            content_type=item["content_type"],
            root=item["root"],
            effect_root=item["effect_root"],
            generation=item["generation"],
            state=LetterState(item["state"]),
            child=item.get("child"),
            note=item.get("note", ""),
            resolved_by=item.get("resolved_by", ""),
            resolved_at_ms=item.get("resolved_ms"),
            resolution=item.get("resolution", ""),
        )


RESOLUTION = ("note", "resolved_by", "resolved_ms", "resolution")
"""What a resolved letter has beside its state; a replay takes it away again."""


def resolved(by: str, at_ms: int, nonce: str, note: str = "") -> dict[str, Value]:
    """The attributes of a letter that is done with."""
    told: dict[str, Value] = {"note": note} if note else {}
    return {
        **told,
        "state": LetterState.RESOLVED.value,
        "resolved_by": by,
        "resolved_ms": at_ms,
        "resolution": nonce,
    }


def from_index(item: Item) -> LetterEntry:
    """Read an entry of `letters_by_time`, or of `letters_open`, whose entries are open."""
    with reading("letter entry", item):
        tenant, _, trace_id = item["pk"].partition("#")
        entry = LetterEntry(
            tenant=tenant,
            trace_id=trace_id,
            failed_at_ms=int(item["failed_at"].partition("#")[0]),
            letter_class=LetterClass(item["class"]),
            source=item["source"],
            fingerprint=item["fingerprint"],
            state=LetterState(item.get("state", LetterState.OPEN)),
            expires_at_s=item["expires_at"],
        )
        if entry.position != item["failed_at"]:  # whoever walks over the index would lose his place
            raise ValueError(item["failed_at"])
        return entry
