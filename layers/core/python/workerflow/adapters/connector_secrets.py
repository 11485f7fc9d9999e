"""Secrets of handlers (`context.secret(name)`) on Secrets Manager, cached so that an attempt costs no call."""

from __future__ import annotations

import re

from workerflow.adapters.secrets import SecretTexts
from workerflow.domain.errors import PermanentError, PlatformError, RetryableError, SecretNotFoundError

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}\Z")


class ConnectorSecrets:
    """Secrets named `<prefix><tenant>/handlers/<name>`; `prefix` is `workerflow/<environment>/`."""

    def __init__(self, texts: SecretTexts, *, prefix: str) -> None:
        self._texts = texts
        self._prefix = prefix

    def get(self, tenant: str, name: str) -> str:
        if not _NAME.match(name):
            raise PermanentError(f"{name[:80]!r} cannot be the name of a secret")
        place = f"{self._prefix}{tenant}/handlers/{name}"
        try:
            text = self._texts.read(place)
        except PlatformError as error:
            raise RetryableError(f"the secret {place} cannot be read") from error
        if text is None:
            raise SecretNotFoundError(f"there is no secret {place}, or it is not text")
        return text
