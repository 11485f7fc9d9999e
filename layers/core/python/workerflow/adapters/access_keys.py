"""AccessKeySource on Secrets Manager: the secret `<prefix>_dashboard/key`, which is no tenant's, as none begins so."""

from __future__ import annotations

from workerflow.adapters.secrets import SecretTexts
from workerflow.domain.access_keys import AccessKeys
from workerflow.domain.errors import IntegrityError, SecretNotFoundError
from workerflow.ports.world import Faults

KEY_SECRET = "_dashboard/key"  # noqa: S105 - the secret's name


class SecretAccessKeys:
    """The keys of the secret `<prefix>_dashboard/key`, cached as SecretTexts does."""

    def __init__(self, texts: SecretTexts, *, prefix: str, faults: Faults) -> None:
        self._texts = texts
        self._name = f"{prefix}{KEY_SECRET}"
        self._faults = faults
        self._derived: dict[str, AccessKeys] = {}

    def read(self) -> AccessKeys | None:
        text = self._texts.read(self._name)
        return self._parse(text) if text is not None else self.refresh()  # it may be a moment old

    def refresh(self) -> AccessKeys | None:
        return self._parse(self._texts.refresh(self._name))

    def _parse(self, text: str | None) -> AccessKeys | None:
        try:
            return self._keys_of(text)
        except (IntegrityError, SecretNotFoundError) as error:
            self._faults.failure("without the dashboard's key nobody gets in", error)
            return None

    def _keys_of(self, text: str | None) -> AccessKeys:
        if text is None:
            raise SecretNotFoundError(f"there is no secret {self._name}, or it is not text")
        if text not in self._derived:
            self._derived = {text: AccessKeys.parse(text)}
        return self._derived[text]
