"""From whose page a request comes, as the browser says it: no script can say otherwise.

    same-origin    a page of ours              none    the address bar, a bookmark, another program
    cross-site, same-site                      a page of somebody else's

Whoever has a function URL of his own is of the same site in regions whose addresses are not in the Public Suffix List:
in Chromium 156 eu-central-2, eu-south-2, ca-west-1, ap-south-2 and others. From his pages SameSite=Strict keeps no
session's cookie. So what a page of somebody else's asks for is answered as if it had brought none.

Source: W3C, "Fetch Metadata Request Headers"; publicsuffix.org, "lambda-url.<region>.on.aws".
"""

from __future__ import annotations

from workerflow.runtime.http import Request, Response

_OURS = frozenset({"same-origin", "none"})

AGAIN = b"""<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta http-equiv="refresh" content="0"><title>WorkerFlow</title></head>
<body><p><a href="">Go on to WorkerFlow</a></p></body>
</html>
"""
"""Asks for its own address once more, and nothing of the request stands in it."""
_ASKED = "workerflow-asked=again"
_ASKED_FOR_SECONDS = 2
"""Should a browser take even that for somebody else's page, it must not ask for ever: it is asked again once."""


def site_of(request: Request) -> str | None:
    """What the browser says; None for old browsers, and for whatever is none."""
    return request.headers.get("sec-fetch-site")


def is_foreign(request: Request) -> bool:
    """Whether a page of somebody else's asks."""
    return (site_of(request) or "none") not in _OURS


def follows_link(request: Request) -> bool:
    """Whether somebody came here by a link on a page of somebody else's, in a tab of his own, just now."""
    is_link = request.method in {"GET", "HEAD"} and is_foreign(request) and _opens_tab(request)
    return is_link and _ASKED not in (one.strip() for one in request.headers.get("cookie", "").split(";"))


def _opens_tab(request: Request) -> bool:
    wanted = request.headers.get("sec-fetch-mode"), request.headers.get("sec-fetch-dest")
    return wanted == ("navigate", "document")


def asked_again() -> Response:
    """A page that asks for the same address once more: from a page of ours then, which brings the cookie along."""
    cookie = f"{_ASKED}; Max-Age={_ASKED_FOR_SECONDS}; Path=/; HttpOnly; SameSite=Lax"
    return Response(200, {"content-type": "text/html; charset=utf-8", "set-cookie": cookie}, AGAIN)
