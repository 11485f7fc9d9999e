"""BlobStore and ObjectStore on S3: payloads and outputs that no item should carry, and what else stands beside them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from workerflow.adapters.aws_errors import code_of, in_our_words
from workerflow.domain.errors import IntegrityError, StoreUnavailableError
from workerflow.domain.stored import StoredBytes
from workerflow.ports.objects import StoredObject

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CopySourceTypeDef, DeleteTypeDef

_GONE = frozenset({"NoSuchKey", "404", "NotFound"})


class S3Blobs:
    """Objects of one bucket. `connect` makes the client when the first object is needed: most tasks need none."""

    def __init__(self, connect: Callable[[], S3Client], bucket: str) -> None:
        self._connect = connect
        self._bucket = bucket

    def put(self, pointer: str, body: bytes) -> None:
        client = self._connect()
        with in_our_words():
            client.put_object(Bucket=self._bucket, Key=pointer, Body=body)

    def get(self, stored: StoredBytes) -> bytes:
        body = self._read(stored.pointer) if stored.inline is None else stored.inline
        if hashlib.sha256(body).hexdigest() != stored.sha256:
            raise IntegrityError(f"the bytes behind {stored.pointer or 'an item'} are not those that were stored")
        return body

    def _read(self, pointer: str | None) -> bytes:
        client = self._connect()
        with _gone_in_our_words(str(pointer)):
            return client.get_object(Bucket=self._bucket, Key=str(pointer))["Body"].read()

    def copy(self, source: str, target: str) -> None:
        client = self._connect()
        place: CopySourceTypeDef = {"Bucket": self._bucket, "Key": source}
        with _gone_in_our_words(source):
            client.copy_object(Bucket=self._bucket, Key=target, CopySource=place)

    def find(self, pointer: str) -> bytes | None:
        try:
            return self._read(pointer)
        except IntegrityError:
            return None

    def list_objects(self, prefix: str, *, after: str, limit: int) -> Sequence[StoredObject]:
        client = self._connect()
        with in_our_words():
            answer = client.list_objects_v2(
                Bucket=self._bucket, Prefix=prefix, StartAfter=after or prefix, MaxKeys=limit
            )
        return [
            StoredObject(one["Key"], round(one["LastModified"].timestamp() * 1000))
            for one in answer.get("Contents", [])
        ]

    def delete_many(self, pointers: Sequence[str]) -> None:
        if not pointers:
            return
        client = self._connect()
        wanted: DeleteTypeDef = {"Objects": [{"Key": pointer} for pointer in pointers], "Quiet": True}
        with in_our_words():
            refused = client.delete_objects(Bucket=self._bucket, Delete=wanted).get("Errors")
        if refused:
            raise StoreUnavailableError(f"{len(refused)} objects were not deleted: {refused[0].get('Code')}")


@contextmanager
def _gone_in_our_words(pointer: str) -> Iterator[None]:
    """An object that was stored and is not there will not come back: never ask again."""
    with in_our_words():
        try:
            yield
        except ClientError as error:
            if code_of(error) in _GONE:
                raise IntegrityError(f"there is no object {pointer}") from error
            raise
