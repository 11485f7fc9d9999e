"""Templates escape, miss nothing silently, and make addresses of ours only."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import DictLoader, UndefinedError

from functions.dashboard.call import Caller
from functions.dashboard.pages.navigation import VIEWS, view_path, views_at
from functions.dashboard.pages.rendering import TEMPLATES, Frame, address, environment, make_environment
from workerflow.domain.access import Scope, Token

NOW_MS = 1_790_000_000_000
TOKEN = Token("abcdefghij23", "ada", Scope.READ, None, "0" * 64, 0, NOW_MS + 1)
FRAME = Frame(nonce="n", now_ms=NOW_MS, caller=Caller(TOKEN, "203.0.113.7", "csrf"), path="/runs")


def rendered(text: str, frame: Frame = FRAME, **values: object) -> str:
    return make_environment(DictLoader({"it.html": text})).get_template("it.html").render(frame=frame, **values)


@given(st.text())
def test_no_text_becomes_markup(text: str) -> None:
    shown = rendered('<p title="{{ it }}">{{ it }}</p>', it=text)
    inside = shown.removeprefix('<p title="').removesuffix("</p>")
    assert "<" not in inside.replace('">', "", 1)
    assert inside.count('"') == 1


def test_a_value_that_is_missing_is_a_fault() -> None:
    with pytest.raises(UndefinedError):
        rendered("{{ nothing }}")


TEXTS = st.text(st.characters(exclude_categories=["Cs"]))


@given(TEXTS, TEXTS)
def test_an_address_is_a_path_of_ours_whatever_is_in_it(segment: str, value: str) -> None:
    shown = rendered('<a href="{{ url("runs", segment, q=value) }}">', segment=segment, value=value)
    assert shown.startswith('<a href="/runs/')
    assert shown.count('"') == 2


def test_a_scheme_never_comes_out_of_an_address() -> None:
    assert address(["javascript:alert(1)"]) == "/javascript%3Aalert%281%29"
    assert address(["//evil.example"]) == "/%2F%2Fevil.example"
    assert address([], {"source": "route:a&b", "cursor": None, "state": ""}) == "/?source=route%3Aa%26b"


def test_links_stay_with_the_tenant_that_was_chosen() -> None:
    chosen = replace(FRAME, tenant="acme", query={"status": "failed", "cursor": "abc"})
    assert rendered('{{ url("runs") }}', chosen) == "/runs?tenant=acme"
    assert rendered("{{ page_url(cursor=none) }}", chosen) == "/runs?status=failed&amp;tenant=acme"
    own = replace(chosen, caller=Caller(replace(TOKEN, tenant="acme"), "", ""))
    assert rendered('{{ url("runs") }}', own) == "/runs"


def test_a_view_is_marked_where_one_is_in_it() -> None:
    assert [view.name for view in views_at("/runs/abc/lineage") if view.is_current] == ["Runs"]
    assert [view.name for view in views_at("/") if view.is_current] == ["Overview"]
    assert view_path("/runs/abc/lineage") == "/runs"
    assert len({view.key for view in VIEWS}) == len(VIEWS)


@pytest.mark.parametrize("name", sorted(file.relative_to(TEMPLATES).as_posix() for file in TEMPLATES.rglob("*.html")))
def test_a_template_is_sound_and_has_nothing_inline(name: str) -> None:
    environment().get_template(name)
    source = (TEMPLATES / name).read_text()
    assert " style=" not in source
    assert "<style" not in source
    assert not re.search(r"\son[a-z]+=", source)
    assert "|safe" not in source.replace(" ", "")
    assert "http://" not in source.replace("http://www.w3.org/2000/svg", "")
    assert "https://" not in source


def test_only_reading_frames_offer_no_forms() -> None:
    assert not FRAME.may_write
    assert replace(FRAME, caller=Caller(replace(TOKEN, scope=Scope.WRITE), "", "")).may_write
    assert not replace(FRAME, caller=None).may_write


def test_the_script_writes_no_markup_from_text() -> None:
    script = (Path(TEMPLATES).parent / "assets/app.js").read_text()
    for dangerous in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"):
        assert dangerous not in script
