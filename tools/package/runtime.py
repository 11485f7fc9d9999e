"""What Lambda's Python brings along, laid out in a folder: boto3 and what boto3 needs, and nothing else.

For tests and measurements outside of Lambda: a function gets its asset, its layers and this folder as its whole world.
"""

from __future__ import annotations

import shutil
from importlib.metadata import distribution
from pathlib import Path

from tools.package.staging import compile_folder

BROUGHT_BY_LAMBDA = ("boto3", "botocore", "s3transfer", "jmespath", "python-dateutil", "six", "urllib3")


def lay_out_runtime(folder: Path) -> Path:
    """Copy the packages that the runtime has into `folder`, with byte code, as they are on Lambda; returns `folder`."""
    for name in BROUGHT_BY_LAMBDA:
        found = distribution(name)
        tops = {file.parts[0] for file in found.files or () if file.parts[0] not in {"..", "__pycache__"}}
        for top in tops:
            source = Path(str(found.locate_file(top)))
            if source.is_dir():
                shutil.copytree(source, folder / top, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
            else:
                folder.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, folder / top)
    compile_folder(folder, Path("/var/lang/lib/python3.13/site-packages"))
    return folder
