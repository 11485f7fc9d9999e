"""Print what the dashboard's pages cost to read, by DynamoDB's own rule, at a thousand runs and at a million.

    python -m tools.bench.reads

The real services and adapters, on ledgers whose items are made when they are read; no account is needed. Both ledgers
take a task every 2.6 seconds: one since 43 minutes, the other since a month; in the third nobody has looked at any of
58,000 dead letters. tests/integration/test_read_costs.py holds the figures fixed, tests/contract/test_ledger_client.py
holds the ledgers' client against moto.
"""

from __future__ import annotations

import sys

from tests.support.ledger import Ledger
from tests.support.read_costs import PAGES, measure

MOST_OF_A_PAGE = 30
MOST_APART = 4
"""Read units of a page of 50 tasks; and of any page at a thousand runs and at a million (the rollups of before)."""


def main() -> int:
    """Measure, print, and judge."""
    ledgers = [Ledger(1_000), Ledger(1_000_000), Ledger(1_000_000, all_open=True)]
    print(f"{'read units (calls)':40}{'1,000 runs':>14}{'1,000,000':>14}{'all open':>14}")
    units = {}
    for name in PAGES:
        costs = [measure(ledger, name) for ledger in ledgers]
        units[name] = [cost.units for cost in costs]
        print(f"{name:40}" + "".join(f"{cost.units:8.1f} ({cost.calls:3})" for cost in costs))
    apart = max(abs(few - many) for few, many, _ in units.values())
    page = max(units["tasks, the newest 50"])
    print(
        f"a page of 50 tasks: at most {MOST_OF_A_PAGE}; 1,000 and 1,000,000 runs: {apart} apart, at most {MOST_APART}"
    )
    return int(apart > MOST_APART or page > MOST_OF_A_PAGE)


if __name__ == "__main__":
    sys.exit(main())
