"""Templates to pages. Every value is escaped, every hidden character is made visible, a missing value is a fault.

templates/*.html   in a developer's tree: read and compiled when they are first used
compiled/*.py      in the function's asset: compiled by tools.package, so that no cold start parses a template
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from jinja2 import BaseLoader, Environment, FileSystemLoader, ModuleLoader, StrictUndefined, pass_context

from functions.dashboard.call import Call, Caller
from functions.dashboard.pages import words
from functions.dashboard.pages.assets import asset_url
from functions.dashboard.pages.navigation import View, view_path, views_at
from functions.dashboard.pages.security import html
from workerflow.domain.access import Scope
from workerflow.domain.identity import DEFAULT_TENANT
from workerflow.domain.timestamp import timestamp
from workerflow.runtime.http import Response

if TYPE_CHECKING:
    from collections.abc import Callable

    from jinja2.runtime import Context
    from markupsafe import Markup

    from functions.dashboard.services import Dashboard

TEMPLATES = Path(__file__).parents[1] / "templates"
COMPILED = Path(__file__).parents[1] / "compiled"


def make_environment(loader: BaseLoader) -> Environment:
    """The environment in which templates are compiled and rendered, wherever they come from."""
    made = Environment(
        loader=loader,
        autoescape=True,
        undefined=StrictUndefined,
        finalize=words.visible,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters |= {
        "moment": _moment,
        "exact": words.exact,
        "stamp": timestamp,
        "relative": _relative,
        "duration": words.duration,
        "number": words.number,
        "percent": words.percent,
        "size": words.size,
        "short_id": words.short_id,
        "source_name": words.source_name,
        "spelled": words.spelled,
    }
    made.globals |= {"asset": asset_url, "url": _url, "page_url": _page_url}
    return made


@cache
def environment() -> Environment:
    """The environment of this process."""
    return make_environment(ModuleLoader(COMPILED) if COMPILED.is_dir() else FileSystemLoader(TEMPLATES))


@pass_context
def _moment(context: Context, time_ms: int | None) -> Markup:
    return words.moment(time_ms, context["frame"].now_ms)


@pass_context
def _relative(context: Context, time_ms: int) -> str:
    return words.relative(time_ms, context["frame"].now_ms)


@pass_context
def _url(context: Context, *segments: str, **query: object) -> str:
    """An address of ours for the page's tenant: `url("runs", trace_id, state="failed")`. Empty values are left out.

    Nothing but a path of ours can come out of it, whatever the values are.
    """
    frame: Frame = context["frame"]
    return address(segments, {**query, **frame.tenant_query})


@pass_context
def _page_url(context: Context, **changed: object) -> str:
    """This page's own address with some parameters changed; those that are None or empty are taken away."""
    frame: Frame = context["frame"]
    return frame.path + _query_text({**frame.query, **frame.tenant_query, **changed})


def address(segments: Sequence[str], query: Mapping[str, object] | None = None) -> str:
    """A path of ours from its decoded segments, and a query."""
    return "/" + "/".join(quote(segment, safe="") for segment in segments) + _query_text(query or {})


def _query_text(query: Mapping[str, object]) -> str:
    kept = {name.rstrip("_"): str(value) for name, value in query.items() if value not in (None, "")}
    return f"?{urlencode(kept)}" if kept else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What the frame around every page is made of.

    Attributes:
        caller: None on pages for people who are not signed in.
        tenant: whose page it is.
        tenants: that the caller may change to; empty if there is no choice.
        environment: where this is: dev, prod or local.
        path, query: of this page, for links that change a part of it.
        new_key: makes an idempotency key for a form.
    """

    nonce: str
    now_ms: int
    caller: Caller | None = None
    tenant: str = DEFAULT_TENANT
    tenants: Sequence[str] = ()
    environment: str = ""
    path: str = "/"
    query: Mapping[str, str] = field(default_factory=dict)
    new_key: Callable[[], str] | None = None

    @property
    def may_write(self) -> bool:
        """Whether forms are shown that change something."""
        return self.caller is not None and self.caller.token.scope.includes(Scope.WRITE)

    @property
    def views(self) -> tuple[View, ...]:
        """What leads to the other views."""
        return views_at(self.path)

    @property
    def view_path(self) -> str:
        """Where this view begins."""
        return view_path(self.path)

    @property
    def tenant_query(self) -> dict[str, str]:
        """What every link carries so that it stays with the tenant."""
        is_own = self.caller is not None and self.caller.token.tenant is not None
        return {} if is_own or self.tenant == DEFAULT_TENANT else {"tenant": self.tenant}


def render(template: str, frame: Frame, **values: Any) -> str:  # noqa: ANN401 - whatever the template shows
    """A template's text."""
    return environment().get_template(template).render(frame=frame, **values)


def page(
    dashboard: Dashboard,
    call: Call,
    template: str,
    *,
    status: int = 200,
    **values: Any,  # noqa: ANN401 - whatever the template shows
) -> Response:
    """A page for somebody who is signed in.

    Args:
        dashboard: tells the time, makes keys for forms, knows the tenants.
        call: that is answered.
        template: its file's name, such as `runs.html`.
        status: of the answer.
        values: what the template shows, by name.
    """
    frame = frame_of(dashboard, call)
    return html(status, render(template, frame, **values), nonce=frame.nonce)


def frame_of(dashboard: Dashboard, call: Call) -> Frame:
    """The frame of the page that answers a call."""
    return Frame(
        nonce=call.nonce,
        now_ms=dashboard.clock.now_ms(),
        caller=None if call.caller.is_nobody else call.caller,
        tenant=call.tenant,
        tenants=_choice(dashboard, call),
        environment=dashboard.environment,
        path=call.request.path,
        query=call.query,
        new_key=dashboard.ids.nonce,
    )


def _choice(dashboard: Dashboard, call: Call) -> Sequence[str]:
    if call.caller.is_nobody or call.caller.token.tenant is not None:
        return ()
    names = dashboard.tenants().names
    return names if len(names) > 1 or call.tenant not in names else ()
