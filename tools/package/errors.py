"""What can go wrong while packaging, said in one sentence."""

from __future__ import annotations


class PackagingError(Exception):
    """The code cannot be packaged; the message says why and what to do."""
