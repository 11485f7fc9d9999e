"""One stack for all end-to-end tests: deployed by the CDK CLI from the present sources, with IAM enforced.

    deploy, IAM off -> restart, IAM on -> what takes long begins -> the tests, the quick ones first -> logs and books

It has a port and a folder of its own (`.local/e2e`, made new each time and left for a look afterwards), so that it
never meets the stack of `make up`. Handlers come from `handlers/`, as an operator's own would: by WORKERFLOW_HANDLERS.
"""

from __future__ import annotations

import fcntl
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import chain, repeat
from pathlib import Path

import pytest

from tests.e2e.backstage import Backstage
from tests.e2e.calls import Api
from tests.e2e.operator import Operator
from tests.e2e.planner import Planner
from tests.e2e.published import publish
from tests.e2e.slow import Slow, begin
from tests.e2e.tenants import TenantApi
from tests.unit.handlers.local_server import LocalServer, http_answer, serving
from tools.local import LocalStack
from tools.local.emulator import ROOT

STATE = ROOT / ".local/e2e"
HANDLERS = Path(__file__).parent / "handlers"

ORDER = (
    "test_accepting",
    "test_http",
    "test_sync",
    "test_failing",
    "test_payloads",
    "test_rights",
    "test_senders",
    "test_shipped_handlers",
    "test_tenants",
    "test_enablement",
    "test_tick",
    "test_replay",
    "test_schedules",
    "test_dashboard",
    "test_dashboard_pages",
    "test_hand_over",
    "test_restart",
    "test_afterwards",
)
"""What waits for something stands behind what does not; what stops the emulator, and what sums up, comes last."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark and order what is in this folder."""
    ours = [item for item in items if item.path.is_relative_to(Path(__file__).parent)]
    others = [item for item in items if item not in ours]
    for item in ours:
        item.add_marker(pytest.mark.e2e)
    items[:] = others + sorted(ours, key=lambda item: ORDER.index(item.path.stem))


@pytest.fixture(scope="session")
def receiver() -> Iterator[LocalServer]:
    """Where `webhook_forward` posts to. It is busy at first: 503 with a wish, then 200."""
    answers = chain([http_answer(503, "Retry-After: 2")], repeat(http_answer(200, body=b"thanks")))

    def script(connection: socket.socket) -> None:
        next(answers)(connection)

    with serving(script) as server:
        yield server


@pytest.fixture(scope="session")
def digests() -> Iterator[LocalServer]:
    """Where the tenant `default` has its digest posted to."""
    with serving(http_answer(204)) as server:
        yield server


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where handlers leave their marks."""
    return tmp_path_factory.mktemp("marks")


@pytest.fixture(scope="session")
def stack(receiver: LocalServer, digests: LocalServer, folder: Path) -> Iterator[LocalStack]:
    """The stack, fresh, with what operators publish without a deployment; stopped at the end."""
    settings = {"FORWARD_URL": f"http://127.0.0.1:{receiver.port}/hook", "ALLOWED_PRIVATE_HOSTS": "127.0.0.1"}
    with _alone():
        stack = LocalStack(_free_port(), STATE, handlers=(HANDLERS,), settings=settings)
        stack.remove()
        try:
            stack.up()
            publish(stack, digests=digests, folder=folder)
            yield stack
        finally:
            stack.stop()


@pytest.fixture(scope="session")
def api(stack: LocalStack, folder: Path) -> Api:
    """A caller with valid credentials."""
    return Api(stack, folder)


@pytest.fixture(scope="session")
def tenant_named(stack: LocalStack, folder: Path) -> Callable[[str], TenantApi]:
    """A caller in the name of a tenant."""
    return lambda tenant: TenantApi(stack, tenant, folder)


@pytest.fixture(scope="session")
def planner(backstage: Backstage) -> Planner:
    """The operator's side of schedules."""
    return Planner(backstage)


@pytest.fixture(scope="session")
def operator(stack: LocalStack) -> Operator:
    """Whoever sits at the dashboard."""
    return Operator(stack)


@pytest.fixture(scope="session")
def backstage(stack: LocalStack) -> Backstage:
    """The operator's side."""
    return Backstage(stack)


@pytest.fixture(scope="session", autouse=True)
def slow(api: Api, backstage: Backstage) -> Iterator[Slow]:
    """What takes long, begun before everything else."""
    with ThreadPoolExecutor(max_workers=3) as pool:
        yield begin(api, backstage, pool)


@contextmanager
def _alone() -> Iterator[None]:
    """Wait for another run of these tests in this folder to end."""
    STATE.parent.mkdir(parents=True, exist_ok=True)
    with STATE.with_name("e2e.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
