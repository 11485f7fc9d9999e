"""From whose page a request comes, as the browser says it: no script can say otherwise.

    same-origin    a page of ours              none    the address bar, a bookmark, another program
    cross-site, same-site                      a page of somebody else's

Whoever has a function URL of his own is of the same site in regions whose addresses are not in the Public Suffix List:
in Chromium 156 eu-central-2, eu-south-2, ca-west-1, ap-south-2 and others. From his pages SameSite=Strict keeps no
session's cookie. So what a page of somebody else's asks for is answered as if it had brought none. But for a link that
somebody follows: a page of ours leads on to the sign-in, and that whoever is signed in to what he wanted to see.

    a chat --cross-site--> /runs, a page that leads on --same-origin--> /sign-in?to=%2Fruns --signed in--> /runs
                                                                          `- else its form, and so it ends: no loop

Source: W3C, "Fetch Metadata Request Headers"; publicsuffix.org, "lambda-url.<region>.on.aws".
"""

from __future__ import annotations

from workerflow.runtime.http import Request, Response

_OURS = frozenset({"same-origin", "none"})

_LEADS_ON = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta http-equiv="refresh" content="0; url={0}"><title>WorkerFlow</title></head>
<body><p><a href="{0}">Go on to WorkerFlow</a></p></body>
</html>
"""


def site_of(request: Request) -> str | None:
    """What the browser says; None for old browsers, and for whatever is none."""
    return request.headers.get("sec-fetch-site")


def is_foreign(request: Request) -> bool:
    """Whether a page of somebody else's asks."""
    return (site_of(request) or "none") not in _OURS


def follows_link(request: Request) -> bool:
    """Whether somebody came here by a link on a page of somebody else's, in a tab of his own."""
    return request.method in {"GET", "HEAD"} and is_foreign(request) and _opens_tab(request)


def _opens_tab(request: Request) -> bool:
    wanted = request.headers.get("sec-fetch-mode"), request.headers.get("sec-fetch-dest")
    return wanted == ("navigate", "document")


def led_on(address: str) -> Response:
    """A page that asks for an address by itself: as a page of ours does, which brings the cookie along.

    Args:
        address: percent-encoded, as `sign_in_for` makes it: nothing of it is markup.
    """
    return Response(200, {"content-type": "text/html; charset=utf-8"}, _LEADS_ON.format(address).encode())
