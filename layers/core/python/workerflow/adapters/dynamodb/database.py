"""DynamoDB in a few verbs. Every call of the stores goes through here.

    get, get_many, query, count                  read
    put, update, delete, transact, put_many      write

    put(item, condition) -> None: written
                         -> Refused(old): the condition did not hold; `old` is what stands there, from the same call

A write meets another transaction on the same item (TransactionConflict) without either being wrong: it is tried
again, shortly and a few times, because a finished handler's outcome must not be lost to that.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import batched
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from workerflow.adapters.aws_errors import by_code, code_of, detail_of, in_our_words
from workerflow.adapters.dynamodb.attributes import Item, PackedItem, pack, unpack, unpack_known
from workerflow.adapters.dynamodb.requests import (
    Change,
    Delete,
    Put,
    Query,
    change_request,
    counting_request,
    delete_request,
    put_request,
    query_request,
    transact_item,
)
from workerflow.domain.errors import StoreUnavailableError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

CONFLICT_TRIES = 4
CONFLICT_PAUSE_SECONDS = 0.05
BATCH_GET_KEYS = 100
BATCH_PUT_ITEMS = 25
BATCH_TRIES = 3

_CONDITION_FAILED = "ConditionalCheckFailed"


@dataclass(frozen=True, slots=True)
class Refused:
    """A condition did not hold. `old` is the item that stands there, None if there is none."""

    old: Item | None


class Database:
    """The DynamoDB client, with errors in the core's words."""

    def __init__(self, client: DynamoDBClient, *, pause: Callable[[float], None] = time.sleep) -> None:
        self._client = client
        self._pause = pause

    def get(self, table: str, key: Item) -> Item | None:
        """Read one item strongly."""
        with in_our_words():
            answer = self._client.get_item(TableName=table, Key=pack(key), ConsistentRead=True)
        return unpack(answer["Item"]) if "Item" in answer else None

    def get_many(self, table: str, keys: Iterable[Item], *, viewing: bool = False) -> Iterator[Item]:
        """Read items in any order; absent ones are left out. Strongly, unless for `viewing` (as in Query)."""
        for some in batched([pack(key) for key in keys], BATCH_GET_KEYS, strict=False):
            yield from self._get_batch(table, some, viewing=viewing)

    def _get_batch(self, table: str, keys: Sequence[PackedItem], *, viewing: bool) -> Iterator[Item]:
        wanted: Any = {table: {"Keys": keys, "ConsistentRead": not viewing}}
        for _ in range(BATCH_TRIES):
            with in_our_words():
                answer = self._client.batch_get_item(RequestItems=wanted)
            yield from map(unpack_known if viewing else unpack, answer["Responses"].get(table, []))
            wanted = answer.get("UnprocessedKeys")
            if not wanted:
                return
            self._pause(CONFLICT_PAUSE_SECONDS)
        raise StoreUnavailableError("a batch of reads was answered in part only")

    def query(self, query: Query, *, limit: int | None = None) -> Iterator[Item]:
        """Items of a partition, at most `limit`."""
        request = query_request(query)
        while limit is None or limit > 0:
            if limit is not None:
                request["Limit"] = limit
            with in_our_words():
                answer = self._client.query(**request)
            yield from map(unpack_known if query.viewing else unpack, answer["Items"])
            limit = None if limit is None else limit - len(answer["Items"])
            if "LastEvaluatedKey" not in answer:
                return
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def count(self, query: Query, *, limit: int, now_ms: int) -> int:
        """How many items of a partition have not expired, counted up to `limit`.

        They are expected in front: once `limit` others were met, no further item is looked at.
        """
        request = counting_request(query, now_ms)
        counted, expired = 0, 0
        while counted < limit and expired < limit:
            with in_our_words():
                answer = self._client.query(**request, Limit=limit)
            counted += answer["Count"]
            expired += answer["ScannedCount"] - answer["Count"]
            if "LastEvaluatedKey" not in answer:
                break
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
        return min(limit, counted)

    def put(self, put: Put) -> Refused | None:
        """Write an item if its condition holds; None: written."""
        request = put_request(put)
        answer = self._until_no_conflict(lambda: _unless_refused(lambda: self._client.put_item(**request)))
        return answer if isinstance(answer, Refused) else None

    def update(self, change: Change) -> Item | Refused:
        """Change an item if its condition holds, or make it where there is none; the whole item after the change."""
        request = change_request(change)
        answer = self._until_no_conflict(
            lambda: _unless_refused(lambda: self._client.update_item(**request, ReturnValues="ALL_NEW"))
        )
        return answer if isinstance(answer, Refused) else unpack(answer["Attributes"])

    def delete(self, delete: Delete) -> Refused | None:
        """Delete an item if its condition holds; None: there is none any more."""
        request = delete_request(delete)
        answer = self._until_no_conflict(lambda: _unless_refused(lambda: self._client.delete_item(**request)))
        return answer if isinstance(answer, Refused) else None

    def put_many(self, table: str, items: Iterable[Item]) -> None:
        """Write items over whatever is there, each by itself: some may be written when this raises."""
        by_key = {(item["pk"], item.get("sk")): item for item in items}  # a batch takes no key twice
        for some in batched(map(pack, by_key.values()), BATCH_PUT_ITEMS, strict=False):
            self._put_batch(table, some)

    def _put_batch(self, table: str, items: Sequence[PackedItem]) -> None:
        wanted: Any = {table: [{"PutRequest": {"Item": item}} for item in items]}
        for _ in range(BATCH_TRIES):
            with in_our_words():
                wanted = self._client.batch_write_item(RequestItems=wanted).get("UnprocessedItems")
            if not wanted:
                return
            self._pause(CONFLICT_PAUSE_SECONDS)
        raise StoreUnavailableError("a batch of writes was applied in part only")

    def transact(self, writes: Sequence[Put | Change | Delete]) -> Sequence[Refused | None] | None:
        """Write all or nothing. None: written; else, for each write, whether its own condition did not hold."""
        items: Any = [transact_item(write) for write in writes]
        return self._until_no_conflict(lambda: self._transact_once(items))

    def _transact_once(self, items: Any) -> Sequence[Refused | None] | None:  # noqa: ANN401 - as the client's stubs want it
        try:
            self._client.transact_write_items(TransactItems=items)
        except ClientError as error:
            reasons = detail_of(error, "CancellationReasons")
            if not reasons:
                raise
            return _refusals(reasons, error)
        return None

    def _until_no_conflict[T](self, write: Callable[[], T]) -> T:
        for _ in range(CONFLICT_TRIES - 1):
            try:
                with in_our_words():
                    return write()
            except _ConflictError:
                self._pause(CONFLICT_PAUSE_SECONDS)
        with in_our_words():
            return write()


class _ConflictError(StoreUnavailableError):
    """Another transaction holds one of the items right now."""


def _unless_refused[T](write: Callable[[], T]) -> T | Refused:
    """The answer to a single write, or that its condition did not hold."""
    try:
        return write()
    except ClientError as error:
        if code_of(error) == "TransactionConflictException":
            raise _ConflictError(str(error)) from error
        if code_of(error) != "ConditionalCheckFailedException":
            raise
        return _refused(detail_of(error, "Item"))


def _refused(old: PackedItem | None) -> Refused:
    return Refused(unpack(old) if old else None)


def _refusals(reasons: Sequence[Mapping[str, Any]], error: ClientError) -> Sequence[Refused | None]:
    """One entry for each write. A cancellation that is not about conditions alone is no answer, but an error."""
    codes = [str(reason.get("Code", "None")) for reason in reasons]
    other = [code for code in codes if code not in {"None", _CONDITION_FAILED}]
    if "TransactionConflict" in other:
        raise _ConflictError(str(error)) from error
    if other:
        raise by_code(other[0], f"{error}: {other}")
    return [
        _refused(reason.get("Item")) if code == _CONDITION_FAILED else None
        for code, reason in zip(codes, reasons, strict=True)
    ]
