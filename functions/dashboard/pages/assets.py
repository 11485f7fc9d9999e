"""Style, script, icon and htmx: the few files that pages load, under an address that changes with their content.

/assets/app.css?v=<hash>    kept by browsers for ever; a deploy that changes the file changes the address
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from functions.dashboard.compression import takes_gzip
from workerflow.domain.refusals import PathNotFoundError
from workerflow.runtime.http import Request, Response

if TYPE_CHECKING:
    from functions.dashboard.call import Call
    from functions.dashboard.services import Dashboard

FOLDER = Path(__file__).parents[1] / "assets"
HTMX = "htmx.min.js"
_HTMX_FROM_NPM = Path(__file__).parents[3] / "node_modules/htmx.org/dist" / HTMX
"""Where htmx is before it is packaged: in a developer's tree, and in tests."""
_TYPES: Mapping[str, str] = {
    "app.css": "text/css; charset=utf-8",
    "app.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
    "icon-trouble.svg": "image/svg+xml",
    HTMX: "text/javascript; charset=utf-8",
}
_A_YEAR = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class Asset:
    """One file, as it is sent."""

    content_type: str
    body: bytes = field(repr=False)
    compressed: bytes = field(repr=False)
    version: str

    @classmethod
    def read(cls, path: Path, content_type: str) -> Asset:
        """Read a file; the same bytes always become the same asset."""
        body = path.read_bytes()
        version = hashlib.sha256(body).hexdigest()[:12]
        return cls(content_type, body, gzip.compress(body, 9, mtime=0), version)


@cache
def find_asset(name: str) -> Asset | None:
    """The asset of a name, read once in a container's life; None if there is none."""
    content_type = _TYPES.get(name)
    if content_type is None:
        return None
    packaged = FOLDER / name
    return Asset.read(packaged if name != HTMX or packaged.is_file() else _HTMX_FROM_NPM, content_type)


def asset_url(name: str) -> str:
    """Where a page loads an asset from. Raises KeyError for one that there is not."""
    asset = find_asset(name)
    if asset is None:
        raise KeyError(name)
    return f"/assets/{name}?v={asset.version}"


def read_asset(dashboard: Dashboard, call: Call) -> Response:
    """Answer a request for an asset. There is nothing secret in them, so nobody is asked who they are."""
    del dashboard
    asset = find_asset(call.path["name"])
    if asset is None:
        raise PathNotFoundError
    return serve_asset(asset, call.request)


def serve_asset(asset: Asset, request: Request) -> Response:
    """The asset, compressed for whoever takes that. One that was asked for by another version is not to be kept."""
    is_current = f"v={asset.version}" in request.query.split("&")
    headers = {
        "content-type": asset.content_type,
        "cache-control": _A_YEAR if is_current else "no-cache",
        "vary": "accept-encoding",
        "cross-origin-resource-policy": "same-origin",
    }
    if takes_gzip(request):
        return Response(200, headers | {"content-encoding": "gzip"}, asset.compressed)
    return Response(200, headers, asset.body)
