"""`python -m tools.compile_templates FOLDER`: the dashboard's templates as Python modules.

Compiled in the very environment in which the function renders them, so that both escape alike.
"""

from __future__ import annotations

import sys
from pathlib import Path

from jinja2 import FileSystemLoader, TemplateSyntaxError

from functions.dashboard.pages.rendering import TEMPLATES, make_environment


def main(arguments: list[str]) -> int:
    """Compile every template into the folder; a faulty one is told with its line."""
    if len(arguments) != 1:
        print("usage: python -m tools.compile_templates FOLDER", file=sys.stderr)
        return 2
    target = Path(arguments[0])
    target.mkdir(parents=True, exist_ok=True)
    try:
        made = make_environment(FileSystemLoader(TEMPLATES))
        made.compile_templates(target, extensions=["html"], zip=None, ignore_errors=False)
    except TemplateSyntaxError as error:
        print(f"{error.filename}:{error.lineno}: {error.message}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
