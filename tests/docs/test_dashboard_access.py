"""docs/dashboard-access.md is true: its numbers, names and commands."""

from __future__ import annotations

from pathlib import Path

import pytest

from functions.dashboard.sessions import LOCAL, SECURE
from tools.tokens import DEFAULT_DAYS
from workerflow.adapters.access_keys import KEY_SECRET
from workerflow.adapters.secrets import CACHE_SECONDS, REFRESH_FLOOR_SECONDS, STALE_SECONDS
from workerflow.domain.access import MAX_TOKEN_DAYS, SESSION_IDLE_SECONDS, SESSION_SECONDS
from workerflow.domain.access_keys import MASTER_BYTES
from workerflow.domain.credential_refusals import TooManyFailuresError
from workerflow.domain.dashboard_refusals import (
    FormExpiredError,
    OriginForeignError,
    TenantForbiddenError,
    TokenInvalidError,
)
from workerflow.domain.failure_limit import BURST, SECONDS_PER_FAILURE
from workerflow.services.sign_in import SIGN_INS

PAGE = " ".join((Path(__file__).parents[2] / "docs" / "dashboard-access.md").read_text().split())


@pytest.mark.parametrize(
    "sentence",
    [
        f"`DAYS` | until it expires, 1 to {MAX_TOKEN_DAYS}; without it {DEFAULT_DAYS}",
        f"ends after **{SESSION_IDLE_SECONDS // 60} minutes** without use, after **{SESSION_SECONDS // 3600} hours**",
        f"{SIGN_INS.requests} attempts to sign in within {SIGN_INS.seconds // 60} minutes",
        f"After {BURST} failures at once, then one in {SECONDS_PER_FAILURE} s",
        f"Its cookie `{SECURE.name}`",
        f"the cookie is called `{LOCAL.name}`",
        f"The secret `workerflow/<env>/{KEY_SECRET}` holds {MASTER_BYTES} random bytes",
        f"a copy of the key for {CACHE_SECONDS // 60} minutes at most",
        f"every {REFRESH_FLOOR_SECONDS} s at most",
        f"the copy serves on for {'an hour' if STALE_SECONDS == 3600 else STALE_SECONDS}",
        f"401 `{TokenInvalidError.code}`",
        f"403 `{TenantForbiddenError.code}`",
        f"429 `{TooManyFailuresError.code}`",
        f"`{OriginForeignError.code}` or `{FormExpiredError.code}`",
    ],
)
def test_the_page_says_what_the_code_does(sentence: str) -> None:
    assert sentence in PAGE
