from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import pytest

from workerflow.domain.retry import RetryPolicy
from workerflow.domain.route import Route
from workerflow.handlers import Context, route
from workerflow.handlers.declaration import collecting, declarations_of


def plain(payload: Any, context: Context) -> dict[str, Any]:
    return {"got": payload, "attempt": context.attempt}


def test_a_decorated_function_is_the_same_function() -> None:
    assert route()(plain) is plain
    assert plain(1, Context.for_test(attempt=3)) == {"got": 1, "attempt": 3}


def test_a_function_without_the_decorator_declares_nothing() -> None:
    assert declarations_of(test_a_function_without_the_decorator_declares_nothing) == ()
    assert declarations_of(None) == ()


def test_what_is_declared_stands_on_the_function_unjudged() -> None:
    def handle(payload: object, context: Context) -> None: ...

    policy = RetryPolicy(max_attempts=99)
    route("Bad Name", mode="sync", retry=policy, timeout_seconds=-1, secrets=("A",))(handle)
    (declaration,) = declarations_of(handle)
    assert isinstance(declaration, Route)
    assert (declaration.name, declaration.mode, declaration.retry) == ("Bad Name", "sync", policy)
    assert (declaration.timeout_seconds, declaration.secrets) == (-1, ("A",))


def test_parentheses_are_required() -> None:
    def handle(payload: object, context: Context) -> None: ...

    with pytest.raises(TypeError, match="with parentheses"):
        route(handle)  # type: ignore[arg-type]


def test_a_wrapper_on_top_keeps_the_declaration() -> None:
    def logged(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def inner(*arguments: object) -> object:
            return function(*arguments)

        return inner

    def handle(payload: object, context: Context) -> None: ...

    wrapped = logged(route()(handle))
    assert declarations_of(wrapped) == declarations_of(handle)


def test_declarations_are_collected_only_while_somebody_asks() -> None:
    def one(payload: object, context: Context) -> None: ...
    def two(payload: object, context: Context) -> None: ...

    with collecting() as declared:
        route("a")(one)
        route("b")(one)
    route()(two)
    assert declared == [one]
    assert [declaration.name for declaration in declarations_of(one)] == ["a", "b"]
