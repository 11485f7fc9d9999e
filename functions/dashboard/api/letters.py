"""Dead letters, and the groups of alike errors that they make."""

from __future__ import annotations

from functions.dashboard.api import rules
from functions.dashboard.api.documents import page, time_or_none
from functions.dashboard.api.letter_documents import group_document, letter_entry_document
from functions.dashboard.api.parameters import cursor_at, letter_filter_of, limit_of, position_of, value_of
from functions.dashboard.call import Call
from functions.dashboard.services import Dashboard
from workerflow.runtime.http import Response


def list_letters(dashboard: Dashboard, call: Call) -> Response:
    """A page of dead letters, newest first: the open ones, unless the call asks for all."""
    open_only = value_of(call, "state", rules.LETTER_STATE) != "all"
    found = dashboard.list_letters(
        call.tenant,
        letter_filter_of(call),
        open_only=open_only,
        limit=limit_of(call),
        before=position_of(dashboard, call),
    )
    letters = [letter_entry_document(one) for one in found.letters]
    cursor = cursor_at(dashboard, call, found.next_before)
    return Response.document(
        200, page("letters", letters, cursor, searchedBackTo=time_or_none(found.searched_back_to_ms))
    )


def list_errors(dashboard: Dashboard, call: Call) -> Response:
    """Groups of alike errors, the one that was seen last first."""
    found = dashboard.list_error_groups(call.tenant)
    groups = [group_document(one) for one in found.groups]
    exact = {"countIsExact": found.count_is_exact, "openIsExact": found.open_is_exact}
    return Response.document(200, {"groups": groups, **exact})
