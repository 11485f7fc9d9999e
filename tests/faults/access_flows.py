"""Stories of tokens and sessions: whatever call fails, nobody is let in who does not belong, and no act goes untold.

An operator makes a token; somebody signs in with it, looks around, comes back later; the token is revoked. Each of the
flows plays all of it, and lets another's calls fail.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from tests.faults.flow import Flow
from tests.support.world import World
from workerflow.domain.access import SESSION_SEEN_EVERY_SECONDS, Scope
from workerflow.domain.identity import DEFAULT_TENANT
from workerflow.services.issue_token import IssuedToken, TokenOrder
from workerflow.services.revoke_token import Revoked
from workerflow.services.sign_in import NAMED_BY, SESSION_CREATED, SESSION_ENDED, SignedIn

ADDRESS, OPERATOR = "192.0.2.7", "arn:aws:iam::123456789012:user/ops"


def _come_and_go(world: World) -> None:
    """What is not answered is asked for again; what was refused meanwhile is refused for good."""
    issued = _make_a_token(world)
    signed_in = world.look(lambda: world.processes.sign_in(issued.text, source_address=ADDRESS))
    other = world.look(lambda: world.processes.sign_in(issued.text, source_address=ADDRESS))
    assert isinstance(signed_in, SignedIn)
    assert isinstance(other, SignedIn)
    world.clock.advance(SESSION_SEEN_EVERY_SECONDS)
    live = world.look(lambda: world.processes.read_session(signed_in.cookie))
    assert live is not None
    assert live.token == issued.token
    world.look(lambda: world.processes.read_configuration(DEFAULT_TENANT))
    world.look(lambda: world.processes.sign_out(other.cookie, source_address=ADDRESS))
    _must_be_out(world, other.cookie, "whoever signed out is in")
    _revoke(world, issued.token.token_id)
    _must_be_out(world, signed_in.cookie, "whoever's token was revoked is in")
    world.broken += _untold(world)


def _make_a_token(world: World) -> IssuedToken:
    order = TokenOrder("ada", Scope.READ, None, 90, OPERATOR)
    issued = world.look(lambda: world.processes.issue_token(order))
    assert isinstance(issued, IssuedToken)
    return issued


def _revoke(world: World, token_id: str) -> None:
    revoked = world.look(lambda: world.processes.revoke_token(token_id, actor=OPERATOR))
    assert isinstance(revoked, Revoked)


def _must_be_out(world: World, cookie: str, otherwise: str) -> None:
    if world.look(lambda: world.processes.read_session(cookie)) is not None:
        world.broken.append(otherwise)


def _untold(world: World) -> Iterator[str]:
    """Each token, each revocation, and whoever came and went has one row in the trail, and nothing else has."""
    tokens = world.look(world.aws.tokens.list_tokens)
    revoked = [token for token in tokens if token.revoked_at_ms is not None]
    page = world.look(lambda: world.processes.list_audit(DEFAULT_TENANT, limit=100))
    told = Counter((event.action, event.target) for event in page.events)
    there = Counter(("token.created", f"token:{token.token_id}") for token in tokens)
    there.update(("token.revoked", f"token:{token.token_id}") for token in revoked)
    sessions = {f"session:{session.digest[:NAMED_BY]}" for session in world.kept.sessions()}
    ended = {target for action, target in told if action == SESSION_ENDED}
    there.update((SESSION_CREATED, target) for target in sessions | ended)
    there.update((SESSION_ENDED, target) for target in ended)
    if told != there or sessions & ended:
        yield f"the trail tells of {dict(told)}; there are {dict(there)}"
    if len(revoked) != 1:
        yield f"{len(revoked)} tokens are revoked"
    if len(ended) != 1:
        yield f"{len(ended)} sessions were ended by whoever signed out"


ACCESS_FLOWS = tuple(
    Flow(f"access_{strikes}", _come_and_go, strikes=strikes)
    for strikes in ("IssueToken", "SignIn", "ReadSession", "SignOut", "RevokeToken", "ReadConfiguration", "ListAudit")
)
