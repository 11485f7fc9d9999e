"""Reading the tenants file, which people write: every fault is told at once, each with its place.

    {"tenants": {"acme": {"routes": ["order_created"], "maxBodyBytes": 65536, "maxInFlight": 4,
                          "rateLimits": [{"route": "*", "per": "client", "requests": 50, "seconds": 60}]}}}

Nothing is guessed and nothing ignored: a misspelt field, a name that stands twice or a limit that could never count is
a fault, because it would leave a tenant with other rights than its file says.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from workerflow.domain.errors import TenantsError
from workerflow.domain.json_body import MAX_BODY_BYTES
from workerflow.domain.source_rules import is_whole
from workerflow.domain.tenants import ANY_ROUTE, MAX_IN_FLIGHT, RateLimit, TenantPolicy, Tenants

MAX_FILE_BYTES = 256 * 1024
"""The published file is one item, and an item has at most 400 KB (AWS, "Quotas in Amazon DynamoDB")."""
MAX_TENANTS = 500
"""Every minute the tick looks after each tenant with some twenty reads: so many it can visit in its time."""
MAX_RATE_LIMITS = 20
MAX_REQUESTS = 1_000_000
MAX_SECONDS = 24 * 3600
RESERVED = frozenset({"unknown"})
"""Metrics and refused calls have this name for callers in the name of no tenant."""

_TENANT = re.compile(r"[a-z0-9][a-z0-9-]{0,62}\Z")
_ROUTE = re.compile(r"[a-z][a-z0-9_]{0,62}\Z")

_TOP_FIELDS = ("tenants", "retired")
_POLICY_FIELDS = ("routes", "maxBodyBytes", "maxInFlight", "rateLimits")
_LIMIT_FIELDS = ("route", "per", "requests", "seconds")


def read_tenants(text: str) -> Tenants:
    """Read a tenants file, an operator's or a published one. Raises TenantsError with every fault."""
    document, faults = _parse(text)
    faults = faults or list(_document_faults(document))
    if faults:
        raise TenantsError(faults)
    policies = {name: _policy(value) for name, value in document["tenants"].items()}
    return Tenants.of(policies, document.get("retired"))


class _Object(dict[str, Any]):
    """A JSON object that remembers which of its names stood in it more than once."""

    repeated: tuple[str, ...] = ()


def _object(pairs: list[tuple[str, Any]]) -> _Object:
    found = _Object(pairs)
    found.repeated = tuple(name for name, times in Counter(name for name, _ in pairs).items() if times > 1)
    return found


def _parse(text: str) -> tuple[Any, list[str]]:
    """The document, or what makes it unreadable."""
    size = len(text.encode(errors="surrogatepass"))
    if size > MAX_FILE_BYTES:
        return None, [f"the file has {size} bytes, at most {MAX_FILE_BYTES} can be published"]
    try:
        return json.loads(text, object_pairs_hook=_object), []
    except (ValueError, RecursionError) as error:
        return None, [f"the file is not JSON: {error}"]


def _document_faults(document: object) -> Iterator[str]:
    if not isinstance(document, _Object):
        yield 'the file is no object; write {"tenants": {...}}'
        return
    yield from _object_faults("the file", document, _TOP_FIELDS)
    if "tenants" not in document:
        yield "the file lacks tenants"
    else:
        yield from _tenants_faults(document["tenants"])
    yield from _retired_faults(document.get("retired", _Object()))


def _tenants_faults(tenants: object) -> Iterator[str]:
    if not isinstance(tenants, _Object):
        yield "tenants is no object"
        return
    if len(tenants) > MAX_TENANTS:
        yield f"tenants has {len(tenants)} entries, at most {MAX_TENANTS} are looked after"
    yield from _repeats("tenants", tenants)
    for name, policy in tenants.items():
        place = f"tenants.{_shown(name)}"
        yield from _id_faults(place, name)
        yield from _policy_faults(place, policy)


def _retired_faults(retired: object) -> Iterator[str]:
    if not isinstance(retired, _Object):
        yield "retired is no object"
        return
    yield from _repeats("retired", retired)
    for name, since_ms in retired.items():
        place = f"retired.{_shown(name)}"
        yield from _id_faults(place, name)
        if not is_whole(since_ms) or since_ms < 0:
            yield f"{place} {since_ms!r:.80} is no time in epoch milliseconds"


def _id_faults(place: str, name: str) -> Iterator[str]:
    if not _TENANT.match(name):
        yield f"{place} is no tenant id: it is not [a-z0-9][a-z0-9-]{{0,62}}"
    elif name in RESERVED:
        yield f"{place} is reserved"


def _policy_faults(place: str, policy: object) -> Iterator[str]:
    if not isinstance(policy, _Object):
        yield f"{place} is no object"
        return
    yield from _object_faults(place, policy, _POLICY_FIELDS)
    routes = policy.get("routes")
    yield from _routes_faults(f"{place}.routes", routes)
    if "maxBodyBytes" in policy:
        yield from _bounds_faults(f"{place}.maxBodyBytes", policy["maxBodyBytes"], MAX_BODY_BYTES)
    if policy.get("maxInFlight") is not None:
        yield from _bounds_faults(f"{place}.maxInFlight", policy["maxInFlight"], MAX_IN_FLIGHT)
    yield from _limits_faults(f"{place}.rateLimits", policy.get("rateLimits", []), routes)


def _routes_faults(place: str, routes: object) -> Iterator[str]:
    if routes is None:
        return
    if not isinstance(routes, list):
        yield f"{place} is neither a list of routes nor null"
        return
    for number, route in enumerate(routes):
        if not isinstance(route, str) or not _ROUTE.match(route):
            yield f"{place}[{number}] {route!r:.80} is no route's name: it is not [a-z][a-z0-9_]{{0,62}}"
        elif route in routes[:number]:
            yield f"{place}[{number}] {route!r} stands there twice"


def _limits_faults(place: str, limits: object, routes: object) -> Iterator[str]:
    if not isinstance(limits, list):
        yield f"{place} is no list"
        return
    if len(limits) > MAX_RATE_LIMITS:
        yield f"{place} has {len(limits)} entries, at most {MAX_RATE_LIMITS} are taken"
    for number, limit in enumerate(limits):
        here = f"{place}[{number}]"
        yield from _limit_faults(here, limit, routes)
        if (first := _first_to_count(limits[:number], limit)) is not None:
            yield f"{here} never counts: {place}[{first}] fits the same calls, and the first that fits counts"


def _limit_faults(place: str, limit: object, routes: object) -> Iterator[str]:
    if not isinstance(limit, _Object):
        yield f"{place} is no object"
        return
    yield from _object_faults(place, limit, _LIMIT_FIELDS)
    yield from (f"{place} lacks {name}" for name in ("requests", "seconds") if name not in limit)
    yield from _limited_route_faults(f"{place}.route", limit.get("route", ANY_ROUTE), routes)
    if limit.get("per", "tenant") not in ("tenant", "client"):
        yield f"{place}.per {limit['per']!r:.80} is neither tenant nor client"
    for name, most in (("requests", MAX_REQUESTS), ("seconds", MAX_SECONDS)):
        if name in limit:
            yield from _bounds_faults(f"{place}.{name}", limit[name], most)


def _limited_route_faults(place: str, route: object, routes: object) -> Iterator[str]:
    if route == ANY_ROUTE:
        return
    if not isinstance(route, str) or not _ROUTE.match(route):
        yield f"{place} {route!r:.80} is neither * nor a route's name"
    elif isinstance(routes, list) and route not in routes:
        yield f"{place} {route!r} is none of the routes that the tenant may call"


def _first_to_count(earlier: list[Any], limit: object) -> int | None:
    """Which of the earlier limits takes every call that `limit` is for."""
    if not isinstance(limit, _Object):
        return None
    covering = (ANY_ROUTE, limit.get("route", ANY_ROUTE))
    for number, other in enumerate(earlier):
        if isinstance(other, _Object) and other.get("route", ANY_ROUTE) in covering:
            return number
    return None


def _object_faults(place: str, value: _Object, fields: tuple[str, ...]) -> Iterator[str]:
    yield from _repeats(place, value)
    yield from (f"{place} has an unknown field {name!r:.80}" for name in value if name not in fields)


def _repeats(place: str, value: _Object) -> Iterator[str]:
    return (f"{place} names {name!r:.80} twice" for name in value.repeated)


def _bounds_faults(place: str, value: object, most: int) -> Iterator[str]:
    if not is_whole(value) or not 1 <= value <= most:
        yield f"{place} {value!r:.80} is not a whole number from 1 to {most}"


def _shown(name: str) -> str:
    """A name as part of a place: as it is if it could be one, else quoted, so that nothing in it misleads."""
    return name if _TENANT.match(name) else ascii(name)[:80]


def _policy(value: Mapping[str, Any]) -> TenantPolicy:
    """The policy of an entry without faults."""
    routes = value.get("routes")
    return TenantPolicy(
        routes=None if routes is None else tuple(routes),
        max_body_bytes=value.get("maxBodyBytes", MAX_BODY_BYTES),
        max_in_flight=value.get("maxInFlight"),
        rate_limits=tuple(RateLimit(**limit) for limit in value.get("rateLimits", ())),
    )
