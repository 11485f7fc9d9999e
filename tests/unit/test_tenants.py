"""The tenants file says what it says and nothing else; what it cannot say is told at once, each with its place."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workerflow.domain.errors import TenantsError
from workerflow.domain.json_body import MAX_BODY_BYTES
from workerflow.domain.tenants import (
    MAX_IN_FLIGHT,
    RETIRED_KEPT_DAYS,
    UNLIMITED,
    RateLimit,
    TenantPolicy,
    Tenants,
    TenantsChange,
)
from workerflow.domain.tenants_file import MAX_FILE_BYTES, MAX_RATE_LIMITS, MAX_TENANTS, read_tenants

NOW_MS = 1_760_000_000_000
DAY_MS = 24 * 3600 * 1000
FULL = {
    "tenants": {
        "acme": {
            "routes": ["order_created", "refund"],
            "maxBodyBytes": 65_536,
            "maxInFlight": 4,
            "rateLimits": [
                {"route": "refund", "per": "client", "requests": 5, "seconds": 60},
                {"requests": 50, "seconds": 60},
            ],
        },
        "b-2": {},
    }
}

ids = st.from_regex(r"[a-z0-9][a-z0-9-]{0,62}", fullmatch=True).filter(lambda name: name != "unknown")
route_names = st.from_regex(r"[a-z][a-z0-9_]{0,20}", fullmatch=True)


@st.composite
def policies(draw: st.DrawFn) -> TenantPolicy:
    routes = draw(st.none() | st.lists(route_names, unique=True, max_size=4).map(tuple))
    limited = draw(st.lists(st.sampled_from(routes), unique=True)) if routes else []
    limited += draw(st.sampled_from([[], ["*"]]))
    counts, kinds = st.integers(1, 1_000_000), st.sampled_from(["tenant", "client"])
    limits = tuple(
        RateLimit(draw(counts), draw(st.integers(1, 86_400)), route, draw(kinds))  # type: ignore[arg-type]
        for route in limited
    )
    return TenantPolicy(
        routes,
        draw(st.integers(1, MAX_BODY_BYTES)),
        draw(st.none() | st.integers(1, MAX_IN_FLIGHT)),
        limits,
    )


def faults_of(document: object) -> tuple[str, ...]:
    """What is wrong with a document, or with a text that may be none."""
    with pytest.raises(TenantsError) as caught:
        read_tenants(document if isinstance(document, str) else json.dumps(document))
    return caught.value.faults


def faults_of_policy(policy: object) -> tuple[str, ...]:
    return faults_of({"tenants": {"acme": policy}})


class TestReading:
    def test_a_file_is_read_as_it_is_written(self) -> None:
        tenants = read_tenants(json.dumps(FULL))
        assert tenants.names == ("acme", "b-2", "default")
        assert tenants.policy_of("acme") == TenantPolicy(
            routes=("order_created", "refund"),
            max_body_bytes=65_536,
            max_in_flight=4,
            rate_limits=(RateLimit(5, 60, "refund", "client"), RateLimit(50, 60)),
        )
        assert tenants.policy_of("b-2") == tenants.policy_of("default") == UNLIMITED
        assert tenants.policy_of("other") is None

    def test_default_is_there_whatever_the_file_says_and_may_have_a_policy(self) -> None:
        assert read_tenants('{"tenants":{}}').names == ("default",)
        limited = read_tenants('{"tenants":{"default":{"maxInFlight":2}}}').policy_of("default")
        assert limited == TenantPolicy(max_in_flight=2)

    def test_no_route_at_all_is_something_else_than_every_route(self) -> None:
        tenants = read_tenants('{"tenants":{"a":{"routes":[]},"b":{"routes":null,"maxInFlight":null}}}')
        assert tenants.policies["a"].routes == ()
        assert tenants.policies["b"] == UNLIMITED

    @given(st.dictionaries(ids, policies(), max_size=4), st.dictionaries(ids, st.integers(0, 2**45), max_size=2))
    def test_what_is_written_is_read_again(self, found: dict[str, TenantPolicy], retired: dict[str, int]) -> None:
        tenants = Tenants.of(found, retired)
        assert read_tenants(tenants.to_text()) == tenants

    def test_the_digest_changes_when_anything_does_and_not_with_order_or_space(self) -> None:
        one = read_tenants(json.dumps(FULL, indent=4))
        other = read_tenants(json.dumps({"tenants": dict(reversed(FULL["tenants"].items()))}))
        assert one.digest == other.digest
        found = {
            Tenants.of({"a": TenantPolicy(max_in_flight=1)}).digest,
            Tenants.of({"a": TenantPolicy(max_in_flight=2)}).digest,
            Tenants.of({"a": TenantPolicy()}).digest,
            Tenants.of({}).digest,
            Tenants.of({}, {"a": 1}).digest,
            Tenants().digest,
        }
        assert len(found) == 6


LIMIT: dict[str, Any] = {"requests": 1, "seconds": 1}


class TestFaults:
    def test_every_fault_is_told_at_once_with_its_place(self) -> None:
        document = {
            "tenants": {
                "Acme": {},
                "unknown": {},
                "b": {
                    "routes": ["ok", "Not-One", "ok"],
                    "maxBodyBytes": MAX_BODY_BYTES + 1,
                    "maxInFlight": 0,
                    "rateLimits": [{"route": "other", "per": "ip", "requests": 0, "seconds": True, "burst": 1}],
                    "max_in_flight": 3,
                },
            },
            "version": 1,
        }
        assert faults_of(document) == (
            "the file has an unknown field 'version'",
            "tenants.'Acme' is no tenant id: it is not [a-z0-9][a-z0-9-]{0,62}",
            "tenants.unknown is reserved",
            "tenants.b has an unknown field 'max_in_flight'",
            "tenants.b.routes[1] 'Not-One' is no route's name: it is not [a-z][a-z0-9_]{0,62}",
            "tenants.b.routes[2] 'ok' stands there twice",
            f"tenants.b.maxBodyBytes {MAX_BODY_BYTES + 1} is not a whole number from 1 to {MAX_BODY_BYTES}",
            "tenants.b.maxInFlight 0 is not a whole number from 1 to 100",
            "tenants.b.rateLimits[0] has an unknown field 'burst'",
            "tenants.b.rateLimits[0].route 'other' is none of the routes that the tenant may call",
            "tenants.b.rateLimits[0].per 'ip' is neither tenant nor client",
            "tenants.b.rateLimits[0].requests 0 is not a whole number from 1 to 1000000",
            "tenants.b.rateLimits[0].seconds True is not a whole number from 1 to 86400",
        )

    @pytest.mark.parametrize(
        ("text", "fault"),
        [
            ("", "the file is not JSON: "),
            ("{", "the file is not JSON: "),
            ("[" * 100_000, "the file is not JSON: "),
            ('{"tenants":{"a":{"maxInFlight":' + "9" * 5_000 + "}}}", "the file is not JSON: "),
            ("null", "the file is no object"),
            ("[]", "the file is no object"),
            ("{}", "the file lacks tenants"),
            ('{"tenants":[]}', "tenants is no object"),
            ('{"tenants":{},"retired":[]}', "retired is no object"),
            ('{"tenants":{},"retired":{"a":"yesterday"}}', "retired.a 'yesterday' is no time"),
            ('{"tenants":{},"retired":{"a":-1}}', "retired.a -1 is no time"),
            ('{"tenants":{},"retired":{"A":1}}', "retired.'A' is no tenant id"),
            ('{"tenants":{"a":1}}', "tenants.a is no object"),
            ('{"tenants":{"a":null}}', "tenants.a is no object"),
        ],
    )
    def test_what_has_another_shape(self, text: str, fault: str) -> None:
        (told,) = faults_of(text)
        assert told.startswith(fault)

    @pytest.mark.parametrize(
        ("text", "fault"),
        [
            ('{"tenants":{},"tenants":{}}', "the file names 'tenants' twice"),
            ('{"tenants":{"a":{},"a":{}}}', "tenants names 'a' twice"),
            ('{"tenants":{},"retired":{"a":1,"a":2}}', "retired names 'a' twice"),
            ('{"tenants":{"a":{"routes":[],"routes":null}}}', "tenants.a names 'routes' twice"),
            (
                '{"tenants":{"a":{"rateLimits":[{"requests":1,"seconds":1,"seconds":2}]}}}',
                "tenants.a.rateLimits[0] names 'seconds' twice",
            ),
        ],
    )
    def test_a_name_that_stands_twice(self, text: str, fault: str) -> None:
        assert faults_of(text) == (fault,)

    @pytest.mark.parametrize(
        "name", ["", "A", "-a", "a_b", "a#b", "a/b", "a" * 64, "a\n", "é", "a b", "#unknown", "*", "\ud800"]
    )
    def test_an_id_that_could_be_taken_for_something_else(self, name: str) -> None:
        (told,) = faults_of({"tenants": {name: {}}})
        assert told == f"tenants.{ascii(name)[:80]} is no tenant id: it is not [a-z0-9][a-z0-9-]{{0,62}}"

    @pytest.mark.parametrize(
        ("policy", "fault"),
        [
            ({"routes": "all"}, ".routes is neither a list of routes nor null"),
            ({"routes": [1]}, ".routes[0] 1 is no route's name"),
            ({"routes": ["*"]}, ".routes[0] '*' is no route's name"),
            ({"maxBodyBytes": None}, ".maxBodyBytes None is not a whole number"),
            ({"maxBodyBytes": 0}, ".maxBodyBytes 0 is not"),
            ({"maxBodyBytes": 1.0}, ".maxBodyBytes 1.0 is not"),
            ({"maxInFlight": True}, ".maxInFlight True is not"),
            ({"maxInFlight": "2"}, ".maxInFlight '2' is not"),
            ({"maxInFlight": MAX_IN_FLIGHT + 1}, ".maxInFlight 101 is not"),
            ({"rateLimits": {}}, ".rateLimits is no list"),
            ({"rateLimits": None}, ".rateLimits is no list"),
            ({"rateLimits": [1]}, ".rateLimits[0] is no object"),
            ({"rateLimits": [{"seconds": 1}]}, ".rateLimits[0] lacks requests"),
            ({"rateLimits": [{"requests": 1}]}, ".rateLimits[0] lacks seconds"),
            ({"rateLimits": [{**LIMIT, "requests": 1_000_001}]}, ".rateLimits[0].requests 1000001 is not"),
            ({"rateLimits": [{**LIMIT, "seconds": 86_401}]}, ".rateLimits[0].seconds 86401 is not"),
            ({"rateLimits": [{**LIMIT, "per": ["tenant"]}]}, ".rateLimits[0].per ['tenant'] is neither"),
            ({"rateLimits": [{**LIMIT, "route": None}]}, ".rateLimits[0].route None is neither"),
            ({"rateLimits": [{**LIMIT, "route": ["a"]}]}, ".rateLimits[0].route ['a'] is neither"),
        ],
    )
    def test_a_policy_out_of_bounds(self, policy: dict[str, Any], fault: str) -> None:
        (told,) = faults_of_policy(policy)
        assert told.startswith(f"tenants.acme{fault}")

    def test_the_bounds_themselves_are_in_bounds(self) -> None:
        for policy in (
            {"maxBodyBytes": 1, "maxInFlight": 1, "rateLimits": [LIMIT]},
            {
                "maxBodyBytes": MAX_BODY_BYTES,
                "maxInFlight": MAX_IN_FLIGHT,
                "rateLimits": [{"requests": 1_000_000, "seconds": 86_400}],
            },
        ):
            read_tenants(json.dumps({"tenants": {"a" * 63: policy, "0": policy}}))

    @pytest.mark.parametrize(
        "limits",
        [
            [LIMIT, {**LIMIT, "route": "orders"}],
            [LIMIT, {**LIMIT, "per": "client"}],
            [{**LIMIT, "route": "orders"}, {**LIMIT, "route": "orders", "per": "client"}],
        ],
    )
    def test_a_limit_that_could_never_count(self, limits: list[dict[str, Any]]) -> None:
        (told,) = faults_of_policy({"rateLimits": limits})
        assert told == (
            "tenants.acme.rateLimits[1] never counts: tenants.acme.rateLimits[0] fits the same calls, "
            "and the first that fits counts"
        )

    def test_more_than_can_be_kept_or_looked_after(self) -> None:
        (told,) = faults_of('{"tenants":{}}' + " " * MAX_FILE_BYTES)
        assert told == f"the file has {MAX_FILE_BYTES + 14} bytes, at most {MAX_FILE_BYTES} can be published"
        (told,) = faults_of({"tenants": {f"t{number}": {} for number in range(MAX_TENANTS + 1)}})
        assert told == f"tenants has {MAX_TENANTS + 1} entries, at most {MAX_TENANTS} are looked after"
        many = [{**LIMIT, "route": f"r{number}"} for number in range(MAX_RATE_LIMITS + 1)]
        (told,) = faults_of_policy({"rateLimits": many})
        assert told == f"tenants.acme.rateLimits has {MAX_RATE_LIMITS + 1} entries, at most {MAX_RATE_LIMITS} are taken"

    @given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists, max_leaves=5))
    def test_whatever_stands_in_a_file_is_a_fault_and_never_an_accident(self, rubbish: object) -> None:
        for document in (
            rubbish,
            {"tenants": rubbish},
            {"tenants": {"acme": rubbish}},
            {"tenants": {"acme": {"routes": [rubbish], "maxInFlight": rubbish, "rateLimits": [rubbish]}}},
            {"tenants": {"acme": {"rateLimits": [{"route": rubbish, "per": rubbish, "requests": rubbish}]}}},
        ):
            assert faults_of(document)


class TestChanges:
    def test_a_file_is_told_by_what_it_changes(self) -> None:
        published = Tenants.of({"a": UNLIMITED, "b": UNLIMITED, "c": UNLIMITED})
        new = Tenants.of({"b": TenantPolicy(max_in_flight=1), "c": UNLIMITED, "d": UNLIMITED})
        assert new.change_from(published) == TenantsChange(added=("d",), removed=("a",), changed=("b",))
        assert new.change_from(new) == TenantsChange((), (), ())

    def test_who_is_no_longer_declared_is_retired_and_still_looked_after(self) -> None:
        published = Tenants.of({"a": TenantPolicy(max_in_flight=1), "b": UNLIMITED})
        after = Tenants.of({"b": UNLIMITED}).after(published, now_ms=NOW_MS)
        assert (after.names, after.looked_after) == (("b", "default"), ("a", "b", "default"))
        assert after.retired == {"a": NOW_MS}
        assert after.policy_of("a") is None

    def test_it_stays_so_for_as_long_as_its_runs_are_remembered(self) -> None:
        retired = Tenants.of({}, {"a": NOW_MS})
        almost = NOW_MS + RETIRED_KEPT_DAYS * DAY_MS - 1
        assert Tenants.of({}).after(retired, now_ms=almost).looked_after == ("a", "default")
        assert Tenants.of({}).after(retired, now_ms=almost + 1).looked_after == ("default",)

    def test_who_is_removed_now_is_retired_now_whatever_the_file_remembers(self) -> None:
        long_ago = NOW_MS - (RETIRED_KEPT_DAYS + 1) * 24 * 3600 * 1000
        remembered = Tenants.of({}, {"a": long_ago, "b": long_ago + 1})
        after = remembered.after(Tenants.of({"a": UNLIMITED}), now_ms=NOW_MS)
        assert (after.retired, after.looked_after) == ({"a": NOW_MS}, ("a", "default"))

    def test_of_two_memories_the_later_counts(self) -> None:
        earlier, later = Tenants.of({}, {"a": NOW_MS - 2}), Tenants.of({}, {"a": NOW_MS - 1})
        assert earlier.after(later, now_ms=NOW_MS).retired == {"a": NOW_MS - 1}
        assert later.after(earlier, now_ms=NOW_MS).retired == {"a": NOW_MS - 1}

    def test_a_tenant_that_comes_back_is_no_longer_retired(self) -> None:
        after = Tenants.of({"a": UNLIMITED}).after(Tenants.of({}, {"a": NOW_MS}), now_ms=NOW_MS)
        assert (after.retired, after.names) == ({}, ("a", "default"))
