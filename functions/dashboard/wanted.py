"""What somebody wanted to see before he had to sign in, and is led to once he has.

    /runs?status=failed --no session--> /sign-in?to=%2Fruns%3Fstatus%3Dfailed --signed in--> /runs?status=failed

Whoever is signed in already is led on at once: he came from elsewhere (see site), or signed in by another tab.

Anybody can make such a link up. So it leads to a path of this very address or to nowhere: it begins with one slash, and
has nothing in it that browsers read as another or leave out: no second one, no backslash, no tab.

Source: OWASP, "Unvalidated Redirects and Forwards"; WHATWG, "URL Standard", path and authority states.
"""

from __future__ import annotations

import re
from urllib.parse import quote, urlsplit

from workerflow.runtime.http import Request

SIGN_IN = "/sign-in"
HOME = "/"
WANTED = "to"
MAX_CHARACTERS = 1000
_HERE = re.compile(r"/(?!/)[!-\[\]-~]*\Z")


def is_here(wanted: str) -> bool:
    """Whether a text is a path of this address, with or without a query."""
    return len(wanted) <= MAX_CHARACTERS and _HERE.match(wanted) is not None


def sign_in_for(request: Request) -> str:
    """The address of the sign-in that leads back to what a request wanted to see."""
    return f"{SIGN_IN}?{WANTED}={quote(after_sign_in(_wanted_by(request)), safe='')}"


def after_sign_in(wanted: str) -> str:
    """Where somebody is led who has signed in."""
    return wanted if is_here(wanted) else HOME


def _wanted_by(request: Request) -> str:
    """The page that is asked for, or that is open and asks for a part of itself, as htmx says; none for a form."""
    if request.headers.get("hx-request") == "true":
        return _path_of(request.headers.get("hx-current-url", ""))
    if request.method not in {"GET", "HEAD"}:
        return ""
    return f"{request.path}?{request.query}" if request.query else request.path


def _path_of(address: str) -> str:
    """An address without what comes before its path, and without its fragment; empty if it is none."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    return f"{parts.path}?{parts.query}" if parts.query else parts.path
