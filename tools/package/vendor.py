"""The vendor layer: the project's dependencies out of uv.lock, as wheels for where the functions run.

boto3 and botocore stay out: Lambda's runtime has them, and they would be 20 MB.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Literal

from tools.package.errors import PackagingError
from tools.package.staging import compile_folder, fingerprint_of, is_current, put_in_place

Platform = Literal["arm64", "x86_64", "host"]
"""Lambda on either processor, or this machine, on which the emulator runs functions with its own Python."""

# Lambda's Python 3.13 runs on Amazon Linux 2023, which has glibc 2.34.
_WHEELS: dict[Platform, tuple[str, ...]] = {
    "arm64": ("--python-platform", "aarch64-manylinux_2_28"),
    "x86_64": ("--python-platform", "x86_64-manylinux_2_28"),
    "host": (),
}
_NOT_IMPORTED = ("bin", "**/__pycache__", "**/tests", "*.dist-info/RECORD", "*.dist-info/INSTALLER", "**/*.pyi")


def build_vendor_layer(root: Path, platform: Platform, layers: Path) -> Path:
    """Install the locked dependencies into `layers/vendor-<platform>`, unless uv.lock has not changed since.

    Raises:
        PackagingError: uv is not there, or a wheel cannot be had for the platform.
    """
    target = layers / f"vendor-{platform}"
    fingerprint = fingerprint_of([("uv.lock", root / "uv.lock"), ("builder", Path(__file__))])
    if is_current(target, fingerprint):
        return target
    fresh = layers / f"vendor-{platform}.new"
    shutil.rmtree(fresh, ignore_errors=True)
    (fresh / "python").mkdir(parents=True)
    requirements = layers / f"vendor-{platform}.txt"
    _uv(root, "export", *_EXPORT, "--output-file", str(requirements))
    _uv(root, "pip", "install", *_INSTALL, *_WHEELS[platform], "-r", str(requirements), "--target", f"{fresh}/python")
    for pattern in _NOT_IMPORTED:
        for path in list((fresh / "python").glob(pattern)):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    compile_folder(fresh, Path("/opt"))
    return put_in_place(fresh, target, fingerprint)


_EXPORT = ("--frozen", "--no-dev", "--no-emit-project", "--no-header", "--quiet", "--prune", "boto3")
_INSTALL = (
    "--quiet",
    "--no-deps",
    "--only-binary",
    ":all:",
    "--link-mode",
    "copy",
    "--python",
    sys.executable,
)


def _uv(root: Path, *arguments: str) -> None:
    ours = root / ".tools/bin/uv"
    uv = str(ours) if ours.is_file() else shutil.which("uv")
    if uv is None:
        raise PackagingError("uv is not installed; `make setup` puts it into .tools/.")
    done = subprocess.run([uv, *arguments], cwd=root, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise PackagingError(f"`uv {' '.join(arguments[:2])}` failed:\n{done.stderr.strip()}")
