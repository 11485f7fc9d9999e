"""Senders' signatures: what their own libraries sign is accepted, what was published too, and nothing else."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, get_args, override

import pytest
from hypothesis import given
from hypothesis import strategies as st
from slack_sdk.signature import Clock, SignatureVerifier
from standardwebhooks import Webhook, WebhookVerificationError
from stripe import SignatureVerificationError, WebhookSignature

from tests.support.senders import (
    BODIES,
    OTHER_SECRETS,
    SECRETS,
    STANDARD_SECRET,
    TIMED,
    flipped,
    flips_of_text,
    signed_by,
)
from workerflow.domain.refusals import EventIdMalformedError
from workerflow.domain.route import Authentication
from workerflow.domain.sender_call import (
    MAX_SIGNATURE_CHARACTERS,
    MAX_SIGNATURES,
    SenderCall,
    claimed_parts,
    event_key,
    handshake_answer,
    verify_sender,
)
from workerflow.domain.senders import SENDERS, Part
from workerflow.domain.signature import LIVE_SECRETS, TOLERANCE_SECONDS, with_decoys

NOW = 1_764_000_000
SLACK_FORM = (
    b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V"
    b"&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text="
    b"&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
    b"&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
)
every_sender = pytest.mark.parametrize("name", SENDERS)
every_timed_sender = pytest.mark.parametrize("name", TIMED)


def verdict(
    name: str,
    headers: Mapping[str, str],
    body: bytes | None = None,
    *secrets: str,
    now: float = NOW,
) -> str:
    sender = SENDERS[name]
    looked_at = {header: headers[header] for header in sender.headers if header in headers}
    call = SenderCall(sender, "hook", looked_at, BODIES[name] if body is None else body)
    return verify_sender(secrets or (SECRETS[name],), call, now_seconds=now).value


def test_every_sender_that_a_route_can_name_is_there() -> None:
    assert set(SENDERS) == set(get_args(Authentication)) - {"any", "signature", "token"}
    headers = [header for sender in SENDERS.values() for header in sender.headers]
    assert len(set(headers)) == len(headers)
    assert all(header == header.lower() for header in headers)


# Published vectors --------------------------------------------------------------------------------------------------


def test_githubs_documented_vector_is_accepted() -> None:
    """Source: GitHub, "Validating webhook deliveries", "Testing the webhook payload validation"."""
    headers = {"x-hub-signature-256": "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"}
    assert verdict("github", headers, b"Hello, World!", "It's a Secret to Everybody") == "valid"


def test_slacks_documented_vector_is_accepted_at_its_time() -> None:
    """Source: Slack, "Verifying requests from Slack"."""
    headers = {
        "x-slack-request-timestamp": "1531420618",
        "x-slack-signature": "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
    }
    secret = "8f742231b10e8888abcd99yyyzzz85a5"
    assert verdict("slack", headers, SLACK_FORM, secret, now=1531420618) == "valid"
    assert verdict("slack", headers, SLACK_FORM, secret) == "signature_timestamp_skew"


def test_the_vector_of_the_reference_implementations_of_standard_webhooks_is_accepted() -> None:
    """Source: github.com/standard-webhooks/standard-webhooks, the tests of its libraries."""
    headers = {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    assert verdict("standard-webhooks", headers, b'{"test": 2432232314}', STANDARD_SECRET, now=1614265330) == "valid"


# Their libraries ----------------------------------------------------------------------------------------------------


class ClockAtNow(Clock):
    @override
    def now(self) -> float:
        return NOW


def standard_accepts(headers: Mapping[str, str], body: bytes) -> bool:
    """By the library's own check but for its clock, which cannot be set: the signature of the time that is claimed."""
    claimed = datetime.fromtimestamp(float(headers["webhook-timestamp"]), UTC)
    expected = Webhook(SECRETS["standard-webhooks"]).sign(headers["webhook-id"], claimed, body.decode())
    return expected in headers["webhook-signature"].split(" ")


def stripe_accepts(headers: Mapping[str, str], body: bytes) -> bool:
    try:
        return bool(WebhookSignature.verify_header(body, headers["stripe-signature"], SECRETS["stripe"]))
    except SignatureVerificationError:
        return False


def slack_accepts(headers: Mapping[str, str], body: bytes) -> bool:
    return SignatureVerifier(SECRETS["slack"], ClockAtNow()).is_valid_request(body, dict(headers))


LIBRARIES: Mapping[str, Callable[[Mapping[str, str], bytes], bool]] = {
    "standard-webhooks": standard_accepts,
    "stripe": stripe_accepts,
    "slack": slack_accepts,
}


@every_sender
@pytest.mark.parametrize(
    "body", [b"", b"{}", "Zoë 😀".encode(), b"x" * 100_000], ids=["empty", "small", "utf8", "large"]
)
def test_what_a_senders_library_signs_is_accepted(name: str, body: bytes) -> None:
    assert verdict(name, signed_by(name, at=NOW, body=body), body) == "valid"


@every_timed_sender
def test_what_we_accept_its_library_accepts_and_what_it_refuses_we_refuse(name: str) -> None:
    body = BODIES[name]
    accepted = [NOW - TOLERANCE_SECONDS, NOW, NOW + TOLERANCE_SECONDS]
    for at in accepted:
        headers = signed_by(name, at=at)
        assert verdict(name, headers) == "valid"
        assert LIBRARIES[name](headers, body)
    refused = [signed_by(name, at=NOW, secret=OTHER_SECRETS[name]), signed_by(name, at=NOW, body=b"[]")]
    for headers in refused:
        assert not LIBRARIES[name](headers, body)
        assert verdict(name, headers) == "signature_mismatch"


def test_the_library_of_standard_webhooks_accepts_at_the_present_what_we_accept() -> None:
    now = int(datetime.now(UTC).timestamp())
    headers = signed_by("standard-webhooks", at=now)
    Webhook(STANDARD_SECRET).verify(BODIES["standard-webhooks"], headers)
    assert verdict("standard-webhooks", headers, now=now) == "valid"
    with pytest.raises(WebhookVerificationError):
        Webhook(STANDARD_SECRET).verify(b"{}", headers)


def test_bytes_that_are_no_text_are_signed_as_they_are() -> None:
    body = b'{"a":"\xff\xfe"}'
    signature = hmac.digest(SECRETS["github"].encode(), body, "sha256").hex()
    assert verdict("github", {"x-hub-signature-256": f"sha256={signature}"}, body) == "valid"


# Nothing else -------------------------------------------------------------------------------------------------------


@every_sender
def test_every_single_bit_of_the_body_counts(name: str) -> None:
    headers, body = signed_by(name, at=NOW), BODIES[name]
    found = {verdict(name, headers, flipped(body, bit)) for bit in range(len(body) * 8)}
    assert found == {"signature_mismatch"}


@every_sender
def test_every_single_bit_of_every_header_counts(name: str) -> None:
    headers = signed_by(name, at=NOW)
    for header in SENDERS[name].headers:
        for changed in flips_of_text(headers[header]):
            assert verdict(name, headers | {header: changed}) != "valid", (header, changed)


@every_sender
def test_another_secret_refuses(name: str) -> None:
    headers = signed_by(name, at=NOW)
    assert verdict(name, headers, None, OTHER_SECRETS[name]) == "signature_mismatch"
    assert verdict(name, headers, None, OTHER_SECRETS[name], SECRETS[name]) == "valid"


@every_sender
def test_without_a_secret_nothing_is_valid_not_even_a_decoy(name: str) -> None:
    sender = SENDERS[name]
    call = SenderCall(sender, "hook", signed_by(name, at=NOW), BODIES[name])
    assert verify_sender((), call, now_seconds=NOW).value == "signature_mismatch"
    (decoy, _) = with_decoys(())
    assert isinstance(decoy, bytes)
    text = f"whsec_{base64.b64encode(decoy).decode()}" if sender.secret_prefix else decoy.decode()
    forged = SenderCall(sender, "hook", signed_by(name, at=NOW, secret=text), BODIES[name])
    assert verify_sender((text,), forged, now_seconds=NOW).value == "valid"
    assert verify_sender((), forged, now_seconds=NOW).value == "signature_mismatch"
    assert verify_sender((SECRETS[name],), forged, now_seconds=NOW).value == "signature_mismatch"


@every_timed_sender
@pytest.mark.parametrize("distance", [-TOLERANCE_SECONDS - 1, TOLERANCE_SECONDS + 1, -(10**8), 10**9])
def test_a_timestamp_beyond_the_tolerance_is_refused_in_both_directions(name: str, distance: int) -> None:
    assert verdict(name, signed_by(name, at=NOW + distance)) == "signature_timestamp_skew"


TIMESTAMPS = ["", " ", "now", "-1764000000", "+1764000000", "1764000000.0", "1_764_000_000", "0x69242a00", "1e9", "NaN"]
TIMESTAMPS += [
    "١٧٦٤٠٠٠٠٠٠",
    "\N{FULLWIDTH DIGIT ONE}764000000",
    "01764000000",
    " 1764000000",
    "1764000000 ",
    "1764000000\n",
    "1764000000\x00",
]
TIMESTAMPS += ["9" * 13, "9" * 4000, "Infinity", "1764000000;"]


@every_timed_sender
@pytest.mark.parametrize("timestamp", TIMESTAMPS, ids=ascii)
def test_a_timestamp_is_ascii_digits_and_nothing_else(name: str, timestamp: str) -> None:
    headers = signed_by(name, at=NOW)
    if name == "stripe":
        headers["stripe-signature"] = headers["stripe-signature"].replace(f"t={NOW}", f"t={timestamp}")
    else:
        headers[str(SENDERS[name].timestamp_header)] = timestamp
    assert verdict(name, headers) in {"signature_timestamp_malformed", "signature_malformed"}


def headers_of(name: str, signature: str) -> dict[str, str]:
    return signed_by(name, at=NOW) | {SENDERS[name].signature_header: signature}


HEX, BASE64 = "0" * 64, base64.b64encode(bytes(32)).decode()
JUNK = [
    "",
    " ",
    ",",
    "=",
    "a",
    "é",
    "\x00",
    "\ud800",
    "x" * 100_000,
    "v1",
    "v1=",
    "v1,",
    "v0=",
    "sha256=",
    "t=1,v1=",
    "==,,==",
]
MALFORMED: Mapping[str, list[str]] = {
    "standard-webhooks": [
        BASE64,
        f"v1, {BASE64}",
        f"v1={BASE64}",
        f"V1,{BASE64}",
        f" v1,{BASE64}",
        f"v1,{BASE64} ",
        f"v1,{BASE64}  v1,{BASE64}",
        f"v1,{BASE64},v1,{BASE64}",
        f"v1,{BASE64[:-1]}",
        f"v1,{BASE64[:-2]}B=",
        f"v1,{BASE64[:-4]}",
        f"v1a,{BASE64}",
        f"v1a,{BASE64} v2,{BASE64}",
        f"v1,{BASE64} v1,nonsense",
        "v1,AAAA,BBBB",
        f"v1,{HEX}",
    ],
    "github": [
        HEX,
        f"sha1={'0' * 40}",
        f"sha256={'0' * 63}",
        f"sha256={HEX}0",
        f"sha256={'A' * 64}",
        f"SHA256={HEX}",
        f"sha256=sha256={HEX}",
        f"sha256={HEX} ",
        f"sha256= {HEX}",
        f"sha256={'g' * 64}",
        f"sha256={BASE64}",
    ],
    "stripe": [
        f"t={NOW}",
        f"t={NOW},v0={HEX}",
        f"v1={HEX[:-1]},t={NOW}",
        f"t={NOW}, v1={HEX}",
        f"t={NOW},v1={HEX},",
        f"t={NOW},v1={HEX},v1=nonsense",
        f"t={NOW},v1=={HEX}",
        f"t={NOW};v1={HEX}",
        f"t={NOW},v1={HEX.upper()}g",
    ],
    "slack": [HEX, f"v1={HEX}", f"v0={HEX[:-1]}", f"v0={HEX}0", f"v0={'A' * 64}", f"v0:{HEX}", f"v0={HEX},v0={HEX}"],
    "shopify": [
        HEX,
        BASE64[:-1],
        BASE64[:-4],
        f"{BASE64[:-2]}B=",
        f"{BASE64}=",
        f" {BASE64}",
        f"sha256={BASE64}",
        BASE64.replace("A", "-", 1),
        BASE64.replace("=", "%3D"),
    ],
}


@pytest.mark.parametrize(
    ("name", "signature"),
    [(name, text) for name in SENDERS for text in [*JUNK, *MALFORMED[name]]],
    ids=lambda one: ascii(one)[:60],
)
def test_a_malformed_signature_is_told_so_and_never_raises(name: str, signature: str) -> None:
    assert verdict(name, headers_of(name, signature)) == "signature_malformed"


@given(st.sampled_from(sorted(SENDERS)), st.text(), st.text(), st.text())
def test_no_text_whatever_makes_the_check_raise_or_accept(
    name: str, signature: str, timestamp: str, event: str
) -> None:
    sender = SENDERS[name]
    headers = {sender.signature_header: signature}
    headers |= dict(zip(sender.unsigned_alone, (timestamp, event), strict=False))
    assert verdict(name, headers) != "valid"


def test_a_timestamp_stands_in_stripes_header_exactly_once() -> None:
    header = signed_by("stripe", at=NOW)["stripe-signature"]
    for text in (header.partition(",")[2], f"t={NOW},{header}", f"{header},t={NOW + 1}"):
        assert verdict("stripe", {"stripe-signature": text}) == "signature_timestamp_malformed"


@every_timed_sender
def test_what_is_signed_beside_the_body_may_not_be_left_out(name: str) -> None:
    headers = signed_by(name, at=NOW)
    for left_out in SENDERS[name].unsigned_alone:
        less = {header: value for header, value in headers.items() if header != left_out}
        assert verdict(name, less) in {"signature_malformed", "signature_timestamp_malformed"}


# Rotation: several signatures, several secrets ----------------------------------------------------------------------


def rotating(name: str, *secrets: str) -> dict[str, str]:
    """Signed by all `secrets`, as the two senders do that put several signatures into one header."""
    each = [signed_by(name, at=NOW, secret=secret) for secret in secrets]
    header = SENDERS[name].signature_header
    if name == "standard-webhooks":
        return each[0] | {header: " ".join(one[header] for one in each)}
    return {header: ",".join([f"t={NOW}", *(one[header].partition(",")[2] for one in each)])}


@pytest.mark.parametrize("name", ["standard-webhooks", "stripe"])
def test_one_valid_signature_among_several_is_enough(name: str) -> None:
    other, own = OTHER_SECRETS[name], SECRETS[name]
    for secrets in ((own, other), (other, own), (own, own), (*[other] * 7, own)):
        assert verdict(name, rotating(name, *secrets)) == "valid"
    assert verdict(name, rotating(name, other, other)) == "signature_mismatch"


@pytest.mark.parametrize("name", ["standard-webhooks", "stripe"])
def test_the_number_of_signatures_in_one_header_is_bounded(name: str) -> None:
    room = MAX_SIGNATURES - (name == "stripe")
    assert verdict(name, rotating(name, *[SECRETS[name]] * room)) == "valid"
    assert verdict(name, rotating(name, *[SECRETS[name]] * (room + 1))) == "signature_malformed"


def test_signatures_of_other_versions_are_passed_over_and_never_enough() -> None:
    """Source: the example of the Standard Webhooks specification has `v1` beside `v1a`; Stripe's documents `v0`."""
    headers = signed_by("standard-webhooks", at=NOW)
    asymmetric = "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg=="
    both = f"{asymmetric} {headers['webhook-signature']}"
    assert verdict("standard-webhooks", headers | {"webhook-signature": both}) == "valid"
    assert verdict("standard-webhooks", headers | {"webhook-signature": asymmetric}) == "signature_malformed"
    header = signed_by("stripe", at=NOW)["stripe-signature"]
    assert verdict("stripe", {"stripe-signature": f"{header},v0={HEX}"}) == "valid"
    assert verdict("stripe", {"stripe-signature": header.replace("v1=", "v0=")}) == "signature_malformed"


def test_a_header_longer_than_any_senders_is_not_taken_apart() -> None:
    header = signed_by("stripe", at=NOW)["stripe-signature"]
    long = f"{header},{','.join(f'v0={HEX * 4}' for _ in range(8))}"
    assert len(long) > MAX_SIGNATURE_CHARACTERS
    assert verdict("stripe", {"stripe-signature": long}) == "signature_malformed"


# Secrets ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("secret", [STANDARD_SECRET.removeprefix("whsec_"), STANDARD_SECRET.rstrip("=")])
def test_a_standard_secret_is_base64_with_or_without_its_prefix_and_padding(secret: str) -> None:
    assert verdict("standard-webhooks", signed_by("standard-webhooks", at=NOW), None, secret) == "valid"


@pytest.mark.parametrize(
    "secret", ["whsec_not base64 at all", "whsec_äöüäöüäöüäöü", "whsec_AAAAAAAAAAAA", "whpk_" + "A" * 43]
)
def test_a_standard_secret_that_is_none_lets_nobody_in(secret: str) -> None:
    assert SENDERS["standard-webhooks"].key_bytes(secret) is None
    assert verdict("standard-webhooks", signed_by("standard-webhooks", at=NOW), None, secret) == "signature_mismatch"


def test_stripes_secret_is_its_whole_text() -> None:
    assert SENDERS["stripe"].key_bytes("whsec_abcdefghijklmnop") == b"whsec_abcdefghijklmnop"


@every_sender
def test_the_work_is_the_same_however_many_secrets_there_are(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted: MACs made, and comparisons; a route or tenant without secrets is not told by its time."""
    made: list[str] = []

    def counted(what: str, work: Callable[..., Any]) -> Callable[..., Any]:
        def call_it(*given: Any) -> Any:
            made.append(what)
            return work(*given)

        return call_it

    rotated = name in ("standard-webhooks", "stripe")
    headers = rotating(name, *[OTHER_SECRETS[name]] * 3) if rotated else signed_by(name, at=NOW)
    sender = SENDERS[name]
    call = SenderCall(sender, "hook", {one: headers[one] for one in sender.headers}, BODIES[name])
    monkeypatch.setattr(hmac, "digest", counted("mac", hmac.digest))
    monkeypatch.setattr(hmac, "compare_digest", counted("comparison", hmac.compare_digest))
    seen = set()
    for secrets in ((), (SECRETS[name],), (SECRETS[name], OTHER_SECRETS[name]), (OTHER_SECRETS[name], SECRETS[name])):
        made.clear()
        verify_sender(secrets, call, now_seconds=NOW)
        seen.add(tuple(made))
    assert len(seen) == 1
    assert seen.pop().count("mac") == LIVE_SECRETS


# The parts cannot be moved against one another ----------------------------------------------------------------------


def test_an_id_cannot_swallow_the_timestamp_and_the_timestamp_nothing_of_the_body() -> None:
    """Signed: `msg_1.1764000000.1764000001.5`: a body that is a number must not become another call's timestamp."""
    body = b"1764000001.5"
    headers = signed_by("standard-webhooks", at=NOW, body=body)
    moved = headers | {"webhook-id": f"msg_1.{NOW}", "webhook-timestamp": "1764000001"}
    assert verdict("standard-webhooks", headers, body) == "valid"
    assert verdict("standard-webhooks", moved, b"5") == "signature_malformed"


# Which event it is --------------------------------------------------------------------------------------------------


def call_of(name: str, body: bytes = b"", **headers: str) -> SenderCall:
    return SenderCall(SENDERS[name], "hook", {key.replace("_", "-"): value for key, value in headers.items()}, body)


def test_the_key_is_what_the_sender_signs_as_the_events_id() -> None:
    assert event_key(call_of("standard-webhooks", webhook_id="msg_1"), {"id": "x"}) == "msg_1"
    assert event_key(call_of("stripe"), {"id": "evt_1", "event_id": "x"}) == "evt_1"
    assert event_key(call_of("slack"), {"event_id": "Ev1", "id": "x"}) == "Ev1"


@pytest.mark.parametrize("name", ["github", "shopify"])
def test_the_key_of_a_sender_that_signs_the_body_alone_is_the_bodys_digest(name: str) -> None:
    one, other = call_of(name, b"{}"), call_of(name, b"{ }")
    assert event_key(one, {}) == "sha256-44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    assert event_key(other, {}) != event_key(one, {})


NO_IDS: list[Any] = [None, 1, "", " ", "a b", "ä", "x" * 256, ["evt_1"], {"id": "evt_1"}, True, "evt_1\n"]


@pytest.mark.parametrize("name", ["stripe", "slack"])
@pytest.mark.parametrize("event_id", NO_IDS, ids=ascii)
def test_a_body_that_does_not_name_its_event_is_refused(name: str, event_id: Any) -> None:
    field = str(SENDERS[name].id_field)
    documents: list[Any] = [{field: event_id}, {}, [], "text", None, 1]
    for document in documents:
        with pytest.raises(EventIdMalformedError, match=field):
            event_key(call_of(name), document)


# Handshake ----------------------------------------------------------------------------------------------------------

ASKED = {"token": "t", "type": "url_verification", "challenge": "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P"}


def test_slacks_challenge_is_given_back() -> None:
    """Source: Slack, "url_verification event"."""
    assert handshake_answer(SENDERS["slack"], ASKED) == {"challenge": ASKED["challenge"]}


@pytest.mark.parametrize(
    "change", [{"type": "event_callback"}, {"challenge": 1}, {"challenge": ""}, {"challenge": "x" * 2000}]
)
def test_what_is_no_challenge_is_not_answered_as_one(change: dict[str, Any]) -> None:
    assert handshake_answer(SENDERS["slack"], ASKED | change) is None
    assert handshake_answer(SENDERS["slack"], [ASKED]) is None


def test_no_other_sender_has_a_handshake() -> None:
    assert [name for name in SENDERS if handshake_answer(SENDERS[name], ASKED)] == ["slack"]


# For operators ------------------------------------------------------------------------------------------------------


def test_what_was_claimed_can_be_told_without_the_signature() -> None:
    assert claimed_parts(SenderCall(SENDERS["stripe"], "hook", signed_by("stripe", at=NOW), b"")) == {
        Part.ID: "",
        Part.TIMESTAMP: str(NOW),
    }
    standard = SenderCall(SENDERS["standard-webhooks"], "hook", signed_by("standard-webhooks", at=NOW), b"")
    assert claimed_parts(standard) == {Part.ID: "msg_1", Part.TIMESTAMP: str(NOW)}
    assert claimed_parts(call_of("github", x_hub_signature_256="junk")) == {Part.ID: "", Part.TIMESTAMP: ""}


def test_no_header_or_body_shows_in_a_representation() -> None:
    headers = signed_by("github", at=NOW)
    shown = repr(SenderCall(SENDERS["github"], "hook", headers, b"body of the call"))
    assert headers["x-hub-signature-256"].removeprefix("sha256=") not in shown
    assert "body of the call" not in shown
