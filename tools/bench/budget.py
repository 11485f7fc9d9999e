"""Print what a task costs: calls, and write units by DynamoDB's own rule.  python -m tools.bench.budget.

Counted from what the real functions do on moto, in process; no account is needed. tests/integration/test_budget.py
holds the same figures fixed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from tests.support.aws import AwsWorld
from tests.support.budget import Cost, incompressible, measure, names
from tests.support.script import Dies, Fails, FailsForGood, Ok
from tests.support.world import moto_world

SMALL = b'{"order":4711,"customer":"c-0815","items":[1,2,3]}'


def main() -> None:
    """Measure and print."""
    os.environ |= {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    with moto_world() as aws:
        print(f"{'':44}{'units':>6}{'index':>6}{'before':>7}{'after':>6}  calls before the answer")
        for name, cost in _costs(aws):
            figures = f"{cost.units:6}{cost.index_units:6}{len(cost.before_answer):7}{len(cost.afterwards):6}"
            print(f"{name:44}{figures}  {', '.join(names(cost.before_answer))}")


def _costs(aws: AwsWorld) -> Iterator[tuple[str, Cost]]:
    yield "async success", measure(aws, body=SMALL)
    yield "async success, acceptance of 2 to 3 KB", measure(aws, body=incompressible(2_500))
    yield "async success, payload in the bucket", measure(aws, body=incompressible(30_000))
    yield "async success, payload and output in it", measure(aws, Ok(30_000), body=incompressible(30_000))
    yield "duplicate", measure(aws, body=SMALL, twice=True)
    yield "sync success", measure(aws, route="ask", body=SMALL)
    yield "sync success, repeated", measure(aws, route="ask", body=SMALL, twice=True)
    yield "one retryable failure, then success", measure(aws, Fails(), Ok(), then=lambda world: world.go_on(60))
    yield "one death of the process, then success", measure(aws, Dies(), Ok(), then=lambda world: world.go_on(60))
    yield "permanent failure, with its dead letter", measure(aws, FailsForGood(), then=lambda world: world.go_on(60))


if __name__ == "__main__":
    main()
