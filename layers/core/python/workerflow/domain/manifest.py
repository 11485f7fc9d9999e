"""The manifest: every route and schedule, built from the handlers' decorators at synth time, packaged with the code.

Plain data. Ingress and the tick read it without importing a handler; `workflow` uses it to find and bound the handler.

    handlers' decorators --tools.build_manifest--> Manifest.build --to_json--> manifest.json --from_json--> Manifest

Its canonical JSON (sorted keys, no white space) is a function of the declarations alone, so its digest names a set of
them, and two builds of the same files are the same bytes.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from workerflow.domain.errors import ManifestError
from workerflow.domain.retry import RetryPolicy
from workerflow.domain.route import Route
from workerflow.domain.route_rules import route_faults
from workerflow.domain.schedule import CatchUp, Schedule
from workerflow.domain.schedule_rules import schedule_faults
from workerflow.domain.source import Source

MANIFEST_VERSION = 2


@dataclass(frozen=True, slots=True)
class Manifest:
    """All routes and all schedules by name. `digest` is the SHA-256 of its canonical JSON."""

    routes: Mapping[str, Route]
    schedules: Mapping[str, Schedule]
    digest: str

    def find(self, source: str) -> Source | None:
        """What is behind a task's source (`route:<name>`, `schedule:<name>`), or None if it was removed."""
        kind, _, name = source.partition(":")
        if kind == "schedule":
            return self.schedules.get(name)
        return self.routes.get(name) if kind == "route" else None

    @classmethod
    def build(cls, routes: Iterable[Route], schedules: Iterable[Schedule] = ()) -> Manifest:
        """Make a manifest. Raises ManifestError with every fault of every route and schedule."""
        routes, schedules = _by_name(routes), _by_name(schedules)
        faults = [f"route {route.name!r}: {fault}" for route in routes for fault in route_faults(route)]
        faults += [f"route {name!r}: declared more than once" for name in repeated_names(routes)]
        faults += [f"schedule {one.name!r}: {fault}" for one in schedules for fault in schedule_faults(one)]
        faults += [f"schedule {name!r}: declared more than once" for name in repeated_names(schedules)]
        if faults:
            raise ManifestError(faults)
        manifest = cls({one.name: one for one in routes}, {one.name: one for one in schedules}, "")
        return replace(manifest, digest=_digest(manifest))

    def to_json(self) -> str:
        """The canonical JSON, digest included, with a line feed at its end."""
        return _canonical({"digest": self.digest, **_document(self)}) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Manifest:
        """Read what `to_json` wrote.

        Raises:
            ManifestError: with every fault: not JSON, unknown version, unknown or missing or wrong fields, a digest
                that is not that of the declarations (a file that was edited by hand, or cut).
        """
        document = _parsed(text)
        faults: list[str] = []
        routes = [_read_route(name, value, faults) for name, value in sorted(document["routes"].items())]
        schedules = [_read_schedule(name, value, faults) for name, value in sorted(document["schedules"].items())]
        if faults:
            raise ManifestError(faults)
        manifest = cls.build((one for one in routes if one is not None), (one for one in schedules if one is not None))
        if manifest.digest != document["digest"]:
            raise ManifestError(["the digest is not that of the routes and schedules"])
        return manifest


def repeated_names(sources: Iterable[Source]) -> list[str]:
    """Names that more than one of `sources` has, sorted."""
    return sorted(name for name, times in Counter(one.name for one in sources).items() if times > 1)


def _by_name[S: Source](sources: Iterable[S]) -> list[S]:
    return sorted(sources, key=lambda one: str(one.name))


_SOURCE_FIELDS = (
    "description",
    "disabled_reason",
    "enabled",
    "function",
    "module",
    "retry",
    "secrets",
    "timeout_seconds",
)
_ROUTE_FIELDS = (*_SOURCE_FIELDS, "authentication", "mode", "schema")
_SCHEDULE_FIELDS = (*_SOURCE_FIELDS, "catch_up", "cron", "overlap", "tenants", "zone")
_RETRY_FIELDS = ("base_seconds", "cap_seconds", "max_attempts")
_CATCH_UP_FIELDS = ("max_fires", "policy", "window_seconds")
_TOP_FIELDS = ("digest", "routes", "schedules", "version")


def _canonical(value: object) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=True, allow_nan=False, separators=(",", ":"))


def _document(manifest: Manifest) -> dict[str, Any]:
    return {
        "version": MANIFEST_VERSION,
        "routes": {name: _source_document(route, _ROUTE_FIELDS) for name, route in manifest.routes.items()},
        "schedules": {name: _schedule_document(one) for name, one in manifest.schedules.items()},
    }


def _source_document(source: Source, fields: tuple[str, ...]) -> dict[str, Any]:
    plain = {name: getattr(source, name) for name in fields}
    retry = {
        "max_attempts": source.retry.max_attempts,
        "base_seconds": float(source.retry.base_seconds),
        "cap_seconds": float(source.retry.cap_seconds),
    }
    return plain | {"retry": retry, "secrets": list(source.secrets)}


def _schedule_document(schedule: Schedule) -> dict[str, Any]:
    catch_up = {name: getattr(schedule.catch_up, name) for name in _CATCH_UP_FIELDS}
    return _source_document(schedule, _SCHEDULE_FIELDS) | {"catch_up": catch_up, "tenants": list(schedule.tenants)}


def _digest(manifest: Manifest) -> str:
    return hashlib.sha256(_canonical(_document(manifest)).encode()).hexdigest()


def _parsed(text: str) -> dict[str, Any]:
    try:
        document = json.loads(text, object_pairs_hook=_without_repeats)
    except (ValueError, RecursionError) as error:
        raise ManifestError([f"the manifest is not JSON: {error}"]) from error
    faults = _shape_faults("the manifest", document, _TOP_FIELDS)
    if not faults and document["version"] != MANIFEST_VERSION:
        faults = [f"the manifest's version is {document['version']!r:.80}, this code reads {MANIFEST_VERSION}"]
    for part in ("routes", "schedules"):
        if not faults and not isinstance(document[part], dict):
            faults = [f"the manifest's {part} are no object"]
    if faults:
        raise ManifestError(faults)
    parsed: dict[str, Any] = document
    return parsed


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("an object has the same key twice")
    return found


def _shape_faults(what: str, value: object, fields: tuple[str, ...]) -> list[str]:
    if not isinstance(value, dict):
        return [f"{what} is no object"]
    missing = [f"{what} lacks {name}" for name in fields if name not in value]
    return missing + [f"{what} has an unknown field {name!r:.80}" for name in sorted(value) if name not in fields]


def _source_shape_faults(what: str, value: Any, fields: tuple[str, ...]) -> list[str]:  # noqa: ANN401 - JSON
    found = _shape_faults(what, value, fields)
    found = found or _shape_faults(f"{what}: retry", value["retry"], _RETRY_FIELDS)
    return found or ([] if isinstance(value["secrets"], list) else [f"{what}: secrets are no list"])


def _read_route(name: str, value: dict[str, Any], faults: list[str]) -> Route | None:
    """The route, unchecked; or None, with what is wrong with its shape added to `faults`."""
    found = _source_shape_faults(f"route {name!r:.80}", value, _ROUTE_FIELDS)
    faults += found
    return None if found else Route(**_read_source(name, value))


def _read_schedule(name: str, value: dict[str, Any], faults: list[str]) -> Schedule | None:
    """The schedule, unchecked; or None, with what is wrong with its shape added to `faults`."""
    what = f"schedule {name!r:.80}"
    found = _source_shape_faults(what, value, _SCHEDULE_FIELDS)
    found = found or _shape_faults(f"{what}: catch_up", value["catch_up"], _CATCH_UP_FIELDS)
    found = found or ([] if isinstance(value["tenants"], list) else [f"{what}: tenants are no list"])
    faults += found
    if found:
        return None
    own = {"catch_up": CatchUp(**value["catch_up"]), "tenants": tuple(value["tenants"])}
    return Schedule(**_read_source(name, value) | own)


def _read_source(name: str, value: dict[str, Any]) -> dict[str, Any]:
    return {**value, "name": name, "retry": RetryPolicy(**value["retry"]), "secrets": tuple(value["secrets"])}
