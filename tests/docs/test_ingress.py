"""docs/ingress.md is true: its example, its header fields, its lines and numbers."""

from __future__ import annotations

import re
from pathlib import Path

from functions.ingress.call_headers import read_call_headers
from functions.ingress.call_so_far import UNKNOWN_TENANT
from functions.ingress.rate import rate_fields
from functions.ingress.signed_lines import PATH_CHARACTERS, SHOWN_CHARACTERS, lines_expected
from workerflow.adapters.dynamodb.items.refused_call import partition
from workerflow.domain.rate_limit import RateVerdict
from workerflow.domain.refused_call import KEPT_SECONDS, SLOTS
from workerflow.domain.senders import Part
from workerflow.domain.source_address import CLIENT_PREFIX_BITS
from workerflow.domain.tenants import RateLimit
from workerflow.domain.tenants_file import read_tenants
from workerflow.runtime.http import Request
from workerflow.services.limit_rate import Counted
from workerflow.services.record_refusal import SECONDS_AFTER_FAILURE, SECONDS_BETWEEN_WRITES
from workerflow.services.tenants import CACHE_SECONDS
from workerflow.tables import REFUSED_CALLS, table_name

PAGE = (Path(__file__).parents[2] / "docs" / "ingress.md").read_text()
LIMIT = RateLimit(50, 60, route="order_created", per="client")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_the_example_is_a_tenants_file_with_the_limits_that_are_explained() -> None:
    policy = read_tenants(blocks("json")[0]).policy_of("acme")
    assert policy is not None
    assert policy.rate_limits == (LIMIT, RateLimit(600, 60))


def test_the_header_fields_are_those_that_are_answered() -> None:
    passed = RateVerdict(allowed=True, remaining=12, wait_seconds=0, full_after_seconds=45.6)
    refused = RateVerdict(allowed=False, remaining=0, wait_seconds=1.2, full_after_seconds=60)
    for block, verdict in zip(blocks("http"), (passed, refused), strict=True):
        shown = dict(line.lower().split(": ") for line in block.splitlines()[1:])
        assert rate_fields(Counted(LIMIT, verdict)).items() <= shown.items()


def test_the_lines_are_those_that_are_kept() -> None:
    request = Request("POST", "/api/x", "", {"x-signature": "v1=", "x-signature-timestamp": "1"}, b"", "", "")
    rows = re.findall(r"^\| (`.*`) \|", PAGE, re.MULTILINE)
    listed = [name for row in rows for name in re.findall(r"`(\w+)`", row)]
    assert set(listed) == set(lines_expected(request, read_call_headers(request.headers), "default"))
    assert all(f"`{part.value}`" in PAGE for part in Part)


def test_the_numbers_and_names_are_the_codes() -> None:
    days = KEPT_SECONDS // (24 * 3600)
    assert f"{SLOTS} slots for each tenant and reason, kept for {days} days" in PAGE
    assert f"most one record in {SECONDS_BETWEEN_WRITES} s" in PAGE
    assert f"writes none for {SECONDS_AFTER_FAILURE} s" in PAGE
    assert f"at most once in {CACHE_SECONDS} s" in PAGE
    assert f"by their /{CLIENT_PREFIX_BITS};" in PAGE
    assert f"cut to {PATH_CHARACTERS} characters" in PAGE
    assert f"its first {SHOWN_CHARACTERS} characters" in PAGE
    assert f"`{UNKNOWN_TENANT}`" in PAGE
    assert f"`{partition(None)}`" in PAGE
    assert table_name("workerflow-dev", REFUSED_CALLS) in PAGE
