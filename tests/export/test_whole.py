"""Models that cannot be what a run left are refused in a sentence, before anything is loaded."""

import json
import shutil

import pytest
from exported import save_llama
from runs import tuned

from labkit.errors import ExportError
from labkit.export import HeldOut, Request, Tuned, climb
from labkit.spec import FinetuneSpec


@pytest.fixture(scope="module")
def run(tiny_folder, tmp_path_factory):
    """A LoRA run on the tiny model."""
    return tuned(tiny_folder, tmp_path_factory.mktemp("run"), "lora", r=4)


def refused(tuned, out, held_out=None):
    """Ask for an export; return the error. Nothing may have been made."""
    with pytest.raises(ExportError) as error:
        climb(tuned, out, Request(), held_out=held_out or HeldOut([[5]]), emit=print)
    assert error.value.hint.endswith(".")
    assert not out.exists()
    return error.value.problem


@pytest.mark.parametrize("n_bytes", [2000, 100_000, -1])
def test_weights_that_are_cut_off(tiny_folder, tmp_path, n_bytes):
    shutil.copytree(tiny_folder, tmp_path / "cut")
    file = tmp_path / "cut" / "model.safetensors"
    whole = file.read_bytes()
    file.write_bytes(whole[:n_bytes])
    problem = refused(Tuned(tmp_path / "cut"), tmp_path / "onnx")
    size = f"it has {len(whole[:n_bytes]):,}."
    assert "must be a whole safetensors file of at least" in problem
    assert problem.endswith(size)


def test_an_adapter_that_is_cut_off(run, tmp_path):
    shutil.copytree(run.learned, tmp_path / "adapter")
    file = tmp_path / "adapter" / "adapter_model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])
    problem = refused(Tuned(run.base, tmp_path / "adapter", run.spec), tmp_path / "onnx")
    assert "adapter_model.safetensors must be a whole safetensors file" in problem


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("config.json", "holds no config.json."),
        ("tokenizer.json", "holds no tokenizer.json."),
        ("model.safetensors", "holds no weights (*.safetensors)."),
    ],
)
def test_a_model_without_one_of_its_files(tiny_folder, tmp_path, name, problem):
    shutil.copytree(tiny_folder, tmp_path / "part")
    (tmp_path / "part" / name).unlink()
    assert refused(Tuned(tmp_path / "part"), tmp_path / "onnx").endswith(problem)


def test_a_part_that_the_index_names_and_that_is_not_there(tiny_folder, tmp_path):
    shutil.copytree(tiny_folder, tmp_path / "part")
    index = {"weight_map": {"lm_head.weight": "model-00002-of-00002.safetensors"}}
    (tmp_path / "part" / "model.safetensors.index.json").write_text(json.dumps(index))
    problem = refused(Tuned(tmp_path / "part"), tmp_path / "onnx")
    assert problem.endswith("holds no model-00002-of-00002.safetensors.")


def test_an_adapter_of_a_wider_model(run, tmp_path):
    save_llama(tmp_path / "wide", tied=True, head_dim=32)
    problem = refused(Tuned(tmp_path / "wide", run.learned, run.spec), tmp_path / "onnx")
    assert "The adapter was trained on a model.layers.0." in problem


def test_an_adapter_of_another_architecture(run, tmp_path):
    from safetensors.numpy import load_file, save_file

    shutil.copytree(run.learned, tmp_path / "adapter")
    file = tmp_path / "adapter" / "adapter_model.safetensors"
    weights = {name.replace("layers", "blocks"): of for name, of in load_file(file).items()}
    save_file(weights, file)
    problem = refused(Tuned(run.base, tmp_path / "adapter", run.spec), tmp_path / "onnx")
    assert problem.startswith("The adapter changes model.blocks.0.")


def test_a_folder_that_is_no_adapter(tiny_folder, tmp_path):
    (tmp_path / "adapter").mkdir()
    problem = refused(Tuned(tiny_folder, tmp_path / "adapter", FinetuneSpec()), tmp_path / "onnx")
    assert problem.endswith("holds no adapter_config.json.")


@pytest.mark.parametrize(
    ("held_out", "problem"),
    [
        (HeldOut([]), "Optimising needs held-out rows; got 0."),
        (HeldOut([[1]], [[2]], ["a"], []), "got 0 labels for 1 rows."),
    ],
)
def test_rows_that_prove_nothing(tiny_folder, tmp_path, held_out, problem):
    assert refused(Tuned(tiny_folder), tmp_path / "onnx", held_out).endswith(problem)


def test_a_disk_that_cannot_take_what_will_be_written(run, tmp_path, monkeypatch):
    free = shutil.disk_usage(tmp_path)._replace(free=1_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: free)
    asked = Request(("fp32", "int8"))
    with pytest.raises(ExportError, match=r"needs \d MiB; .* has 1 MiB free"):
        climb(run, tmp_path / "onnx", asked, held_out=HeldOut([[5]] * 8), emit=print)
