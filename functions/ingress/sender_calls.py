"""What the door does with a call that carries a sender's signature, beside the check: its handshake, its lines.

Which senders there are, and how each signs, is data: module domain.senders.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from functions.ingress.call_headers import CallHeaders
from functions.ingress.kept_refusal import lines_of_v1, printable, told_by_digest, told_timestamp
from workerflow.domain.sender_call import SenderCall, claimed_parts, handshake_answer
from workerflow.domain.senders import Part, Sender
from workerflow.runtime.http import Request, Response

SHOWN_CHARACTERS = 80


def handshake_response(sender: Sender, document: Any) -> Response | None:  # noqa: ANN401 - JSON
    """The answer to a sender that asks whether we are there; None if the call tells of an event."""
    answer = handshake_answer(sender, document)
    return None if answer is None else Response.document(200, answer)


def lines_expected(request: Request, headers: CallHeaders, tenant: str) -> Callable[[], Mapping[str, str]] | None:
    """What makes the lines that the call's signature should have covered; None if it carries nothing of one."""
    if headers.sender is not None:
        return partial(lines_of_sender, SenderCall(headers.sender, "", headers.senders, request.body))
    return partial(lines_of_v1, request, headers, tenant) if headers.is_signed else None


def lines_of_sender(call: SenderCall) -> Mapping[str, str]:
    """The parts that a sender's signature should have covered, by name, with the values that we saw.

    The body is told by digest and size, the others by their beginning.
    """
    claimed = claimed_parts(call)
    told = {
        Part.ID: lambda: printable(claimed[Part.ID], SHOWN_CHARACTERS),
        Part.TIMESTAMP: lambda: told_timestamp(claimed[Part.TIMESTAMP]),
        Part.BODY: lambda: told_by_digest(call.body),
    }
    return {part.value: told[part]() for part in call.sender.signed if isinstance(part, Part)}
