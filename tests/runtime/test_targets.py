"""What an exported model can run on, and how a session for it is opened."""

import sys
from collections import Counter
from dataclasses import replace

import pytest

from labkit import cli
from labkit.errors import ExportError
from labkit.runtime import OnnxModel
from labkit.runtime.folder import write_section
from labkit.runtime.session import Settings, fallback, nodes_of, open_session, settings_of
from labkit.runtime.targets import TARGETS, choose, installed, named, targets_table
from labkit.spec.optimize import PRECISIONS
from labkit.spec.optimize import TARGETS as NAMES


def test_every_target_of_the_settings_has_an_entry():
    assert (*(target.name for target in TARGETS), "auto") == NAMES


def test_a_target_names_precisions_that_can_be_asked_for():
    assert all(set(target.precisions) <= set(PRECISIONS) for target in TARGETS)


def test_the_processor_is_always_there():
    assert [target.name for target in installed()][:1] == ["cpu"]
    assert choose("cpu").provider == "CPUExecutionProvider"


def test_only_what_was_run_is_called_proven():
    assert {target.name for target in TARGETS if target.proven} == {"cpu", "openvino"}


def test_a_target_that_is_not_installed_says_what_brings_it_and_what_is_here():
    with pytest.raises(ExportError) as caught:
        choose("cuda")
    assert caught.value.problem == (
        "The target cuda is not installed; its provider comes with the package onnxruntime-gpu, "
        "which replaces onnxruntime (both are imported by that name). Installed: cpu."
    )
    assert "%pip install onnxruntime-gpu" in caught.value.hint


def test_a_plug_in_leaves_onnxruntime_where_it_is():
    with pytest.raises(ExportError) as caught:
        choose("webgpu")
    assert "onnxruntime-ep-webgpu, beside onnxruntime. Installed: cpu." in caught.value.problem
    assert "uninstall" not in caught.value.hint


@pytest.mark.skipif(sys.platform == "win32", reason="DirectML exists there")
def test_a_target_of_another_system_is_refused_by_its_system():
    with pytest.raises(ExportError, match=r"directml exists on Windows only; this is"):
        choose("directml")


def test_an_unknown_target_gets_the_nearest_name():
    with pytest.raises(ExportError, match="Did you mean 'openvino'"):
        named("openvinno")


def test_the_command_lists_every_target_with_its_package(capsys):
    cli.main(["targets"])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["NAME", *(one.name for one in TARGETS)]
    assert "OpenVINOExecutionProvider  onnxruntime-openvino" in targets_table()


def test_settings_are_written_without_what_is_usual():
    assert Settings().as_json() == {}
    assert Settings(intra_op_num_threads=2, allow_spinning=False).as_json() == {
        "intra_op_num_threads": 2,
        "allow_spinning": False,
    }


def test_a_folder_opens_as_it_was_tuned_unless_asked_otherwise(tmp_path):
    write_section(tmp_path, "session", {"intra_op_num_threads": 1, "allow_spinning": False})
    tuned = settings_of(tmp_path, threads=None, target=None)
    assert tuned == Settings(intra_op_num_threads=1, allow_spinning=False)
    asked = settings_of(tmp_path, threads=5, target="cpu")
    assert asked == replace(tuned, intra_op_num_threads=5)
    assert settings_of(tmp_path, threads=None, target="cuda") == Settings(target="cuda")


def test_threads_tuned_elsewhere_are_cut_to_the_processors_here(tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    write_section(tmp_path, "session", {"intra_op_num_threads": 64, "of_a_later_version": 1})
    assert settings_of(tmp_path, threads=None, target=None).intra_op_num_threads == 1


def test_the_fallback_counts_what_the_processor_runs():
    nodes = {
        "OpenVINOExecutionProvider": Counter(MatMul=151, Mul=60),
        "CPUExecutionProvider": Counter(GroupQueryAttention=30, GatherBlockQuantized=1),
    }
    assert fallback(nodes, named("openvino")) == (
        "OpenVINOExecutionProvider runs 211 of 242 nodes; the processor runs "
        "30 GroupQueryAttention, 1 GatherBlockQuantized."
    )
    assert fallback({"CPUExecutionProvider": Counter(MatMul=1)}, named("cpu")) is None


def test_a_provider_that_takes_every_node_has_no_fallback():
    assert fallback({"CUDAExecutionProvider": Counter(MatMul=3)}, named("cuda")) is None


@pytest.mark.process
@pytest.mark.parametrize(
    "settings",
    [
        Settings(intra_op_num_threads=1, graph_optimization_level="basic"),
        Settings(intra_op_num_threads=2, inter_op_num_threads=2, allow_spinning=False),
        Settings(enable_cpu_mem_arena=False, enable_mem_pattern=False),
    ],
)
def test_a_session_has_the_settings_it_was_opened_with(tiny_fp32, settings):
    session = open_session(tiny_fp32 / "model.onnx", settings)
    options = session.get_session_options()
    assert options.intra_op_num_threads == (settings.intra_op_num_threads or 0)
    assert options.enable_mem_pattern is settings.enable_mem_pattern
    assert nodes_of(session)["CPUExecutionProvider"]["GroupQueryAttention"] == 2


@pytest.mark.process
def test_tuned_settings_do_not_change_the_answer(tiny_fp32, tiny_onnx, tmp_path, rows):
    import shutil

    folder = shutil.copytree(tiny_fp32, tmp_path / "tuned")
    write_section(folder, "session", {"share_cache": False, "graph_optimization_level": "basic"})
    tuned = OnnxModel(folder, threads=1)
    assert tuned.generate(rows[0], 16) == tiny_onnx.generate(rows[0], 16)


@pytest.mark.process
def test_a_model_for_a_missing_target_is_refused(tiny_fp32):
    with pytest.raises(ExportError, match="The target cuda is not installed"):
        OnnxModel(tiny_fp32, target="cuda")
