"""Against the senders' own libraries, through ingress as it is deployed: we agree, but where they are weak."""

from __future__ import annotations

import base64
import json
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from slack_sdk.signature import SignatureVerifier
from standardwebhooks import Webhook
from stripe import WebhookSignature

from tests.integration.ingress_world import SENDER_ROUTES, Answer, IngressWorld, ingress_world
from tests.support.senders import BODIES, OTHER_SECRETS, SECRETS, flipped, flips_of_text, signed_by
from tools.local.demo import EXAMPLES
from workerflow.domain.senders import SENDERS

ROOT = Path(__file__).parents[2]
NODE = ROOT / "node_modules" / ".bin" / "node"
OCTOKIT = """
import { sign, verify } from "@octokit/webhooks-methods";
let text = "";
for await (const chunk of process.stdin) text += chunk;
const answers = [];
for (const { secret, body, signature } of JSON.parse(text)) {
  let verified;
  try { verified = await verify(secret, body, signature); } catch (error) { verified = error.constructor.name; }
  answers.push({ signed: body ? await sign(secret, body) : null, verified });
}
console.log(JSON.stringify(answers));
"""


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[IngressWorld]:
    with ingress_world(monkeypatch, tmp_path) as made:
        yield made


def post(world: IngressWorld, name: str, headers: Mapping[str, str], body: bytes | None = None) -> Answer:
    body = BODIES[name] if body is None else body
    return world.send(world.event("POST", f"/api/{SENDER_ROUTES[name]}", body, headers, in_base64=not body.isascii()))


def now() -> int:
    return int(time.time())


# GitHub: @octokit/webhooks-methods ----------------------------------------------------------------------------------


def octokit(cases: list[dict[str, str]]) -> list[dict[str, Any]]:
    """What the library signs and verifies, for many cases in one process."""
    done = subprocess.run(
        [NODE, "--input-type=module", "-e", OCTOKIT],
        input=json.dumps(cases),
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    answers: list[dict[str, Any]] = json.loads(done.stdout)
    return answers


@pytest.mark.slow
def test_octokit_and_we_agree_about_every_call(world: IngressWorld) -> None:
    secret, body = SECRETS["github"], BODIES["github"].decode()
    bodies = [body, "{}", '{"name":"Zoë 😀"}', "[1]" + " " * 10_000]
    signatures = [signed_by("github", at=0, body=one.encode())["x-hub-signature-256"] for one in bodies]
    cases = [{"secret": secret, "body": one, "signature": two} for one, two in zip(bodies, signatures, strict=True)]
    good = cases[0]
    cases += [good | {"signature": text} for text in flips_of_text(good["signature"]) if text.isascii()]
    flips = [flipped(body.encode(), bit) for bit in range(len(body) * 8)]
    cases += [good | {"body": one.decode()} for one in flips if one.isascii()]
    cases += [good | {"secret": OTHER_SECRETS["github"]}, good | {"signature": "sha256="}, good | {"signature": ""}]
    for number, (case, theirs) in enumerate(zip(cases, octokit(cases), strict=True)):
        ours = post(world, "github", {"x-hub-signature-256": case["signature"]}, case["body"].encode())
        if number < len(bodies):
            assert theirs == {"signed": case["signature"], "verified": True}
            assert ours.status == 202
        elif case["secret"] == secret:
            assert theirs["verified"] in (False, "TypeError")
            assert ours.status == 401 or "," in case["signature"], case


@pytest.mark.slow
def test_octokit_raises_where_we_answer(world: IngressWorld) -> None:
    case = {"secret": SECRETS["github"], "body": BODIES["github"].decode(), "signature": ""}
    (theirs,) = octokit([case])
    assert theirs["verified"] == "TypeError"
    assert post(world, "github", {"x-hub-signature-256": ""}).code == "signature_malformed"


@pytest.mark.slow
def test_every_event_that_github_publishes_becomes_a_task_of_its_own(world: IngressWorld) -> None:
    events = json.loads(EXAMPLES.read_text())
    bodies = {json.dumps(example).encode() for event in events for example in event["examples"]}
    assert len(bodies) > 200
    for body in bodies:
        assert post(world, "github", signed_by("github", at=0, body=body), body).document["duplicate"] is False
    assert len(world.items("idempotency_keys")) == len(bodies)


# Shopify: openssl, as its documentation has no vector ---------------------------------------------------------------


@pytest.mark.parametrize("body", [BODIES["shopify"], b"{}", '{"name":"Zoë 😀"}'.encode()])
def test_what_openssl_signs_for_shopify_is_accepted(world: IngressWorld, body: bytes) -> None:
    done = subprocess.run(
        ["openssl", "dgst", "-sha256", "-hmac", SECRETS["shopify"], "-binary"],
        input=body,
        capture_output=True,
        check=True,
    )
    signature = base64.b64encode(done.stdout).decode()
    assert signed_by("shopify", at=0, body=body)["x-shopify-hmac-sha256"] == signature
    assert post(world, "shopify", {"x-shopify-hmac-sha256": signature}, body).status == 202


# Every single bit, through the door ---------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("name", SENDERS)
def test_every_single_bit_flip_is_refused(world: IngressWorld, name: str) -> None:
    headers, body = signed_by(name, at=now()), BODIES[name]
    signed = [header for header in SENDERS[name].headers if header in headers]
    calls = [(headers | {header: text}, body) for header in signed for text in flips_of_text(headers[header])]
    calls += [(headers, flipped(body, bit)) for bit in range(len(body) * 8)]
    for sent, changed in calls:
        answer = post(world, name, sent, changed)
        is_repeated = answer.code == "header_repeated" and any("," in sent[header] for header in signed)
        assert answer.status == 401 or is_repeated, (sent, changed)
        assert answer.code.startswith("signature_") or is_repeated
    assert world.nothing_was_written()
    assert post(world, name, headers).status == 202


# Where the libraries are weak ---------------------------------------------------------------------------------------


def stripe(body: bytes, headers: Mapping[str, str], secret: str) -> object:
    return WebhookSignature.verify_header(body, headers["stripe-signature"], secret, tolerance=300)


def slack(body: bytes, headers: Mapping[str, str], secret: str) -> object:
    return SignatureVerifier(secret).is_valid_request(body, dict(headers))


def standard(body: bytes, headers: Mapping[str, str], secret: str) -> object:
    Webhook(secret).verify(body, dict(headers), json_parse=False)
    return True


@pytest.mark.parametrize(
    ("name", "header", "value", "error", "code"),
    [
        ("slack", "x-slack-request-timestamp", "now", ValueError, "signature_timestamp_malformed"),
        ("slack", "x-slack-request-timestamp", "", ValueError, "signature_timestamp_malformed"),
        ("slack", "x-slack-request-timestamp", "9" * 5000, ValueError, "signature_timestamp_malformed"),
        ("slack", "x-slack-request-timestamp", "9" * 400, OverflowError, "signature_timestamp_malformed"),
        ("slack", "x-slack-signature", "v0=é", TypeError, "signature_malformed"),
        ("standard-webhooks", "webhook-signature", "junk", ValueError, "signature_malformed"),
        ("standard-webhooks", "webhook-signature", "v1,a,b", ValueError, "signature_malformed"),
        ("standard-webhooks", "webhook-signature", "v1,a", ValueError, "signature_malformed"),
    ],
)
def test_a_header_that_makes_a_library_raise_what_nobody_expects_is_a_401(
    world: IngressWorld, name: str, header: str, value: str, error: type[Exception], code: str
) -> None:
    libraries: Mapping[str, Callable[[bytes, Mapping[str, str], str], object]] = {
        "slack": slack,
        "standard-webhooks": standard,
    }
    headers = signed_by(name, at=now()) | {header: value}
    with pytest.raises(error):
        libraries[name](BODIES[name], headers, SECRETS[name])
    answer = post(world, name, headers)
    assert (answer.status, answer.code) == (401, code)


@pytest.mark.parametrize("ahead_seconds", [302, 3600, 10 * 365 * 24 * 3600])
def test_stripes_library_accepts_any_future_and_we_do_not(world: IngressWorld, ahead_seconds: int) -> None:
    headers = signed_by("stripe", at=now() + ahead_seconds)
    assert stripe(BODIES["stripe"], headers, SECRETS["stripe"]) is True
    answer = post(world, "stripe", headers)
    assert (answer.status, answer.code) == (401, "signature_timestamp_skew")


@pytest.mark.parametrize("spelling", [" {}", "+{}", "0{}", "{} "])
def test_libraries_read_numbers_in_more_than_one_spelling_and_we_in_one(world: IngressWorld, spelling: str) -> None:
    """Each spelling of a time would be another captured call that passes; and `int` reads every alphabet's digits."""
    at = now()
    of_stripe = signed_by("stripe", at=at)["stripe-signature"].replace(str(at), spelling.format(at), 1)
    assert stripe(BODIES["stripe"], {"stripe-signature": of_stripe}, SECRETS["stripe"]) is True
    assert post(world, "stripe", {"stripe-signature": of_stripe}).code in {
        "signature_malformed",
        "signature_timestamp_malformed",
    }
    of_standard = signed_by("standard-webhooks", at=at) | {"webhook-timestamp": f"{at}.9"}
    assert standard(BODIES["standard-webhooks"], of_standard, SECRETS["standard-webhooks"]) is True
    assert post(world, "standard-webhooks", of_standard).code == "signature_timestamp_malformed"


def test_arabic_digits_are_a_time_to_slacks_library_and_none_to_us(world: IngressWorld) -> None:
    at = "".join(chr(0x660 + int(digit)) for digit in str(now()))
    signature = SignatureVerifier(SECRETS["slack"]).generate_signature(timestamp=at, body=BODIES["slack"])
    headers = {"x-slack-request-timestamp": at, "x-slack-signature": str(signature)}
    assert slack(BODIES["slack"], headers, SECRETS["slack"]) is True
    assert post(world, "slack", headers).code == "signature_timestamp_malformed"


@pytest.mark.parametrize("event_id", ["a.1764000000", "x" * 256, "a b", "\t"])
def test_the_library_of_standard_webhooks_takes_any_id_and_we_those_that_can_be_told_apart(
    world: IngressWorld, event_id: str
) -> None:
    headers = signed_by("standard-webhooks", at=now(), event_id=event_id)
    assert standard(BODIES["standard-webhooks"], headers, SECRETS["standard-webhooks"]) is True
    assert post(world, "standard-webhooks", headers).code == "signature_malformed"


def test_base64_with_junk_in_it_is_a_signature_to_the_library_of_standard_webhooks_and_none_to_us(
    world: IngressWorld,
) -> None:
    headers = signed_by("standard-webhooks", at=now())
    headers["webhook-signature"] = headers["webhook-signature"][:-1] + "!!="
    assert standard(BODIES["standard-webhooks"], headers, SECRETS["standard-webhooks"]) is True
    assert post(world, "standard-webhooks", headers).code == "signature_malformed"


JUNK = ["", " ", ",", "=", "é", "\x00", "\u0661" * 64, "v0", "v0=", "v1", "v1=", "v1,", "sha256=", "sha1=" + "0" * 40]
JUNK += ["x" * 3000, "v1," * 3000, "t=1," * 3000, "v1, " * 500, "t=,v1=", "t=1764000000", "v0=" + "\uff10" * 64]
JUNK += ["null", "undefined", "true", "[]", "{}", "%00", "../..", "' or 1=1", "\ud800", "v1=" + "0" * 64 + "\n"]


@pytest.mark.parametrize("name", SENDERS)
def test_junk_in_any_of_the_headers_is_told_as_what_it_is_and_leaves_no_exception(
    world: IngressWorld, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    sender = SENDERS[name]
    for header in sender.headers:
        for text in JUNK:
            answer = post(world, name, signed_by(name, at=now()) | {header: text})
            has_commas = header == sender.signature_header and sender.has_commas
            expected = 400 if "," in text and not has_commas else 401
            assert (answer.status, header, text) == (expected, header, text)
            assert answer.code == "header_repeated" or answer.code.startswith("signature_")
    assert world.nothing_was_written()
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {line["level"] for line in lines if "_aws" not in line} == {"INFO"}
