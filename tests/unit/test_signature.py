"""WorkerFlow signature v1: what it covers, and that nothing else gets through."""

from __future__ import annotations

import dataclasses
import hashlib
import hmac
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workerflow.domain.errors import InvalidIdentifierError
from workerflow.domain.signature import (
    LIVE_SECRETS,
    TOLERANCE_SECONDS,
    SignatureVerdict,
    SignedCall,
    sign,
    verify,
    with_decoys,
)

NOW = 1_764_000_000
SECRET = b"a secret that is long enough to be one"
CALL = SignedCall(
    timestamp=str(NOW),
    method="POST",
    path="/api/webhook_echo",
    query="",
    tenant="default",
    key="order-4711",
    body=b'{"hello":"world"}',
)

keys = st.text(alphabet=st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=255)
calls = st.builds(
    SignedCall,
    timestamp=st.integers(min_value=NOW - TOLERANCE_SECONDS, max_value=NOW + TOLERANCE_SECONDS).map(str),
    method=st.sampled_from(["POST", "GET"]),
    path=st.from_regex(r"/api/[a-z][a-z0-9_]{0,20}", fullmatch=True),
    query=st.just(""),
    tenant=st.from_regex(r"[a-z0-9][a-z0-9-]{0,20}", fullmatch=True),
    key=keys,
    body=st.binary(max_size=200),
)


def check(call: SignedCall, signature: str, *, now: float = NOW, secrets: tuple[bytes, ...] = (SECRET,)) -> str:
    return verify(secrets, call, signature, now_seconds=now)


def test_the_signed_message_is_eight_lines_joined_by_line_feeds() -> None:
    digest = hashlib.sha256(CALL.body).hexdigest()
    assert CALL.message() == (
        b"workerflow-v1\n1764000000\nPOST\n/api/webhook_echo\n\ndefault\norder-4711\n" + digest.encode()
    )


def test_a_signature_is_the_hex_hmac_sha256_of_the_message() -> None:
    assert sign(SECRET, CALL) == "v1=" + hmac.new(SECRET, CALL.message(), hashlib.sha256).hexdigest()


def test_a_text_secret_stands_for_its_utf8_bytes() -> None:
    assert sign("schlüssel", CALL) == sign("schlüssel".encode(), CALL)


@given(calls, st.binary(min_size=1, max_size=64))
def test_what_was_signed_verifies(call: SignedCall, secret: bytes) -> None:
    assert check(call, sign(secret, call), secrets=(secret,)) == SignatureVerdict.VALID


@given(calls, st.integers(min_value=0, max_value=255))
def test_a_signature_with_one_bit_flipped_is_refused(call: SignedCall, bit: int) -> None:
    raw = bytearray.fromhex(sign(SECRET, call)[3:])
    raw[bit // 8] ^= 1 << (bit % 8)
    assert check(call, f"v1={raw.hex()}") == SignatureVerdict.MISMATCH


@given(calls.filter(lambda call: call.body != b""), st.data())
def test_a_body_with_one_bit_flipped_is_refused(call: SignedCall, data: st.DataObject) -> None:
    bit = data.draw(st.integers(min_value=0, max_value=len(call.body) * 8 - 1))
    body = bytearray(call.body)
    body[bit // 8] ^= 1 << (bit % 8)
    assert check(dataclasses.replace(call, body=bytes(body)), sign(SECRET, call)) == SignatureVerdict.MISMATCH


@given(calls, calls)
def test_a_signature_is_good_for_no_other_call(one: SignedCall, other: SignedCall) -> None:
    expected = SignatureVerdict.VALID if one == other else SignatureVerdict.MISMATCH
    assert check(other, sign(SECRET, one)) == expected


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("timestamp", str(NOW + 1)),
        ("method", "PUT"),
        ("path", "/api/payload_hash"),
        ("query", "a=1"),
        ("tenant", "other"),
        ("key", "order-4712"),
        ("body", b'{"hello":"World"}'),
    ],
)
def test_every_field_is_covered(field: str, value: object) -> None:
    changed = dataclasses.replace(CALL, **{field: value})  # type: ignore[arg-type]
    assert check(changed, sign(SECRET, CALL)) == SignatureVerdict.MISMATCH


def test_text_cannot_be_moved_from_one_line_to_the_next() -> None:
    one = dataclasses.replace(CALL, tenant="ab", key="c")
    other = dataclasses.replace(CALL, tenant="a", key="bc")
    assert one.message() != other.message()


@pytest.mark.parametrize("field", ["method", "path", "query", "tenant", "key"])
@pytest.mark.parametrize("text", ["a\nb", "a\rb", "a\n", "é", "\x00"])
def test_a_field_that_could_end_a_line_is_neither_signed_nor_accepted(field: str, text: str) -> None:
    call = dataclasses.replace(CALL, **{field: text})  # type: ignore[arg-type]
    with pytest.raises(InvalidIdentifierError):
        sign(SECRET, call)
    assert check(call, "v1=" + "0" * 64) == SignatureVerdict.MISMATCH


@pytest.mark.parametrize("distance", [-TOLERANCE_SECONDS, 0, TOLERANCE_SECONDS])
def test_a_timestamp_within_the_tolerance_is_accepted(distance: int) -> None:
    assert check(CALL, sign(SECRET, CALL), now=NOW + distance) == SignatureVerdict.VALID


@pytest.mark.parametrize("distance", [-TOLERANCE_SECONDS - 1, TOLERANCE_SECONDS + 1, TOLERANCE_SECONDS + 0.001])
def test_a_timestamp_outside_the_tolerance_is_refused_in_both_directions(distance: float) -> None:
    assert check(CALL, sign(SECRET, CALL), now=NOW + distance) == SignatureVerdict.TIMESTAMP_SKEW


@pytest.mark.parametrize(
    "timestamp",
    ["", "0", "0764000000", "176400000", "1764000000000", "1764000000.0", "+1764000000", "1764000000 ", "1764000000\n",
     "١٧٦٤٠٠٠٠٠٠", "1_764_000_000", "nan", "1e9"],
)  # fmt: skip
def test_a_timestamp_is_ten_to_twelve_ascii_digits(timestamp: str) -> None:
    call = dataclasses.replace(CALL, timestamp=timestamp)
    assert check(call, "v1=" + "0" * 64) == SignatureVerdict.TIMESTAMP_MALFORMED
    with pytest.raises(InvalidIdentifierError):
        sign(SECRET, call)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda _: "",
        lambda s: s[3:],
        lambda s: s.upper(),
        lambda s: "v1=" + s[3:].upper(),
        lambda s: "v2=" + s[3:],
        lambda s: s + "0",
        lambda s: s[:-1],
        lambda s: s + "\n",
        lambda s: " " + s,
        lambda s: s + "," + s,
        lambda s: s[:-1] + "é",
        lambda s: s[:-1] + "٣",
    ],
)
def test_a_signature_is_v1_and_64_lower_case_hex_digits(spoil: object) -> None:
    assert callable(spoil)
    assert check(CALL, spoil(sign(SECRET, CALL))) == SignatureVerdict.MALFORMED


@given(st.text(), st.text(), st.text(), st.text(), st.text(), st.text(), st.text())
def test_no_call_whatever_is_in_it_makes_verify_raise(
    timestamp: str, method: str, path: str, query: str, tenant: str, key: str, signature: str
) -> None:
    call = SignedCall(timestamp, method, path, query, tenant, key, b"")
    assert check(call, signature) != SignatureVerdict.VALID
    assert check(dataclasses.replace(call, timestamp=str(NOW)), "v1=" + "0" * 64) == SignatureVerdict.MISMATCH


def test_both_live_secrets_are_accepted_and_a_retired_one_is_not() -> None:
    current, previous, retired = b"current", b"previous", b"retired"
    live = (current, previous)
    assert check(CALL, sign(current, CALL), secrets=live) == SignatureVerdict.VALID
    assert check(CALL, sign(previous, CALL), secrets=live) == SignatureVerdict.VALID
    assert check(CALL, sign(retired, CALL), secrets=live) == SignatureVerdict.MISMATCH


@pytest.mark.parametrize("live", [(), (b"current",), (b"current", b"previous")])
def test_a_decoy_lets_nobody_in(live: tuple[bytes, ...]) -> None:
    for decoy in with_decoys(()):
        assert check(CALL, sign(decoy, CALL), secrets=live) == SignatureVerdict.MISMATCH


@pytest.mark.parametrize("live", [(), (b"current",), (b"current", b"previous")])
def test_as_many_secrets_are_compared_whatever_exists(live: tuple[bytes, ...]) -> None:
    assert len(with_decoys(live)) == LIVE_SECRETS


def test_without_a_live_secret_nothing_is_accepted() -> None:
    assert check(CALL, sign(b"", CALL), secrets=()) == SignatureVerdict.MISMATCH


def test_a_signature_has_the_documented_shape() -> None:
    assert re.fullmatch(r"v1=[0-9a-f]{64}", sign(SECRET, CALL))
