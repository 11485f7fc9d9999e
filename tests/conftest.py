"""What every test stands on: no real AWS account is ever within reach."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

# A property says nothing about time, and a busy machine of two cores takes it now and then.
settings.register_profile("house", deadline=None)
settings.register_profile("fast", deadline=None, max_examples=20)  # between two keystrokes; `make test` looks at all
settings.load_profile("house")


@pytest.fixture(autouse=True, scope="session")
def no_real_account() -> None:
    """Point the SDK at nothing: made-up credentials, no profile, no metadata service."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL"):
        os.environ.pop(name, None)
    os.environ.update(
        AWS_ACCESS_KEY_ID="testing",
        AWS_SECRET_ACCESS_KEY="testing",
        AWS_DEFAULT_REGION="us-east-1",
        AWS_REGION="us-east-1",
        AWS_EC2_METADATA_DISABLED="true",
        AWS_CONFIG_FILE="/dev/null",
        AWS_SHARED_CREDENTIALS_FILE="/dev/null",
    )


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many histories the fault tests played, also when they ran in several processes."""
    reports = [one for some in terminalreporter.stats.values() for one in some if getattr(one, "when", "") == "call"]
    counts = [
        value for report in reports for name, value in getattr(report, "user_properties", ()) if name == "histories"
    ]
    if counts:
        terminalreporter.write_line(f"fault injection: {sum(counts)} histories in {len(counts)} flows")
