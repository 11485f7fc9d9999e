from __future__ import annotations

import sys
from pathlib import Path

import pytest

from workerflow.domain.failure import Failure
from workerflow.domain.route import Route
from workerflow.runtime.handler_loader import HandlerLoadError, load


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "loaded_handler", raising=False)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    return tmp_path / "loaded_handler.py"


ROUTE = Route(name="loaded", module="loaded_handler", function="handle", mode="async")


def test_a_handler_is_imported_once(module: Path) -> None:
    module.write_text("CALLS = []\ndef handle(payload, context):\n    return {'got': payload}\n")
    assert load(ROUTE)(1, None) == {"got": 1}
    assert load(ROUTE) is load(ROUTE)


@pytest.mark.parametrize(
    "text",
    [
        "raise ValueError('broken')",
        "import not_in_the_layer",
        "def handle(:",
        "raise SystemExit(1)",
        "other = 1",
        "handle = 1",
        "from workerflow.handlers import PermanentError\nraise PermanentError('at import')",
    ],
)
def test_a_handler_that_cannot_be_loaded_is_a_retryable_failure(module: Path, text: str) -> None:
    module.write_text(text)
    with pytest.raises(HandlerLoadError, match=r"loaded_handler\.handle") as raised:
        load(ROUTE)
    assert Failure.from_exception(raised.value).kind == "retryable"


def test_a_module_that_is_mended_is_loaded_by_the_same_process(module: Path) -> None:
    module.write_text("raise ValueError('broken')")
    with pytest.raises(HandlerLoadError, match="ValueError: broken"):
        load(ROUTE)
    module.write_text("def handle(payload, context): ...\n")
    assert load(ROUTE)(None, None) is None


def test_a_module_that_is_not_there_is_named() -> None:
    with pytest.raises(HandlerLoadError, match=r"no_such_module\.handle"):
        load(Route(name="x", module="no_such_module", function="handle", mode="async"))
