"""Play one history and tell it, call by call:  python -m tests.faults.one_history FLOW [NUMBER FAULT]."""

# ruff: noqa: T201 - it talks to a person in a terminal

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from tests.faults.flows import FLOWS
from tests.faults.histories import play
from tests.faults.promise import broken_promises
from tests.support.faults import Call, Fault
from tests.support.world import Story, moto_world


def main(arguments: Sequence[str]) -> None:
    """Play the history that the arguments name."""
    flow = next(flow for flow in FLOWS if flow.name == arguments[0])
    story = Story(int(arguments[1]), Fault(arguments[2])) if len(arguments) > 1 else Story()
    os.environ.update(AWS_ACCESS_KEY_ID="testing", AWS_SECRET_ACCESS_KEY="testing", AWS_DEFAULT_REGION="us-east-1")
    with moto_world() as aws:
        world = flow.world(aws, story, _tell)
        try:
            play(world, flow)
        finally:
            for run in world.kept.runs().values():
                print(run)
            print("starts:", *world.handlers.starts, sep="\n  ")
            print("answers:", *(caller.answers for caller in world.callers), sep="\n  ")
            print("told:", *world.processes.telemetry.failures, sep="\n  ")
        print("broken:", *broken_promises(world), *flow.mistakes(world), sep="\n  ")


def _tell(call: Call) -> None:
    print(f"{call.number:3} {call.name:32} {call.site.adapter:32} {call.site.caller}")


if __name__ == "__main__":
    main(sys.argv[1:])
