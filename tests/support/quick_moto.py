"""moto for thousands of histories: quicker worlds and answers, a clock that a test moves, and data that is cleared.

What is left out is plumbing: the signing of requests that nobody verifies, the way of a DynamoDB request through URL
patterns, a web framework's request and a serializer that guesses at names. moto still decides and stores: a request is
handed to its handler directly, and whatever the handler refuses goes the whole way, so that errors are moto's own.
"""

from __future__ import annotations

import base64
import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from functools import cache
from typing import Any
from urllib.parse import urlparse

import moto.sqs.models
from botocore import UNSIGNED
from moto import mock_aws
from moto.core.exceptions import ServiceException
from moto.core.models import DEFAULT_ACCOUNT_ID as ACCOUNT
from moto.core.models import RESPONSES_METHODS
from moto.core.utils import camelcase_to_underscores
from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.responses import DynamoHandler
from moto.s3.models import s3_backends
from moto.sqs.models import Message, Queue, sqs_backends
from werkzeug.exceptions import HTTPException

from tests.support.faults import MOTO_LOCK, Line, Request, StandIn
from workerflow.adapters.dynamodb.attributes import Item, pack

REGION = "us-east-1"
_ITEM_OPERATIONS = {
    "GetItem": DynamoHandler.get_item,
    "PutItem": DynamoHandler.put_item,
    "UpdateItem": DynamoHandler.update_item,
    "DeleteItem": DynamoHandler.delete_item,
    "BatchWriteItem": DynamoHandler.batch_write_item,
    "Query": DynamoHandler.query,
    "BatchGetItem": DynamoHandler.batch_get_item,
    "TransactWriteItems": DynamoHandler.transact_write_items,
}


@contextmanager
def quick_moto() -> Iterator[None]:
    """moto, new and empty, for clients of the SDK alone: it prepares to catch 1,300 kinds of requests of `requests`."""
    methods = list(RESPONSES_METHODS)
    RESPONSES_METHODS.clear()
    try:
        moto_on = mock_aws()
        moto_on.start()
    finally:
        RESPONSES_METHODS.extend(methods)
    try:
        yield
    finally:
        moto_on.stop()


def create_table(request: dict[str, Any]) -> None:
    """Create a table, of the arguments of CreateTable, with no call of ours."""
    _handler_of(request).create_table()


def create_queue(name: str) -> str:
    """Create a queue with no call of ours; its address."""
    return sqs_backends[ACCOUNT][REGION].create_queue(name).url(urlparse(f"https://sqs.{REGION}.amazonaws.com"))


def create_bucket(name: str) -> None:
    """Create a bucket with no call of ours."""
    s3_backends[ACCOUNT]["aws"].create_bucket(name, REGION)


@contextmanager
def queues_on(now_ms: Callable[[], int]) -> Iterator[None]:
    """While the block runs, moto's queues take the time from `now_ms`."""
    in_place: dict[str, Callable[..., object]] = {
        "unix_time_millis": lambda: float(now_ms()),
        "unix_time": lambda: now_ms() / 1000,
        "camelcase_to_underscores": cache(camelcase_to_underscores),  # of the same forty names at every call
    }
    with ExitStack() as undo:
        for name, ours in in_place.items():
            undo.callback(setattr, moto.sqs.models, name, getattr(moto.sqs.models, name))
            setattr(moto.sqs.models, name, ours)
        yield


def answer_directly(line: Line) -> None:
    """Let DynamoDB's item operations go straight to moto's handler."""
    for name, operation in _ITEM_OPERATIONS.items():
        line.stand_in(f"dynamodb.{name}", _direct(operation))


def _direct(operation: Callable[[DynamoHandler], Any]) -> StandIn:
    def answer(request: Request) -> tuple[int, dict[str, str], bytes] | None:
        handler = _handler_of(json.loads(request.body, object_hook=_with_bytes))
        try:
            with MOTO_LOCK:
                result = operation(handler).result
        except HTTPException as refused:
            return refused.code or 400, dict(refused.get_headers()), (refused.description or "").encode()
        except ServiceException:
            return None  # moto answers, the whole way
        return 200, {}, json.dumps(result, default=_as_text).encode()

    return answer


def _handler_of(body: dict[str, Any]) -> DynamoHandler:
    handler = DynamoHandler()
    handler.region, handler.current_account, handler.headers, handler.querystring = REGION, ACCOUNT, {}, {}
    handler.body = handler.params = body
    return handler


def _with_bytes(found: dict[str, Any]) -> dict[str, Any]:
    return {"B": base64.b64decode(found["B"])} if isinstance(found.get("B"), str) and len(found) == 1 else found


def _as_text(value: object) -> str:
    assert isinstance(value, bytes)
    return base64.b64encode(value).decode()


def send_unsigned(client: Any) -> None:
    """Let a client's requests go without a signature, and its receives without waiting.

    And all to one address: which one a request's parameters lead to (an account's own, a bucket's own) is worked out
    anew for each of them otherwise, and moto answers under every one.
    """
    client.meta.events.register("choose-signer", lambda **_: UNSIGNED)
    client.meta.events.register("provide-client-params.sqs.ReceiveMessage", _without_wait)
    client._user_agent_creator.to_string = lambda: "test"
    client._ruleset_resolver = None


def _without_wait(params: dict[str, Any], **_: object) -> dict[str, Any]:
    return {**params, "WaitTimeSeconds": 0}


def clear_data() -> None:
    """Empty every table, queue and bucket; what they are stays."""
    for table in dynamodb_backends[ACCOUNT][REGION].tables.values():
        table.items = defaultdict(dict)
    for queue in sqs_backends[ACCOUNT][REGION].queues.values():
        queue._messages, queue._pending_messages, queue.deleted_messages = [], set(), set()
    for bucket in s3_backends[ACCOUNT]["aws"].buckets.values():
        bucket.keys.clear()


def put_item(table: str, item: Item) -> None:
    """Write an item with no call of ours."""
    dynamodb_backends[ACCOUNT][REGION].put_item(table, pack(item))


def put_object(bucket: str, name: str, body: bytes, *, written_ms: int) -> None:
    """Write an object with no call of ours, at a time of the world."""
    key = s3_backends[ACCOUNT]["aws"].put_object(bucket, name, body)
    key.last_modified = datetime.fromtimestamp(written_ms / 1000, UTC)


def objects_in(bucket: str) -> list[str]:
    """The names of all objects."""
    return sorted(s3_backends[ACCOUNT]["aws"].buckets[bucket].keys)


def queue_of(url: str) -> Queue:
    """The queue behind an address, to look into."""
    return sqs_backends[ACCOUNT][REGION].queues[url.rpartition("/")[2]]


def receive(url: str, *, limit: int, visibility_seconds: int) -> list[Message]:
    """Receive as the platform's event source does: with no call of ours."""
    name = queue_of(url).name
    messages: list[Message] = sqs_backends[ACCOUNT][REGION].receive_message(name, limit, 0, visibility_seconds)
    return messages


def delete(url: str, receipt: str) -> None:
    """Delete as the platform's event source does."""
    sqs_backends[ACCOUNT][REGION].delete_message(queue_of(url).name, receipt)


def put(url: str, body: str) -> None:
    """Put a message into a queue with no call of ours."""
    sqs_backends[ACCOUNT][REGION].send_message(queue_of(url).name, body)


def move_all(source_url: str, target_url: str) -> None:
    """Move every message of a queue to another one, as a redrive does."""
    source = queue_of(source_url)
    messages, source._messages, source._pending_messages = list(source._messages), [], set()
    for message in messages:
        message.visible_at = 0
        queue_of(target_url).add_message(message)


def drop_all(url: str) -> None:
    """Lose every message of a queue."""
    queue = queue_of(url)
    queue._messages, queue._pending_messages = [], set()
