"""A task is taken once, durably, and before anything is sent."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import override

import pytest

from tests.fakes.stores import FakeAcceptances
from tests.unit.services.wired import BIG_BODY, TENANT, Wired, a_draft, message_of
from workerflow.domain.errors import IntegrityError, StoreUnavailableError
from workerflow.domain.identity import acceptance_hash
from workerflow.domain.stored import INLINE_LIMIT_BYTES
from workerflow.domain.task import Acceptance
from workerflow.ports.stores import Conflict
from workerflow.services.accept_task import Accepted, KeyReused, TaskDraft


class VanishingAcceptances(FakeAcceptances):
    """What stands in the way is gone when it is looked at."""

    @override
    def put(self, acceptance: Acceptance, *, now_ms: int) -> Conflict[Acceptance]:
        return Conflict(None)


def take(wired: Wired, draft: TaskDraft | None = None) -> Acceptance:
    outcome = wired.accept(draft or a_draft())
    assert isinstance(outcome, Accepted)
    assert not outcome.duplicate
    return outcome.acceptance


class TestNew:
    def test_the_acceptance_stands_before_the_message_is_sent(self, wired: Wired) -> None:
        take(wired)
        assert wired.order_of("acceptances.put", "queue.send") == ["acceptances.put", "queue.send"]

    def test_it_costs_two_calls(self, wired: Wired) -> None:
        take(wired)
        assert len(wired.memory.calls) == 2

    def test_the_message_names_the_task_and_carries_nothing_of_it(self, wired: Wired) -> None:
        acceptance = take(wired)
        assert wired.queue.messages == [message_of(acceptance)]

    def test_the_acceptance_holds_all_that_is_needed_to_execute(self, wired: Wired) -> None:
        draft = a_draft(body=b'{"n":2}', content_type="application/cloudevents+json", traceparent="00-ab-cd-01")
        acceptance = take(wired, draft)
        assert wired.memory.acceptances[TENANT, acceptance.key_hash] == acceptance
        assert acceptance.payload.inline == b'{"n":2}'
        assert (acceptance.source, acceptance.kind, acceptance.mode) == ("route:echo", "http_route", "async")
        assert (acceptance.content_type, acceptance.traceparent) == (draft.content_type, "00-ab-cd-01")
        assert acceptance.lineage is None

    def test_its_times_follow_from_the_retention(self, wired: Wired) -> None:
        acceptance = take(wired)
        assert acceptance.accepted_at_ms == acceptance.not_before_ms == wired.clock.ms
        assert acceptance.deadline_ms == wired.clock.ms + 24 * 3600 * 1000
        assert acceptance.expires_at_s == wired.clock.ms // 1000 + 30 * 24 * 3600

    def test_the_trace_id_leads_back_to_the_acceptance(self, wired: Wired) -> None:
        acceptance = take(wired)
        assert acceptance.trace_id.endswith(acceptance.key_hash)
        assert acceptance.key_hash == acceptance_hash(TENANT, "route:echo", "key-1")

    def test_a_sync_task_is_not_sent_for_its_caller_waits(self, wired: Wired) -> None:
        take(wired, a_draft(mode="sync"))
        assert wired.queue.messages == []


class TestLargePayload:
    def test_a_payload_that_fits_stays_in_the_item(self, wired: Wired) -> None:
        acceptance = take(wired, a_draft(body=BIG_BODY[:INLINE_LIMIT_BYTES]))
        assert acceptance.payload.pointer is None
        assert wired.memory.objects == {}

    def test_a_large_one_becomes_an_object_before_the_acceptance_points_to_it(self, wired: Wired) -> None:
        acceptance = take(wired, a_draft(body=BIG_BODY))
        assert wired.order_of("blobs.put", "acceptances.put") == ["blobs.put", "acceptances.put"]
        assert acceptance.payload.inline is None
        assert wired.world.blobs.get(acceptance.payload) == BIG_BODY

    def test_the_object_is_named_by_tenant_key_and_digest_so_that_another_body_never_overwrites_it(
        self, wired: Wired
    ) -> None:
        acceptance = take(wired, a_draft(body=BIG_BODY))
        assert isinstance(wired.accept(a_draft(body=BIG_BODY + b" ")), KeyReused)
        digest = hashlib.sha256(BIG_BODY).hexdigest()
        assert acceptance.payload.pointer == f"{TENANT}/{acceptance.key_hash}/{wired.clock.ms // 86_400_000}.{digest}"
        assert wired.world.blobs.get(acceptance.payload) == BIG_BODY

    def test_an_object_that_cannot_be_kept_takes_no_task(self, wired: Wired) -> None:
        wired.refuse("blobs.put")
        with pytest.raises(StoreUnavailableError):
            wired.accept(a_draft(body=BIG_BODY))
        assert wired.memory.acceptances == {}
        assert wired.queue.messages == []


class TestDuplicate:
    def test_the_same_call_again_is_a_duplicate_of_the_first(self, wired: Wired) -> None:
        first = take(wired)
        wired.clock.advance(60)
        assert wired.accept(a_draft()) == Accepted(first, duplicate=True)

    def test_a_duplicate_costs_one_call_and_sends_nothing(self, wired: Wired) -> None:
        take(wired)
        wired.memory.calls.clear()
        wired.accept(a_draft())
        assert wired.memory.calls == ["acceptances.put"]
        assert len(wired.queue.messages) == 1

    def test_another_body_with_the_key_is_told_and_changes_nothing(self, wired: Wired) -> None:
        first = take(wired)
        assert wired.accept(a_draft(body=b'{"n":2}')) == KeyReused(first)
        assert wired.memory.acceptances[TENANT, first.key_hash] == first
        assert len(wired.queue.messages) == 1

    @pytest.mark.parametrize("other", [{"tenant": "acme"}, {"scope": "route:ask"}, {"key": "key-2"}])
    def test_another_tenant_route_or_key_is_another_task(self, wired: Wired, other: dict[str, str]) -> None:
        first = take(wired)
        second = take(wired, a_draft(**other))
        assert second.key_hash != first.key_hash
        assert len(wired.queue.messages) == 2

    def test_a_key_whose_time_is_over_is_free_again_deleted_or_not(self, wired: Wired) -> None:
        first = take(wired)
        wired.clock.ms = first.expires_at_s * 1000
        second = take(wired)
        assert second.trace_id != first.trace_id
        assert second.key_hash == first.key_hash

    def test_a_key_is_remembered_until_the_last_millisecond(self, wired: Wired) -> None:
        first = take(wired)
        wired.clock.ms = first.expires_at_s * 1000 - 1
        assert wired.accept(a_draft()) == Accepted(first, duplicate=True)


class TestFaults:
    def test_a_failed_send_is_no_fault_of_the_caller(self, wired: Wired) -> None:
        wired.refuse("queue.send")
        take(wired)
        assert wired.signals.counts["SendFailed"] == 1
        assert [message for message, _ in wired.signals.told] == ["a message was not sent: the sweeper will send it"]
        assert len(wired.memory.acceptances) == 1

    def test_not_even_a_send_that_can_never_succeed(self, wired: Wired) -> None:
        wired.refuse("queue.send", error=IntegrityError)
        take(wired)
        assert wired.signals.counts["SendFailed"] == 1

    def test_an_unknown_write_is_unknown_and_the_same_key_finds_out(self, wired: Wired) -> None:
        wired.lose_answer("acceptances.put")
        with pytest.raises(StoreUnavailableError):
            wired.accept(a_draft())
        again = wired.accept(a_draft())
        assert isinstance(again, Accepted)
        assert again.duplicate

    def test_a_refused_write_sends_nothing(self, wired: Wired) -> None:
        wired.refuse("acceptances.put")
        with pytest.raises(StoreUnavailableError):
            wired.accept(a_draft())
        assert wired.queue.messages == []

    def test_an_acceptance_that_vanished_while_it_stood_in_the_way_is_unknown(self, wired: Wired) -> None:
        accept = replace(wired.accept, acceptances=VanishingAcceptances(wired.memory))
        with pytest.raises(StoreUnavailableError):
            accept(a_draft())
