"""Deleting a run takes its whole folder and nothing else, and never one that is at work."""

import io
import sys

import pytest

import labkit
from labkit.api import deletion
from labkit.cli import main
from labkit.errors import RunError
from labkit.files import locked
from labkit.recorder import Recorder
from labkit.run import Run, all_runs, create
from labkit.spec import EvaluateSpec, FinetuneSpec, OptimizeSpec


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LABKIT_RUNS", raising=False)
    return tmp_path / "runs"


@pytest.fixture
def tone():
    """A run with an adapter of 1000 bytes and an export of 500."""
    run = create("tone", "finetune", FinetuneSpec())
    run.adapter.mkdir()
    (run.adapter / "adapter_model.safetensors").write_bytes(bytes(1000))
    made = create("tone/onnx", "optimize", OptimizeSpec(run="tone"))
    (made.path / "model.onnx").write_bytes(bytes(500))
    return run


def names():
    return [run.name for run in all_runs()]


def test_a_run_goes_with_its_exports_and_its_neighbours_stay(folder, tone):
    create("tone-2", "finetune", FinetuneSpec())
    found = labkit.delete("tone")
    assert found.inside == ("tone/onnx",)
    assert names() == ["tone-2"]
    assert [path.name for path in folder.iterdir()] == ["tone-2"]


def test_what_would_go_is_told_before_and_nothing_is_touched(tone):
    files = [path for path in tone.path.rglob("*") if path.is_file()]
    found = deletion("tone")
    assert (found.n_files, found.size_bytes) == (6, sum(file.stat().st_size for file in files))
    assert found.size_bytes > 1500
    assert str(found).startswith("tone with tone/onnx: 3 KiB in 6 files")
    assert names() == ["tone", "tone/onnx"]


def test_an_export_is_deleted_alone(tone):
    labkit.delete("tone/onnx")
    assert names() == ["tone"]
    assert (tone.adapter / "adapter_model.safetensors").exists()


@pytest.mark.parametrize("working", ["tone", "tone/onnx"])
def test_a_run_at_work_and_one_with_an_export_at_work_are_refused(tone, working):
    with locked(Run(working).path), pytest.raises(RunError, match="is at work") as caught:
        labkit.delete("tone")
    assert caught.value.hint == f"Stop it first: %stop {working}."
    assert names() == ["tone", "tone/onnx"]


def test_a_run_whose_worker_is_on_its_way_is_refused(tone):
    Recorder(tone.path).emit("queued", ticket=1)
    with pytest.raises(RunError, match="is at work"):
        labkit.delete("tone")


def test_a_run_that_another_one_reads_now_is_refused(tone):
    judged = create("eval-1", "evaluate", EvaluateSpec(run="other", against=("base", "tone")))
    with locked(judged.path), pytest.raises(RunError, match="'tone' is needed by 'eval-1'"):
        labkit.delete("tone")
    labkit.delete("tone")
    assert names() == ["eval-1"]


def test_links_inside_a_run_are_removed_and_not_followed(tone, tmp_path):
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "rows.jsonl").write_bytes(bytes(10_000_000))
    (tone.path / "data").symlink_to(kept)
    assert deletion("tone").size_bytes < 10_000
    labkit.delete("tone")
    assert (kept / "rows.jsonl").exists()


def test_a_link_to_a_run_does_not_delete_the_run_under_another_name(folder, tone):
    (folder / "alias").symlink_to(tone.path)
    with pytest.raises(RunError, match="'alias' leads to the run 'tone'"):
        labkit.delete("alias")
    assert Run("tone").adapter.is_dir()


def test_a_folder_outside_the_runs_folder_is_refused_by_path_and_by_link(folder, tone, tmp_path):
    other = create("far", "finetune", FinetuneSpec(), root=tmp_path / "elsewhere")
    (folder / "near").symlink_to(other.path)
    for name in (str(other.path), "near", "elsewhere/far"):
        with pytest.raises(RunError, match="Only a run in runs can be deleted"):
            labkit.delete(name)
    assert other.path.is_dir()


def test_the_runs_folder_itself_is_no_run_to_delete(folder, tone):
    (folder / "spec.yaml").write_text("")
    with pytest.raises(RunError, match="Only a run in runs can be deleted"):
        labkit.delete(str(folder))
    assert names() == ["tone", "tone/onnx"]


def test_an_unknown_run_offers_the_nearest(tone):
    with pytest.raises(RunError, match="Did you mean 'tone'"):
        labkit.delete("tome")


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(("answer", "left"), [("y\n", []), ("\n", ["tone", "tone/onnx"])])
def test_the_command_asks_on_a_terminal(tone, monkeypatch, capsys, answer, left):
    monkeypatch.setattr(sys, "stdin", Terminal(answer))
    main(["runs", "--delete", "tone"])
    assert "Delete tone with tone/onnx: 3 KiB in 6 files? [y/N] " in capsys.readouterr().out
    assert names() == left


def test_the_command_deletes_unasked_only_when_told_so(tone, capsys):
    with pytest.raises(SystemExit):
        main(["runs", "--delete", "tone"])
    assert "labkit runs --delete tone --yes" in capsys.readouterr().err
    main(["runs", "tone", "--delete", "--yes"])
    assert capsys.readouterr().out == "Deleted tone with tone/onnx: 3 KiB in 6 files.\n"
    assert names() == []
