"""A handler runs to its end, or is ended with its process; whatever it raises is kept as a failure."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, override

import pytest

from tests.fakes.surroundings import FakeClock, FakeSecrets
from tests.support.runs import a_child
from tests.support.tasks import NOW_MS, a_route, a_schedule, an_acceptance
from workerflow.domain.errors import InvalidPayloadError, PermanentError, RetryableError, TaskCancelledError
from workerflow.domain.failure import Failure
from workerflow.domain.fire import fire_payload, manual_payload
from workerflow.domain.output import HandlerOutput, HttpResponse
from workerflow.domain.source import Source
from workerflow.domain.task import Acceptance
from workerflow.handlers import Context
from workerflow.ports.world import HandlerCall
from workerflow.runtime.handler_loader import HandlerLoadError
from workerflow.runtime.handler_runner import EXIT_STATUS_TIMED_OUT, ProcessRunner, end_process

PYTHON = {"PYTHONPATH": os.pathsep.join(sys.path), "PYTHONDONTWRITEBYTECODE": "1"}

type Handler = Callable[[Any, Context], Any]


@dataclass
class Bench:
    """A runner with one handler."""

    handler: Handler = lambda payload, _context: payload
    clock: FakeClock = field(default_factory=FakeClock)
    secrets: FakeSecrets = field(default_factory=FakeSecrets)
    ended: threading.Event = field(default_factory=threading.Event)
    load: Callable[[Source], Handler] | None = None
    tell: Callable[[str, BaseException], None] = lambda _source, _error: None
    is_cancelled: Callable[[], bool] = lambda: False

    def run(
        self, body: bytes = b"{}", *, route: Source | None = None, task: Acceptance | None = None, attempt: int = 1
    ) -> HandlerOutput | Failure:
        runner = ProcessRunner(
            load=self.load or (lambda _source: self.handler),
            clock=self.clock,
            secrets=self.secrets,
            logger=logging.getLogger("bench"),
            end=self.ended.set,
            tell=self.tell,
        )
        call = HandlerCall(route or a_route(), task or an_acceptance(), body, attempt, NOW_MS, self.is_cancelled)
        return runner.run(call)

    def context(self, **call: Any) -> Context:
        """The context that the handler gets."""
        seen: list[Context] = []

        def handler(_payload: object, context: Context) -> None:
            seen.append(context)

        self.handler = handler
        assert isinstance(self.run(**call), HandlerOutput)
        return seen[0]


def failure(outcome: HandlerOutput | Failure) -> Failure:
    assert isinstance(outcome, Failure)
    return outcome


def raising(error: BaseException) -> Handler:
    def handler(_payload: object, _context: Context) -> None:
        raise error

    return handler


class TestPayload:
    @pytest.mark.parametrize("document", [{"n": 1}, [1, "ä"], "text", 1, 1.5, True, None])
    def test_the_handler_gets_the_document_whatever_json_it_is(self, document: object) -> None:
        seen: list[object] = []

        def handler(payload: object, _context: Context) -> None:
            seen.append(payload)

        Bench(handler).run(json.dumps(document).encode())
        assert seen == [document]

    @pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"x", b"[" * 100_000])
    def test_a_payload_that_is_no_json_is_invalid_and_the_handler_is_not_called(self, body: bytes) -> None:
        outcome = failure(Bench(raising(AssertionError())).run(body))
        assert (outcome.kind, outcome.error_class) == ("invalid_payload", "InvalidPayloadError")

    def test_the_raw_bytes_are_in_the_context(self) -> None:
        assert Bench().context(body=b' {"n" : 1} ').body == b' {"n" : 1} '


class TestReturn:
    def test_a_dictionary_is_a_document(self) -> None:
        assert Bench(lambda _payload, _context: {"ok": True}).run() == HandlerOutput("document", b'{"ok":true}')

    def test_nothing_is_an_empty_one(self) -> None:
        assert Bench(lambda _payload, _context: None).run() == HandlerOutput("document", b"{}")

    def test_a_sync_route_may_answer_a_response(self) -> None:
        outcome = Bench(lambda _payload, _context: HttpResponse(201, body="made")).run(route=a_route(mode="sync"))
        assert isinstance(outcome, HandlerOutput)
        assert (outcome.kind, outcome.status, outcome.body) == ("response", 201, b"made")

    @pytest.mark.parametrize("value", [HttpResponse(), "text", 1, [1], {"x": object()}, {1: 2}, {"x": float("nan")}])
    def test_what_cannot_be_kept_is_a_permanent_failure_for_it_would_come_again(self, value: object) -> None:
        outcome = failure(Bench(lambda _payload, _context: value).run())
        assert (outcome.kind, outcome.error_class) == ("permanent", "OutputError")


class TestRaise:
    @pytest.mark.parametrize(
        ("error", "kind"),
        [
            (PermanentError("no such customer"), "permanent"),
            (InvalidPayloadError("no id"), "invalid_payload"),
            (RetryableError("busy"), "retryable"),
            (TaskCancelledError("asked for"), "cancelled"),
            (ValueError("unknown"), "retryable"),
            (SystemExit(1), "retryable"),
            (HandlerLoadError("no such module"), "retryable"),
            (RecursionError(), "retryable"),
            (MemoryError(), "retryable"),
        ],
    )
    def test_the_class_of_what_is_raised_says_whether_it_is_tried_again(self, error: BaseException, kind: str) -> None:
        assert failure(Bench(raising(error)).run()).kind == kind

    def test_whoever_keeps_the_log_is_told_of_it(self) -> None:
        told: list[tuple[str, BaseException]] = []
        error = ValueError()
        bench = Bench(raising(error))
        bench.tell = lambda *what: told.append(what)
        bench.run()
        assert told == [("route:echo", error)]

    def test_a_handler_that_gives_up_as_it_was_asked_to_is_nobodys_trouble(self) -> None:
        told: list[object] = []
        bench = Bench(lambda _payload, context: context.raise_if_cancelled(), is_cancelled=lambda: True)
        bench.tell = lambda *what: told.append(what)
        assert failure(bench.run()).kind == "cancelled"
        assert told == []

    def test_the_other_sides_wish_is_kept(self) -> None:
        outcome = failure(Bench(raising(RetryableError("busy", retry_after_seconds=17.0))).run())
        assert outcome.retry_after_seconds == 17.0

    def test_a_handler_that_cannot_be_loaded_is_tried_again(self) -> None:
        def load(_source: Source) -> Handler:
            raise HandlerLoadError("handlers.gone cannot be loaded")

        assert failure(Bench(load=load).run()).kind == "retryable"

    @pytest.mark.parametrize("error", [KeyboardInterrupt(), GeneratorExit()])
    def test_what_ends_a_process_ends_it(self, error: BaseException) -> None:
        with pytest.raises(type(error)):
            Bench(raising(error)).run()


class TestTimeout:
    def test_a_handler_that_overruns_is_ended_with_its_process(self, caplog: pytest.LogCaptureFixture) -> None:
        bench = Bench()
        bench.handler = lambda _payload, _context: bench.ended.wait(5) or None
        bench.run(route=a_route(timeout_seconds=0.01))
        assert bench.ended.is_set()
        assert "route:echo overran its time-out" in caplog.text

    def test_so_is_one_whose_module_does_not_stop_importing(self) -> None:
        bench = Bench()

        def load(_source: Source) -> Handler:
            bench.ended.wait(5)
            return lambda _payload, _context: None

        bench.load = load
        bench.run(route=a_route(timeout_seconds=0.01))
        assert bench.ended.is_set()

    @pytest.mark.parametrize("handler", [lambda _payload, _context: None, raising(ValueError())])
    def test_one_that_ends_in_time_leaves_no_watchdog_behind(self, handler: Handler) -> None:
        before = threading.active_count()
        bench = Bench(handler)
        bench.run()
        for thread in threading.enumerate():
            if isinstance(thread, threading.Timer):
                thread.join(1)
        assert threading.active_count() <= before
        assert not bench.ended.is_set()

    def test_no_fault_of_the_log_keeps_the_process(self) -> None:
        class Broken(logging.Logger):
            @override
            def error(self, *_args: object, **_fields: object) -> None:
                raise OSError("the log is gone")

        ended: list[bool] = []
        runner = ProcessRunner(
            load=lambda _route: Bench().handler,
            clock=FakeClock(),
            secrets=FakeSecrets(),
            logger=Broken("gone"),
            end=lambda: ended.append(True),
        )
        with pytest.raises(OSError, match="the log is gone"):
            runner._overrun(a_route())
        assert ended

    @pytest.mark.parametrize("left", ["sys.stdout.close()", "sys.stdout = None"])
    def test_no_handler_keeps_the_process_by_what_it_did_to_its_output(self, left: str) -> None:
        program = f"import sys\nfrom workerflow.runtime.handler_runner import end_process\n{left}\nend_process()\n"
        ended = subprocess.run(
            [sys.executable, "-c", program], env=PYTHON, capture_output=True, timeout=30, check=False
        )
        assert ended.returncode == EXIT_STATUS_TIMED_OUT

    def test_outside_of_tests_the_process_ends_though_a_thread_hangs_and_what_it_printed_is_kept(self) -> None:
        assert ProcessRunner.__dataclass_fields__["end"].default is end_process
        program = (
            "import threading\n"
            "from workerflow.runtime.handler_runner import end_process\n"
            "threading.Thread(target=threading.Event().wait).start()\n"
            "print('last words', end='')\n"
            "end_process()\n"
        )
        ended = subprocess.run(
            [sys.executable, "-c", program], env=PYTHON, capture_output=True, timeout=30, check=False
        )
        assert (ended.returncode, ended.stdout) == (EXIT_STATUS_TIMED_OUT, b"last words")
        assert EXIT_STATUS_TIMED_OUT == 124


class TestContext:
    def test_it_tells_the_facts_of_the_attempt(self) -> None:
        task = an_acceptance(content_type="application/cloudevents+json")
        context = Bench().context(task=task, route=a_route(timeout_seconds=7), attempt=2)
        assert (context.trace_id, context.tenant, context.source) == (task.trace_id, "default", "route:echo")
        assert (context.attempt, context.max_attempts) == (2, 3)
        assert context.content_type == "application/cloudevents+json"

    def test_a_fire_is_for_the_moment_at_which_it_was_due(self) -> None:
        task = an_acceptance(source="schedule:report", kind="scheduled_job")
        context = Bench().context(body=fire_payload("report", NOW_MS - 60_000), route=a_schedule(), task=task)
        assert (context.source, context.due_at_ms) == ("schedule:report", NOW_MS - 60_000)

    def test_its_replay_is_for_the_same_moment_however_much_later_it_comes(self) -> None:
        fire = an_acceptance(source="schedule:report", kind="scheduled_job")
        replay = a_child(fire, 2)
        context = Bench().context(body=fire_payload("report", NOW_MS - 60_000), route=a_schedule(), task=replay)
        assert context.due_at_ms == NOW_MS - 60_000

    @pytest.mark.parametrize(
        "body", [manual_payload("report", "again"), b"[]", b'{"dueAt":"noon"}', b'{"dueAt":1760000000000}']
    )
    def test_what_was_never_due_is_for_the_moment_in_which_its_root_was_accepted(self, body: bytes) -> None:
        manual = an_acceptance(source="schedule:report", kind="scheduled_job", manual=True)
        replay = a_child(manual, 1)
        for task in (manual, replay):
            assert Bench().context(body=body, route=a_schedule(), task=task).due_at_ms == NOW_MS

    def test_a_calls_own_due_at_says_nothing(self) -> None:
        assert Bench().context(body=fire_payload("report", 0)).due_at_ms == NOW_MS

    def test_its_deadline_counts_from_the_claim(self) -> None:
        bench = Bench()
        bench.clock.advance(2)
        context = bench.context(route=a_route(timeout_seconds=7))
        assert context.deadline_ms == NOW_MS + 7_000
        assert context.remaining_seconds() == 5.0

    def test_a_task_from_outside_is_its_own_root(self) -> None:
        task = an_acceptance()
        context = Bench().context(task=task)
        assert (context.root, context.generation) == (task.trace_id, 0)
        assert context.effect_key("charge") == task.effect_key("charge")

    def test_a_replay_has_the_roots_effects(self) -> None:
        parent = an_acceptance()
        context = Bench().context(task=a_child(parent, 2))
        assert context.generation == 2
        assert context.effect_key("charge") == parent.effect_key("charge")

    def test_a_replay_with_new_effects_still_belongs_to_its_root(self) -> None:
        parent = an_acceptance()
        child = a_child(parent, 1)
        assert child.lineage is not None
        child = replace(child, lineage=replace(child.lineage, effect_root=child.trace_id))
        assert Bench().context(task=child).root == parent.trace_id

    def test_the_callers_trace_context_goes_through(self) -> None:
        traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        assert Bench().context(task=an_acceptance(traceparent=traceparent)).traceparent == traceparent
        assert Bench().context(task=an_acceptance()).traceparent is None

    def test_a_replay_with_new_effects_has_its_own(self) -> None:
        child = a_child(an_acceptance(), 1)
        assert child.lineage is not None
        child = replace(child, lineage=replace(child.lineage, effect_root=child.trace_id))
        assert Bench().context(task=child).effect_key("charge") == child.effect_key("charge")

    def test_a_declared_secret_is_read_for_the_tasks_tenant(self) -> None:
        bench = Bench(secrets=FakeSecrets({("acme", "crm"): "s3cret", ("default", "crm"): "another"}))
        context = bench.context(task=an_acceptance(tenant="acme"), route=a_route(secrets=("crm",)))
        assert context.secret("crm") == "s3cret"

    def test_one_that_is_not_declared_is_not_even_asked_for(self) -> None:
        bench = Bench(secrets=FakeSecrets({("default", "crm"): "s3cret"}))
        context = bench.context(route=a_route(secrets=("mail",)))
        with pytest.raises(PermanentError, match="route:echo does not declare"):
            context.secret("crm")

    def test_no_secret_and_no_payload_shows_in_its_text(self) -> None:
        bench = Bench(secrets=FakeSecrets({("default", "crm"): "s3cret"}))
        context = bench.context(body=b'{"card":"4111"}', route=a_route(secrets=("crm",)))
        assert "4111" not in repr(context)
        assert "s3cret" not in repr(context)
