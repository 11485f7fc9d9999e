"""The AWS clients of one process: few, thread-safe, with short time-outs, and created when they are first used.

botocore without boto3: the same clients, less INIT time (`make bench` measures it). A client
that a function always uses is touched in its wiring, so that it is created at INIT, which runs at full CPU; what is
rarely used (object storage) is passed on as a function and costs nothing until then.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Any, override

import botocore.session
from botocore.config import Config
from botocore.loaders import Loader

if TYPE_CHECKING:
    from botocore.session import Session
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sqs import SQSClient

CONNECT_SECONDS = 1.0
READ_SECONDS = 3.0
"""A store that does not answer within this time is asked again by the SDK: 3 tries in all, about 10 s at worst."""
OBJECT_READ_SECONDS = 5.0
HURRIED_SECONDS = 0.4
POOL_CONNECTIONS = 20
"""More than the threads that any function runs: a batch of 10, and some room."""
TRIES = 3
SERVICES = ("dynamodb", "lambda", "s3", "secretsmanager", "sqs")


class OwnServicesLoader(Loader):
    """Knows which services there are without asking.

    botocore's own looks into each of its 400 services' folders before it loads the first model, only to tell a wrong
    name from a right one: 3,000 system calls, nearly half of the time that the first client takes.
    """

    @override
    def list_available_services(self, type_name: str) -> list[str]:
        """Ours, whatever the type of model: each of them has every type."""
        del type_name
        return list(SERVICES)


def own_session() -> Session:
    """A session for SERVICES and no others."""
    session = botocore.session.get_session()
    session.register_component("data_loader", OwnServicesLoader())
    return session


class Clients:
    """Creates each client once. Safe to use from several threads.

    Args:
        region: None for the region of the environment.
        session: botocore's, where it is not to be a new one.
    """

    def __init__(self, region: str | None = None, session: Session | None = None) -> None:
        self._session = session or own_session()
        self._region = region
        self._lock = Lock()
        self._made: dict[tuple[str, int], Any] = {}

    def dynamodb(self) -> DynamoDBClient:
        client: DynamoDBClient = self._once("dynamodb", 0, partial(_patient, READ_SECONDS))
        return client

    def dynamodb_hurried(self) -> DynamoDBClient:
        """One for what an answer must not wait for: a single try, and a fraction of a second for it."""
        client: DynamoDBClient = self._once("dynamodb", 1, _hurried)
        return client

    def sqs(self) -> SQSClient:
        client: SQSClient = self._once("sqs", 0, partial(_patient, READ_SECONDS))
        return client

    def s3(self) -> S3Client:
        client: S3Client = self._once("s3", 0, partial(_patient, OBJECT_READ_SECONDS))
        return client

    def secrets(self) -> SecretsManagerClient:
        client: SecretsManagerClient = self._once("secretsmanager", 0, partial(_patient, READ_SECONDS))
        return client

    def invoker(self, wait_seconds: int) -> LambdaClient:
        """A client that waits `wait_seconds` for an answer and never asks twice.

        botocore knows no time-out per call, so there is one client for each time.
        """
        client: LambdaClient = self._once("lambda", wait_seconds, partial(_once_only, wait_seconds))
        return client

    def _once(self, service: str, variant: int, config: Callable[[], Config]) -> Any:  # noqa: ANN401 - the caller names the client's type
        with self._lock:  # creating a client is not thread-safe, using it is
            if (service, variant) not in self._made:
                self._made[service, variant] = self._session.create_client(
                    service,
                    region_name=self._region,
                    config=config(),
                )
            return self._made[service, variant]


def _patient(read_seconds: float) -> Config:
    return Config(
        connect_timeout=CONNECT_SECONDS,
        read_timeout=read_seconds,
        retries={"mode": "standard", "total_max_attempts": TRIES},
        max_pool_connections=POOL_CONNECTIONS,
        tcp_keepalive=True,
    )


def _hurried() -> Config:
    return Config(
        connect_timeout=HURRIED_SECONDS,
        read_timeout=HURRIED_SECONDS,
        retries={"mode": "standard", "total_max_attempts": 1},
        max_pool_connections=1,
        tcp_keepalive=True,
    )


def _once_only(wait_seconds: int) -> Config:
    return Config(
        connect_timeout=CONNECT_SECONDS,
        read_timeout=wait_seconds,
        retries={"mode": "standard", "total_max_attempts": 1},
        max_pool_connections=POOL_CONNECTIONS,
        tcp_keepalive=True,
    )
