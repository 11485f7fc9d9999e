"""What operators do and by what right: their orders by key, tokens, sessions, bulk jobs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from workerflow.domain.access import Session, Token
from workerflow.domain.audit import AuditEvent
from workerflow.domain.bulk import BulkJob
from workerflow.domain.operation import Operation, OperationKey
from workerflow.ports.stores import Conflict, Written


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


class TokenStore(Protocol):
    """Tokens, by id."""

    def get_token(self, token_id: str) -> Token | None:
        """Read one strongly, so that a revocation holds at once."""

    def list_tokens(self) -> Sequence[Token]:
        """All tokens, the expired and revoked ones that are still kept among them, by id. Strong."""

    def add_token(self, token: Token, audit: AuditEvent) -> None:
        """Write a new token with its audit event. Raises StoreUnavailableError."""

    def revoke_token(self, token: Token, audit: AuditEvent) -> None:
        """Write when a token was revoked, with the audit event."""


class SessionStore(Protocol):
    """Browsers' sessions, by the digest of their cookie."""

    def get_session(self, digest: str) -> Session | None:
        """Read one strongly."""

    def put_session(self, session: Session) -> None:
        """Write a session, over what stands there."""

    def delete_session(self, digest: str) -> None:
        """Forget a session; one that is gone already is none to worry about."""


class BulkStore(Protocol):
    """Bulk jobs. Reads are strong."""

    def get_job(self, tenant: str, job_id: str) -> BulkJob | None:
        """Read one job."""

    def list_jobs(self, tenant: str, *, before: str, limit: int) -> Sequence[BulkJob]:
        """At most `limit` jobs of a tenant with ids before `before` ("" begins at the newest), newest first."""

    def list_running(self, limit: int) -> Sequence[tuple[str, str]]:
        """Tenant and id of at most `limit` jobs that are at work, of all tenants, oldest first."""

    def write_job(self, job: BulkJob, audit: AuditEvent | None = None) -> Written | Conflict[BulkJob]:
        """Write the job's next version (version 1 where there is none), and whether it is at work.

        Args:
            job: the next version.
            audit: of the order that it comes from, or of its end; written in the same transaction.

        Raises:
            OperationRepeatedError: another order was faster with the audit event's key.
        """
