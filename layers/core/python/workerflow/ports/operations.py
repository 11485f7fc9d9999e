"""What operators do and by what right: their orders by key, tokens, sessions, bulk jobs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from workerflow.domain.access import Session, Token
from workerflow.domain.access_keys import AccessKeys
from workerflow.domain.audit import AuditEvent
from workerflow.domain.bulk import BulkJob
from workerflow.domain.operation import Operation, OperationKey
from workerflow.ports.stores import Conflict, Newest, Written


class OperationStore(Protocol):
    """Operators' orders that were carried out, by their keys.

    They are written by whatever store carries an order out, with its audit event: see AuditEvent.operation.
    """

    def find(self, tenant: str, key: OperationKey, *, now_ms: int) -> Operation | None:
        """What stands under the key of a token, strongly; an expired one is absent. It may be of another order."""

    def record(self, event: AuditEvent) -> None:
        """Write an order that changed nothing: its audit event and its operation.

        Raises:
            OperationRepeatedError: another order was faster with this key.
        """


class AccessKeySource(Protocol):
    """The keys behind tokens, sessions, forms and cursors. Without them nobody gets in."""

    def read(self) -> AccessKeys | None:
        """The keys; None if there are none, which is told as a fault.

        Raises:
            StoreUnavailableError: unknown; ask again.
        """

    def refresh(self) -> AccessKeys | None:
        """The same after a failed check: read again, unless that was done a moment ago."""


class TokenStore(Protocol):
    """Tokens, by id."""

    def get_token(self, token_id: str) -> Token | None:
        """Read one strongly, so that a revocation holds at once."""

    def list_tokens(self) -> Sequence[Token]:
        """All tokens, the expired and revoked ones that are still kept among them, by id. Strong."""

    def add_token(self, token: Token, audit: AuditEvent) -> Written | Conflict[Token]:
        """Write a new token with its audit event in one transaction; a Conflict tells whose the id is already."""

    def revoke_token(self, token: Token, audit: AuditEvent) -> Written | Conflict[Token]:
        """Write when a token was revoked, with the audit event in one transaction.

        Args:
            token: with the time of its revocation.
            audit: its nonce tells the write from another's.

        Returns:
            Written, or a Conflict with the token that was revoked before, with None if there is no such token.
        """


class SessionStore(Protocol):
    """Browsers' sessions, by the digest of their cookie."""

    def get_session(self, digest: str) -> Session | None:
        """Read one strongly."""

    def add_session(self, session: Session, audit: AuditEvent) -> None:
        """Write a new session with its audit event in one transaction."""

    def touch_session(self, session: Session) -> None:
        """Write the last use of a session. One that was deleted meanwhile stays deleted."""

    def end_session(self, digest: str, audit: AuditEvent) -> None:
        """Forget a session, with the audit event in one transaction; of one that is gone already nothing is told."""


class BulkStore(Protocol):
    """Bulk jobs. Reads are strong."""

    def get_job(self, tenant: str, job_id: str) -> BulkJob | None:
        """Read one job."""

    def list_jobs(self, tenant: str, *, before: str, limit: int) -> Newest[BulkJob]:
        """At most `limit` (one or more) jobs of a tenant with ids before `before` ("" begins at the newest)."""

    def list_running(self, limit: int) -> Sequence[tuple[str, str]]:
        """Tenant and id of at most `limit` jobs that are at work, of all tenants, oldest first."""

    def write_job(self, job: BulkJob, audit: AuditEvent | None = None) -> Written | Conflict[BulkJob]:
        """Write the job's next version (version 1 where there is none).

        Args:
            job: the next version.
            audit: of the order that it comes from, or of its end; written in the same transaction, as is whether the
                job is at work. Without it the state stays as it was.

        Raises:
            OperationRepeatedError: another order was faster with the audit event's key.
        """
