"""WorkerFlow on one machine: an AWS emulator on loopback, and the real CDK CLI that deploys to it.

`make up` and the end-to-end tests stand on the same `LocalStack`.
"""

from tools.local.emulator import Emulator, LocalStackError
from tools.local.http import Answer
from tools.local.stack import LocalStack

__all__ = ["Answer", "Emulator", "LocalStack", "LocalStackError"]
