"""Build what AWS gets: two layers and one folder per function, staged in `.build/`.

    .build/layers/core/python/workerflow/...              the core
    .build/layers/vendor-<platform>/python/...            what the core imports from PyPI, out of uv.lock
    .build/functions/<name>/functions/<name>/...          a function; its import paths are the repository's
    .build/functions/<name>/functions/<name>/manifest.json     where the function reads it
    .build/functions/workflow/extra_handlers/...          handlers from WORKERFLOW_HANDLERS
    .build/functions/dashboard/functions/dashboard/compiled/...    its templates, as Python modules

An asset changes when, and only when, its sources do, so that a deployment without changes is none.
"""

from tools.package.assets import Assets, build_assets
from tools.package.errors import PackagingError
from tools.package.functions import extra_folders
from tools.package.vendor import Platform

__all__ = ["Assets", "PackagingError", "Platform", "build_assets", "extra_folders"]
