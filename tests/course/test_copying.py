"""The labs as somebody gets them who has installed the package and has no checkout."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from labkit.cli import main
from labkit.course import CourseError, copy_labs

ROOT = Path(__file__).resolve().parents[2]
LABS = sorted(path.name for path in ROOT.glob("labs/*.ipynb"))


def test_all_labs_are_copied_and_none_that_was_worked_on_is_overwritten(tmp_path, capsys):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / LABS[0]).write_text("my answers")
    main(["labs", "copy", str(tmp_path / "mine")])
    assert f"{len(LABS) - 1} notebooks copied" in capsys.readouterr().out
    assert (tmp_path / "mine" / LABS[0]).read_text() == "my answers"
    assert sorted(path.name for path in (tmp_path / "mine").iterdir()) == LABS
    assert (tmp_path / "mine" / LABS[1]).read_bytes() == (ROOT / "labs" / LABS[1]).read_bytes()


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CourseError, match=r"cannot be copied to .*file/labs"):
        copy_labs(tmp_path / "file" / "labs")


def test_the_wheel_brings_the_labs(tmp_path):
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    names = zipfile.ZipFile(next(tmp_path.glob("*.whl"))).namelist()
    assert {f"labkit/labs/{name}" for name in LABS} <= set(names)
