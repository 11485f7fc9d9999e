"""The pages, as endpoints: what the router is told of them. What answers each is imported when it is asked for."""

from __future__ import annotations

from functions.dashboard.endpoint import Endpoint
from functions.dashboard.pages.operating import OPERATING
from functions.dashboard.wanted import WANTED
from workerflow.domain.access import Scope


def _page(template: str, name: str, answered_by: str, *query: str) -> Endpoint:
    """What somebody who is signed in may look at."""
    return Endpoint(method="GET", template=template, name=name, answered_by=f"pages.{answered_by}", query=query)


_IN_AND_OUT = (
    Endpoint(
        method="GET",
        template="/sign-in",
        name="showSignIn",
        answered_by="pages.sign_in:show",
        scope=None,
        query=(WANTED,),
        of_tenant=False,
    ),
    Endpoint(
        method="POST",
        template="/sign-in",
        name="signIn",
        answered_by="pages.sign_in:begin",
        scope=None,
        of_tenant=False,
        max_body_bytes=4 * 1024,
    ),
    Endpoint(
        method="POST",
        template="/sign-out",
        name="signOut",
        answered_by="pages.sign_in:end",
        scope=Scope.READ,
        max_body_bytes=4 * 1024,
    ),
    Endpoint(
        method="GET",
        template="/assets/{name}",
        name="readAsset",
        answered_by="pages.assets:read_asset",
        scope=None,
        query=("v",),
        of_tenant=False,
    ),
)
_VIEWS = (
    _page("/", "showOverview", "overview:show", "window"),
    _page("/runs", "showRuns", "runs:show", "status", "source", "kind", "window", "from", "until", "cursor"),
    _page("/runs/{traceId}", "showRun", "run_detail:show", "done"),
    Endpoint(
        method="GET", template="/runs/{traceId}/payload", name="downloadPayload", answered_by="api.runs:read_payload"
    ),
    Endpoint(
        method="GET", template="/runs/{traceId}/output", name="downloadOutput", answered_by="api.runs:read_output"
    ),
    _page("/runs/{traceId}/lineage", "showLineage", "lineage:show"),
)
PAGES: tuple[Endpoint, ...] = (*_IN_AND_OUT, *_VIEWS, *OPERATING)
