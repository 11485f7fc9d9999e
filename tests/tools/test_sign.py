"""The signing client makes what ingress accepts."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.sign import main, signed_headers
from workerflow.domain.signature import SignatureVerdict, SignedCall, verify

SECRET = "a signing secret of some length"


def verdict(headers: dict[str, str], *, method: str, path: str, key: str, body: bytes, tenant: str) -> SignatureVerdict:
    timestamp = headers["x-signature-timestamp"]
    call = SignedCall(timestamp=timestamp, method=method, path=path, query="", tenant=tenant, key=key, body=body)
    return verify([SECRET], call, headers["x-signature"], now_seconds=float(timestamp))


def test_a_signed_post_is_valid() -> None:
    headers = signed_headers(SECRET, method="POST", path="/api/webhook_echo", key="k-1", body=b"{}")
    assert headers["idempotency-key"] == "k-1"
    assert "x-tenant-id" not in headers
    checked = verdict(headers, method="POST", path="/api/webhook_echo", key="k-1", body=b"{}", tenant="default")
    assert checked is SignatureVerdict.VALID


def test_another_tenant_is_named_and_signed() -> None:
    headers = signed_headers(
        SECRET, method="GET", path="/api/runs/x", key="", body=b"", tenant="acme", at_seconds=1 << 30
    )
    assert headers["x-tenant-id"] == "acme"
    assert "idempotency-key" not in headers
    checked = verdict(headers, method="GET", path="/api/runs/x", key="", body=b"", tenant="acme")
    assert checked is SignatureVerdict.VALID


def test_the_command_prints_headers_for_curl(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "body.json").write_bytes(b'{"a": 1}')
    monkeypatch.setenv("WORKERFLOW_SIGNING_SECRET", SECRET)
    assert main(["--path", "/api/webhook_echo", "--key", "k", str(tmp_path / "body.json")]) == 0
    headers = dict(line.split(": ", 1) for line in capsys.readouterr().out.splitlines())
    checked = verdict(headers, method="POST", path="/api/webhook_echo", key="k", body=b'{"a": 1}', tenant="default")
    assert checked is SignatureVerdict.VALID


def test_without_a_secret_the_command_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("WORKERFLOW_SIGNING_SECRET", raising=False)
    with pytest.raises(SystemExit):
        main(["--path", "/api/webhook_echo"])
    assert "WORKERFLOW_SIGNING_SECRET is not set" in capsys.readouterr().err
