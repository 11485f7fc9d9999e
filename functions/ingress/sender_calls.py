"""What the door does with a call that carries a sender's signature, beside the check: its handshake.

Which senders there are, and how each signs, is data: module domain.senders.
"""

from __future__ import annotations

from typing import Any

from workerflow.domain.sender_call import handshake_answer
from workerflow.domain.senders import Sender
from workerflow.runtime.http import Response


def handshake_response(sender: Sender, document: Any) -> Response | None:  # noqa: ANN401 - JSON
    """The answer to a sender that asks whether we are there; None if the call tells of an event."""
    answer = handshake_answer(sender, document)
    return None if answer is None else Response.document(200, answer)
