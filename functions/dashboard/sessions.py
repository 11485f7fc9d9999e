"""Who asks for a page: the session that the browser's cookie names.

    on AWS              __Host-workerflow=...; Secure; HttpOnly; SameSite=Strict; Path=/
    on this machine     workerflow-local=...;          HttpOnly; SameSite=Strict; Path=/

A browser takes the first one only over HTTPS. `make up` serves plain HTTP, and not every browser counts loopback as
safe; so there, and nowhere else, the second one is used: the environment must be `local`, and the platform must have
seen the request come from loopback. A deployment to AWS has neither. (The header `host` tells nothing: the emulator
writes the name that the function's address would have on AWS into it.)

Source: RFC 6265bis, section 4.1.3 (the prefix __Host-: Secure, Path=/, no Domain, so no other host can have set it).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from ipaddress import ip_address

from functions.dashboard.authentication import token_or_refuse
from functions.dashboard.call import Caller
from functions.dashboard.site import is_foreign
from workerflow.domain.access import SESSION_SECONDS
from workerflow.domain.dashboard_refusals import TooManySignInsError
from workerflow.runtime.http import Request
from workerflow.services.authenticate import Denial
from workerflow.services.sign_in import ReadSession, SignedIn, SignIn, SignOut, TooManySignIns

LOCAL_ENVIRONMENT = "local"


@dataclass(frozen=True, slots=True)
class CookieForm:
    """How a session's cookie is called, and what is said to the browser beside its value."""

    name: str
    attributes: str

    def holding(self, value: str) -> str:
        """As `set-cookie` has it; the browser forgets it when the session ends at the latest."""
        return f"{self.name}={value}; Max-Age={SESSION_SECONDS}; {self.attributes}"

    @property
    def gone(self) -> str:
        """As `set-cookie` has it to let the browser forget the cookie."""
        return f"{self.name}=; Max-Age=0; {self.attributes}"

    def value_in(self, request: Request) -> str | None:
        """The cookie's value; None if it did not come, or came more than once: which of them was meant?"""
        pairs = (one.strip().partition("=") for one in request.headers.get("cookie", "").split(";"))
        values = [value for name, _, value in pairs if name == self.name]
        return values[0] if len(values) == 1 else None


SECURE = CookieForm("__Host-workerflow", "Path=/; Secure; HttpOnly; SameSite=Strict")
LOCAL = CookieForm("workerflow-local", "Path=/; HttpOnly; SameSite=Strict")


def is_on_this_machine(request: Request, environment: str) -> bool:
    """Whether a page of the local stack is asked for over loopback, and so over plain HTTP."""
    return environment == LOCAL_ENVIRONMENT and _is_loopback(request.source_address)


def _is_loopback(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False


def cookie_form(request: Request, environment: str) -> CookieForm:
    """The form that the cookie has for this request."""
    return LOCAL if is_on_this_machine(request, environment) else SECURE


@dataclass(frozen=True, slots=True, kw_only=True)
class Sessions:
    """Sessions, as requests and answers carry them."""

    sign_in: SignIn
    read_session: ReadSession
    sign_out: SignOut
    environment: str

    def caller_of(self, request: Request) -> Caller | None:
        """Whoever asks, or None if the browser has no session, or was made to ask by a page of somebody else's.

        Raises:
            StoreUnavailableError: unknown; ask again.
        """
        cookie = None if is_foreign(request) else cookie_form(request, self.environment).value_in(request)
        live = None if cookie is None else self.read_session(cookie)
        return None if live is None else Caller(live.token, request.source_address, live.csrf)

    def begin(self, request: Request, text: str) -> str:
        """Begin a session for a token, and end the one that the browser had.

        Args:
            request: of a form that was sent by a page of ours.
            text: the token, as it was typed.

        Returns:
            The value of `set-cookie`.

        Raises:
            TooManySignInsError: 429; the token was not looked at.
            TokenMalformedError, TokenInvalidError: 401.
            StoreUnavailableError: unknown; try again.
        """
        outcome = self.sign_in(text.strip(), source_address=request.source_address)
        if isinstance(outcome, TooManySignIns):
            raise TooManySignInsError(math.ceil(outcome.wait_seconds))
        if not isinstance(outcome, SignedIn):
            return _refuse(outcome)
        self._end_former(request)
        return cookie_form(request, self.environment).holding(outcome.cookie)

    def end(self, request: Request) -> str:
        """End the browser's session, if it has one; the value of `set-cookie`.

        Raises:
            StoreUnavailableError: it may live on; ask again.
        """
        self._end_former(request)
        return cookie_form(request, self.environment).gone

    def _end_former(self, request: Request) -> None:
        former = cookie_form(request, self.environment).value_in(request)
        if former is not None:
            self.sign_out(former, source_address=request.source_address)


def _refuse(denial: Denial) -> str:
    return token_or_refuse(denial).token_id
