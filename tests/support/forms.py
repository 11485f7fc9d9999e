"""Forms of a page, as a browser would fill them in and send them."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import override

type Attributes = list[tuple[str, str | None]]


@dataclass
class Form:
    """One form.

    Attributes:
        fields: what is sent if nothing is entered: boxes that are not checked are left out.
    """

    action: str
    fields: dict[str, str] = field(default_factory=dict)

    def filled(self, **entered: str) -> dict[str, str]:
        """What is sent once this was entered."""
        return self.fields | entered


class _Reader(HTMLParser):
    """Reads forms that are posted, with their inputs and text areas."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self._is_within = False
        self._area = ""

    @override
    def handle_starttag(self, tag: str, attrs: Attributes) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "form" and found.get("method") == "post":
            self.forms.append(Form(found["action"]))
            self._is_within = True
        elif self._is_within and tag == "input" and "name" in found:
            if found.get("type") != "checkbox" or "checked" in found:
                self.forms[-1].fields[found["name"]] = found.get("value", "")
        elif self._is_within and tag == "textarea":
            self._area = found["name"]
            self.forms[-1].fields[self._area] = ""

    @override
    def handle_data(self, data: str) -> None:
        if self._area:
            self.forms[-1].fields[self._area] += data

    @override
    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._is_within = False
        elif tag == "textarea":
            fields = self.forms[-1].fields
            # A browser drops the first line feed of a text area, and sends line ends as CR LF.
            fields[self._area] = fields[self._area].removeprefix("\n").replace("\n", "\r\n")
            self._area = ""


def forms_of(page: str) -> list[Form]:
    """All forms of a page that change something, but that of the sign-out."""
    reader = _Reader()
    reader.feed(page)
    return [form for form in reader.forms if form.action != "/sign-out"]


def form_of(page: str, action: str) -> Form:
    """The form of a page that is sent to an action, whatever query that has."""
    [found] = [form for form in forms_of(page) if form.action.partition("?")[0] == action]
    return found
