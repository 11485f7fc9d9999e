"""SlotStore on DynamoDB."""

from __future__ import annotations

from collections.abc import Sequence

from workerflow.adapters.dynamodb import conditions
from workerflow.adapters.dynamodb.database import Database
from workerflow.adapters.dynamodb.items import limit as codec
from workerflow.adapters.dynamodb.requests import Delete, Put, Query
from workerflow.ports.tenants import Slot


class DynamoSlots:
    """Slots in `rate_limits`. The holder's own name is the nonce: what is done twice is done once."""

    def __init__(self, database: Database, table: str) -> None:
        self._database = database
        self._table = table

    def held(self, tenant: str) -> Sequence[Slot]:
        items = self._database.query(Query(self._table, ("pk", codec.slots_partition(tenant))))
        return [codec.slot_from_item(item) for item in items]

    def take(self, slot: Slot, *, now_ms: int) -> bool:
        put = Put(self._table, codec.slot_to_item(slot), conditions.free_for(slot.holder, now_ms))
        return self._database.put(put) is None

    def hand(self, slot: Slot, to: Slot) -> bool:
        condition = conditions.followed_by((slot.holder, slot.until_ms), (to.holder, to.until_ms))
        return self._database.put(Put(self._table, codec.slot_to_item(to), condition)) is None

    def release(self, slot: Slot) -> None:
        self._database.delete(Delete(self._table, codec.slot_key(slot), conditions.held_by(slot.holder)))
