"""Assets: kept for ever under an address that changes with them, and small."""

from __future__ import annotations

import gzip

import pytest

from functions.dashboard.pages.assets import asset_url, find_asset, serve_asset
from workerflow.runtime.http import Request

NAMES = ("app.css", "app.js", "htmx.min.js", "icon.svg", "icon-trouble.svg")


def asked(query: str = "", **headers: str) -> Request:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Request("GET", "/assets/app.css", query, named, b"", "203.0.113.7", "r")


@pytest.mark.parametrize("name", NAMES)
def test_an_asset_is_kept_for_ever_under_its_version(name: str) -> None:
    asset = find_asset(name)
    assert asset is not None
    assert asset_url(name) == f"/assets/{name}?v={asset.version}"
    current = serve_asset(asset, asked(f"v={asset.version}"))
    assert current.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert current.body == asset.body


def test_an_asset_of_another_version_is_not_kept() -> None:
    asset = find_asset("app.css")
    assert asset is not None
    for query in ("", "v=0123456789ab", f"v={asset.version}x"):
        assert serve_asset(asset, asked(query)).headers["cache-control"] == "no-cache"


def test_an_asset_is_compressed_for_whoever_takes_that() -> None:
    asset = find_asset("app.js")
    assert asset is not None
    answer = serve_asset(asset, asked(accept_encoding="gzip, br"))
    assert answer.headers["content-encoding"] == "gzip"
    assert gzip.decompress(answer.body) == asset.body
    assert "content-encoding" not in serve_asset(asset, asked()).headers


def test_nothing_else_is_served() -> None:
    for name in ("app.css.bak", "../handler.py", "", "manifest.json"):
        assert find_asset(name) is None
    with pytest.raises(KeyError):
        asset_url("nothing.js")
