"""docs/tenants.md is true: its file can be published, and its bounds are the code's."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from infra.environments import DEV, PROD
from workerflow.domain.json_body import MAX_BODY_BYTES
from workerflow.domain.tenants import MAX_IN_FLIGHT, RETIRED_KEPT_DAYS
from workerflow.domain.tenants_file import (
    MAX_FILE_BYTES,
    MAX_RATE_LIMITS,
    MAX_REQUESTS,
    MAX_SECONDS,
    MAX_TENANTS,
    RESERVED,
    read_tenants,
)
from workerflow.domain.transitions import LEASE_MARGIN_S, SYNC_RETURN_S
from workerflow.services.execute_task import AROUND_HANDLER_S
from workerflow.services.places import KEPT_SECONDS
from workerflow.services.tenants import CACHE_SECONDS

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "tenants.md").read_text()
FUNCTION_SECONDS = 270  # infra/functions.py


def test_the_file_that_is_shown_is_the_example_and_can_be_published() -> None:
    (shown,) = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    assert json.loads(shown) == json.loads((DOCS / "tenants.example.json").read_text())
    assert read_tenants(shown).names == ("acme", "default", "globex")


@pytest.mark.parametrize(
    "told",
    [
        f"| `maxBodyBytes` | {MAX_BODY_BYTES} | 1 to {MAX_BODY_BYTES};",
        f"| `maxInFlight` | no cap | 1 to {MAX_IN_FLIGHT}:",
        f"| `rateLimits` | no limit | at most {MAX_RATE_LIMITS};",
        f"| `rateLimits[].requests` | | 1 to {MAX_REQUESTS}, in |",
        f"| `rateLimits[].seconds` | | 1 to {MAX_SECONDS} |",
        f"at most {MAX_FILE_BYTES // 1024} KiB and {MAX_TENANTS} tenants",
        *(f"`{name}` is reserved" for name in RESERVED),
        f"It holds everywhere within {CACHE_SECONDS} s",
        f"for {RETIRED_KEPT_DAYS} days",
        f"{DEV.consumers} in dev, {PROD.consumers} in\n  prod",
        f"He\nhas {SYNC_RETURN_S // 60} minutes to do so",
        f"it is kept for that task, {KEPT_SECONDS} s at most",
        f"it is free {AROUND_HANDLER_S} s after the handler's time-out",
        f"{FUNCTION_SECONDS + LEASE_MARGIN_S} s after its start at the latest",
    ],
)
def test_a_number_that_is_told_is_the_codes(told: str) -> None:
    assert told in PAGE
