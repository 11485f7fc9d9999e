"""What is asked of DynamoDB, as values, and the arguments of the calls that ask it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from workerflow.adapters.dynamodb.attributes import Item, Value, pack, pack_value
from workerflow.adapters.dynamodb.conditions import Condition


@dataclass(frozen=True, slots=True)
class Put:
    """Write a whole item."""

    table: str
    item: Item
    condition: Condition | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """Set, remove and add to attributes of one item."""

    table: str
    key: Item
    sets: Mapping[str, Value]
    removes: tuple[str, ...] = ()
    adds: Mapping[str, int] = field(default_factory=dict)
    condition: Condition | None = None


@dataclass(frozen=True, slots=True)
class Delete:
    """Delete one item."""

    table: str
    key: Item
    condition: Condition | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """One partition of a table or an index, in order of its sort key.

    Attributes:
        partition: name and value of the partition key.
        between: name, lowest and highest value of the sort key, both included; None reads the whole partition.
        index: None reads the table, strongly; an index is eventually consistent.
        descending: against the order of the sort key.
        viewing: eventually consistent, and attributes of unknown type are passed over: whether the rest is enough is
            the codec's to say.
    """

    table: str
    partition: tuple[str, str]
    between: tuple[str, str, str] | None = None
    index: str | None = None
    descending: bool = False
    viewing: bool = False


def query_request(query: Query) -> dict[str, Any]:
    """The arguments of Query."""
    name, value = query.partition
    condition, names, values = "#p = :p", {"#p": name}, {":p": {"S": value}}
    if query.between is not None:
        sort, low, high = query.between
        condition += " AND #s BETWEEN :low AND :high"
        names["#s"] = sort
        values |= {":low": {"S": low}, ":high": {"S": high}}
    where: dict[str, Any] = {} if query.index is None else {"IndexName": query.index}
    if query.index is None and not query.viewing:
        where["ConsistentRead"] = True
    if query.descending:
        where["ScanIndexForward"] = False
    return {
        "TableName": query.table,
        "KeyConditionExpression": condition,
        "ExpressionAttributeNames": names,
        "ExpressionAttributeValues": values,
        **where,
    }


def counting_request(query: Query, now_ms: int) -> dict[str, Any]:
    """The arguments of Query that counts what has not expired: TTL deletes late. The rest is paid for all the same."""
    request = query_request(query)
    return request | {
        "Select": "COUNT",
        "FilterExpression": "#expires_at > :now",
        "ExpressionAttributeNames": request["ExpressionAttributeNames"] | {"#expires_at": "expires_at"},
        "ExpressionAttributeValues": request["ExpressionAttributeValues"] | {":now": pack_value(now_ms // 1000)},
    }


def put_request(put: Put) -> dict[str, Any]:
    """The arguments of PutItem, alone or in a transaction."""
    return {"TableName": put.table, "Item": pack(put.item), **_condition_request(put.condition)}


def change_request(change: Change) -> dict[str, Any]:
    """The arguments of UpdateItem, alone or in a transaction."""
    request = _condition_request(change.condition)
    names = {f"#{name}": name for name in (*change.sets, *change.adds, *change.removes)}
    values = {f":set_{name}": pack_value(value) for name, value in change.sets.items()}
    values |= {f":add_{name}": pack_value(value) for name, value in change.adds.items()}
    sets = [f"#{name} = :set_{name}" for name in change.sets]
    sets += [f"#{name} = #{name} + :add_{name}" for name in change.adds]
    removes = ", ".join(f"#{name}" for name in change.removes)
    return {
        **request,
        "TableName": change.table,
        "Key": pack(change.key),
        "UpdateExpression": f"SET {', '.join(sets)}" + (f" REMOVE {removes}" if removes else ""),
        "ExpressionAttributeNames": request.get("ExpressionAttributeNames", {}) | names,
        "ExpressionAttributeValues": request.get("ExpressionAttributeValues", {}) | values,
    }


def delete_request(delete: Delete) -> dict[str, Any]:
    """The arguments of DeleteItem."""
    return {"TableName": delete.table, "Key": pack(delete.key), **_condition_request(delete.condition)}


def transact_item(write: Put | Change | Delete) -> dict[str, Any]:
    """One write of TransactWriteItems."""
    match write:
        case Put():
            return {"Put": put_request(write)}
        case Change():
            return {"Update": change_request(write)}
        case Delete():
            return {"Delete": delete_request(write)}


def _condition_request(condition: Condition | None) -> dict[str, Any]:
    if condition is None:
        return {}
    request = {
        "ConditionExpression": condition.expression,
        "ExpressionAttributeNames": {f"#{name}": name for name in condition.attributes},
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }
    values = pack(condition.values)
    return request | ({"ExpressionAttributeValues": values} if values else {})
