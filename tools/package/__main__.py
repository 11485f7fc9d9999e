"""`python -m tools.package [arm64|x86_64|host]`: build the assets and say where they are."""

from __future__ import annotations

import os
import sys
from typing import cast

from tools.package import PackagingError, Platform, build_assets, extra_folders


def main(arguments: list[str]) -> int:
    """Build for the platform that is named, or for arm64."""
    platform = arguments[0] if arguments else "arm64"
    if platform not in {"arm64", "x86_64", "host"}:
        print(f"workerflow: {platform!r} is none of arm64, x86_64, host.", file=sys.stderr)
        return 2
    try:
        assets = build_assets(cast("Platform", platform), extra_folders(os.environ))
    except PackagingError as error:
        print(f"workerflow: {error}", file=sys.stderr)
        return 1
    for folder in (assets.core_layer, assets.vendor_layer, *assets.functions.values()):
        print(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
