"""Print what the dashboard's pages cost to read, by DynamoDB's own rule, at a thousand runs and at a million.

    python -m tools.bench.reads

The real services and adapters, on ledgers whose items are made when they are read; no account is needed. Both ledgers
take a task every 2.6 seconds: one since 43 minutes, the other since a month; in the third nobody has looked at any of
58,000 dead letters. tests/integration/test_read_costs.py holds the figures fixed, tests/contract/test_ledger_client.py
holds the ledgers' client against moto.
"""

from __future__ import annotations

from tests.support.ledger import Ledger
from tests.support.read_costs import PAGES, measure


def main() -> None:
    """Measure and print."""
    ledgers = [Ledger(1_000), Ledger(1_000_000), Ledger(1_000_000, all_open=True)]
    print(f"{'read units (calls)':40}{'1,000 runs':>14}{'1,000,000':>14}{'all open':>14}")
    for name in PAGES:
        costs = [measure(ledger, name) for ledger in ledgers]
        print(f"{name:40}" + "".join(f"{cost.units:8.1f} ({cost.calls:3})" for cost in costs))


if __name__ == "__main__":
    main()
