"""An asset changes when, and only when, its sources do."""

from __future__ import annotations

import importlib.util
import marshal
from pathlib import Path

import pytest

from tools.package.errors import PackagingError
from tools.package.functions import extra_folders
from tools.package.staging import Source, stage


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    folder = tmp_path / "sources"
    (folder / "inner" / "__pycache__").mkdir(parents=True)
    (folder / "inner" / "__pycache__" / "old.pyc").write_bytes(b"stale")
    (folder / "tests").mkdir()
    (folder / "tests" / "test_it.py").write_text("")
    (folder / "module.py").write_text("X = 1\n")
    (folder / "inner" / "data.json").write_text("{}")
    return folder


def content_of(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_an_asset_holds_the_sources_and_their_byte_code(sources: Path, tmp_path: Path) -> None:
    asset = stage([Source(sources, "functions/x")], tmp_path / "asset", imported_from=Path("/var/task"))
    assert set(content_of(asset)) == {
        "functions/x/module.py",
        "functions/x/__pycache__/module.cpython-313.pyc",
        "functions/x/inner/data.json",
    }


def test_byte_code_is_used_whatever_the_time_stamps_say(sources: Path, tmp_path: Path) -> None:
    asset = stage([Source(sources, "functions/x")], tmp_path / "asset", imported_from=Path("/var/task"))
    code = (asset / "functions/x/__pycache__/module.cpython-313.pyc").read_bytes()
    assert code[:4] == importlib.util.MAGIC_NUMBER
    assert code[4:8] == b"\x01\x00\x00\x00"  # PEP 552: hash-based, unchecked
    assert marshal.loads(code[16:]).co_filename == "/var/task/functions/x/module.py"  # noqa: S302 - our own


def test_the_same_sources_leave_the_asset_alone(sources: Path, tmp_path: Path) -> None:
    asset = stage([Source(sources, "a")], tmp_path / "asset", imported_from=Path("/var/task"))
    before = asset.stat().st_ino
    (sources / "module.py").touch()
    stage([Source(sources, "a")], tmp_path / "asset", imported_from=Path("/var/task"))
    assert asset.stat().st_ino == before


def test_two_builds_of_the_same_sources_are_equal(sources: Path, tmp_path: Path) -> None:
    one = stage([Source(sources, "a")], tmp_path / "one", imported_from=Path("/var/task"))
    two = stage([Source(sources, "a")], tmp_path / "two", imported_from=Path("/var/task"))
    assert content_of(one) == content_of(two)


def test_a_changed_source_changes_the_asset_and_a_removed_one_goes(sources: Path, tmp_path: Path) -> None:
    stage([Source(sources, "a")], tmp_path / "asset", imported_from=Path("/var/task"))
    (sources / "module.py").write_text("X = 2\n")
    (sources / "inner" / "data.json").unlink()
    asset = stage([Source(sources, "a")], tmp_path / "asset", imported_from=Path("/var/task"))
    assert (asset / "a/module.py").read_text() == "X = 2\n"
    assert not (asset / "a/inner").exists()


def test_a_build_that_was_cut_short_is_not_taken_for_a_whole(sources: Path, tmp_path: Path) -> None:
    asset = stage([Source(sources, "a")], tmp_path / "asset", imported_from=Path("/var/task"))
    (tmp_path / "asset.stamp").unlink()
    (asset / "a/module.py").unlink()
    stage([Source(sources, "a")], tmp_path / "asset", imported_from=Path("/var/task"))
    assert (asset / "a/module.py").is_file()


def test_two_sources_for_one_place_are_refused(sources: Path, tmp_path: Path) -> None:
    (tmp_path / "module.py").write_text("")
    clash = [Source(sources, "a"), Source(tmp_path / "module.py", "a/module.py")]
    with pytest.raises(PackagingError, match=r"would both become a/module\.py"):
        stage(clash, tmp_path / "asset", imported_from=Path("/var/task"))


def test_extra_folders_are_named_like_path(tmp_path: Path) -> None:
    assert extra_folders({"WORKERFLOW_HANDLERS": f"{tmp_path}/a:{tmp_path}/b"}) == (tmp_path / "a", tmp_path / "b")
    assert extra_folders({}) == ()
