"""The manifest: every route, as built from the handlers' decorators at synth time and packaged with the functions.

Plain data. Ingress reads it without importing a handler; `workflow` uses it to find and bound the handler.

    handlers' decorators --tools.build_manifest--> Manifest.build --to_json--> manifest.json --from_json--> Manifest

Its canonical JSON (sorted keys, no white space) is a function of the routes alone, so its digest names a set of
routes, and two builds of the same files are the same bytes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from workerflow.domain.errors import ManifestError
from workerflow.domain.retry import RetryPolicy
from workerflow.domain.route import DEFAULT_TIMEOUT_SECONDS, MAX_TIMEOUT_SECONDS, Authentication, Mode, Route
from workerflow.domain.route_rules import route_faults

__all__ = [
    "DEFAULT_TIMEOUT_SECONDS",
    "MANIFEST_VERSION",
    "MAX_TIMEOUT_SECONDS",
    "Authentication",
    "Manifest",
    "Mode",
    "Route",
    "repeated_names",
]

MANIFEST_VERSION = 1


@dataclass(frozen=True, slots=True)
class Manifest:
    """All routes by name. `digest` is the SHA-256 of its canonical JSON."""

    routes: Mapping[str, Route]
    digest: str

    def find(self, source: str) -> Route | None:
        """The route behind a task's source (`route:<name>`), or None if it was removed."""
        kind, _, name = source.partition(":")
        return self.routes.get(name) if kind == "route" else None

    @classmethod
    def build(cls, routes: Iterable[Route]) -> Manifest:
        """Make the manifest of `routes`. Raises ManifestError with every fault of every route."""
        routes = sorted(routes, key=lambda route: str(route.name))
        faults = [f"route {route.name!r}: {fault}" for route in routes for fault in route_faults(route)]
        faults += [f"route {name!r}: declared more than once" for name in repeated_names(routes)]
        if faults:
            raise ManifestError(faults)
        by_name = {route.name: route for route in routes}
        return cls(by_name, _digest(by_name))

    def to_json(self) -> str:
        """The canonical JSON, digest included, with a line feed at its end."""
        return _canonical({"digest": self.digest, **_document(self.routes)}) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Manifest:
        """Read what `to_json` wrote.

        Raises:
            ManifestError: with every fault: not JSON, unknown version, unknown or missing or wrong fields, a digest
                that is not that of the routes (a file that was edited by hand, or cut).
        """
        document = _parsed(text)
        faults: list[str] = []
        routes = [_read_route(name, value, faults) for name, value in sorted(document["routes"].items())]
        if faults:
            raise ManifestError(faults)
        manifest = cls.build(route for route in routes if route is not None)
        if manifest.digest != document["digest"]:
            raise ManifestError(["the digest is not that of the routes"])
        return manifest


def repeated_names(routes: Iterable[Route]) -> list[str]:
    """Names that more than one of `routes` has, sorted."""
    names = [route.name for route in routes]
    return sorted({name for name in names if names.count(name) > 1})


_FIELDS = (
    "authentication",
    "description",
    "disabled_reason",
    "enabled",
    "function",
    "mode",
    "module",
    "retry",
    "schema",
    "secrets",
    "timeout_seconds",
)
_RETRY_FIELDS = ("base_seconds", "cap_seconds", "max_attempts")
_TOP_FIELDS = ("digest", "routes", "version")


def _canonical(value: object) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=True, allow_nan=False, separators=(",", ":"))


def _document(routes: Mapping[str, Route]) -> dict[str, Any]:
    return {"version": MANIFEST_VERSION, "routes": {name: _route_document(route) for name, route in routes.items()}}


def _route_document(route: Route) -> dict[str, Any]:
    plain = {name: getattr(route, name) for name in _FIELDS}
    retry = {
        "max_attempts": route.retry.max_attempts,
        "base_seconds": float(route.retry.base_seconds),
        "cap_seconds": float(route.retry.cap_seconds),
    }
    return plain | {"retry": retry, "secrets": list(route.secrets)}


def _digest(routes: Mapping[str, Route]) -> str:
    return hashlib.sha256(_canonical(_document(routes)).encode()).hexdigest()


def _parsed(text: str) -> dict[str, Any]:
    try:
        document = json.loads(text, object_pairs_hook=_without_repeats)
    except (ValueError, RecursionError) as error:
        raise ManifestError([f"the manifest is not JSON: {error}"]) from error
    faults = _shape_faults("the manifest", document, _TOP_FIELDS)
    if not faults and document["version"] != MANIFEST_VERSION:
        faults = [f"the manifest's version is {document['version']!r:.80}, this code reads {MANIFEST_VERSION}"]
    if not faults and not isinstance(document["routes"], dict):
        faults = ["the manifest's routes are no object"]
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


def _read_route(name: str, value: dict[str, Any], faults: list[str]) -> Route | None:
    """The route, unchecked; or None, with what is wrong with its shape added to `faults`."""
    found = _shape_faults(f"route {name!r:.80}", value, _FIELDS)
    found = found or _shape_faults(f"route {name!r:.80}: retry", value["retry"], _RETRY_FIELDS)
    found = found or ([] if isinstance(value["secrets"], list) else [f"route {name!r:.80}: secrets are no list"])
    faults += found
    if found:
        return None
    return Route(**{**value, "name": name, "retry": RetryPolicy(**value["retry"]), "secrets": tuple(value["secrets"])})
