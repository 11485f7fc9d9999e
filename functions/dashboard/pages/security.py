"""What every page's answer carries so that a browser runs nothing but what the page itself brings."""

from __future__ import annotations

from workerflow.runtime.http import Response

HTML = "text/html; charset=utf-8"


def page_headers(nonce: str) -> dict[str, str]:
    """The headers of a page whose scripts and styles carry `nonce`.

    Source: W3C, "Content Security Policy Level 3", section 6; OWASP, "HTTP Security Response Headers Cheat Sheet".
    """
    policy = (
        "default-src 'none'",
        f"script-src 'nonce-{nonce}'",
        f"style-src 'nonce-{nonce}'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
    return {
        "content-type": HTML,
        "content-security-policy": "; ".join(policy),
        "cache-control": "no-store",
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
    }


def html(status: int, text: str, *, nonce: str) -> Response:
    """A page as a response."""
    return Response(status, page_headers(nonce), text.encode("utf-8", "replace"))
