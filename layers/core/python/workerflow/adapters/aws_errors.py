"""What AWS says, in the core's words: the one place that reads error codes.

Nearly everything means "unknown: ask again" (StoreUnavailableError): throttling, a time-out, a broken connection, an
internal error, but also a denied call or a missing table, which an operator puts right while the tasks wait. Only a
request that AWS calls malformed can never succeed: that is our own mistake, and an IntegrityError.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

from workerflow.domain.errors import IntegrityError, PlatformError, StoreUnavailableError

_OUR_MISTAKES = frozenset(
    {
        "ValidationException",
        "ValidationError",
        "SerializationException",
        "ItemCollectionSizeLimitExceededException",
        "ItemCollectionSizeLimitExceeded",
        "IdempotentParameterMismatchException",
        "InvalidParameterValue",
        "InvalidParameterValueException",
        "InvalidParameterCombination",
        "MissingParameter",
        "InvalidArgument",
        "InvalidMessageContents",
        "EntityTooLarge",
    }
)


def code_of(error: ClientError) -> str:
    """The error's code, `ConditionalCheckFailedException` for one."""
    # In the query protocol's heritage (SQS), a code may carry its namespace in front.
    return str(error.response.get("Error", {}).get("Code", "")).rpartition("#")[2].rpartition(".")[2]


def detail_of(error: ClientError, name: str) -> Any:  # noqa: ANN401 - whatever AWS modelled under this name
    """A modelled member of an error beside its code, or None."""
    details: dict[str, Any] = dict(error.response)
    return details.get(name)


def translated(error: ClientError | BotoCoreError) -> PlatformError:
    """The error that the core knows, to be raised from `error`."""
    if isinstance(error, ClientError):
        return by_code(code_of(error), str(error))
    if isinstance(error, ParamValidationError):
        return IntegrityError(str(error))
    return StoreUnavailableError(f"{type(error).__name__}: {error}")


def by_code(code: str, text: str) -> PlatformError:
    """The error for a code that AWS answered, in an exception or inside of a transaction's reasons."""
    if code in _OUR_MISTAKES:
        return IntegrityError(text)
    return StoreUnavailableError(text)


@contextmanager
def in_our_words() -> Iterator[None]:
    """Translate whatever an AWS call raises.

    Raises:
        StoreUnavailableError: ask again; what was asked for may have been done.
        IntegrityError: never ask again; the request itself is wrong.
    """
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        raise translated(error) from error
