"""Merging, exporting, quantising and tying; and what is refused."""

import json
import shutil

import numpy as np
import pytest

from labkit.errors import ExportError
from labkit.export import merge_adapter, tie_int8_embedding
from labkit.export.architectures import BUILT
from labkit.export.builder import build, export_onnx
from labkit.export.child import call
from labkit.export.embedding import quantize_embedding
from labkit.export.measure import size_bytes
from labkit.export.quantize import quantize_onnx
from labkit.runtime import OnnxModel

pytestmark = [
    pytest.mark.process,
    pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing. is deprecated"),
]


@pytest.fixture
def adapter(tiny_folder, tmp_path):
    """An adapter on two kinds of projection, its weights drawn at random."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(tiny_folder, dtype=torch.float32)
    config = LoraConfig(r=2, target_modules=["q_proj", "down_proj"], task_type="CAUSAL_LM")
    torch.manual_seed(3)
    model = get_peft_model(model, config)
    for name, weight in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, std=0.2)
    folder = tmp_path / "adapter"
    model.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def int8(tiny_fp32, tmp_path_factory):
    """The fp32 model quantised, its embedding not yet tied."""
    folder = tmp_path_factory.mktemp("int8") / "int8"
    quantize_onnx(tiny_fp32, folder, "int8")
    return folder


def read_weights(folder):
    from safetensors.numpy import load_file

    return load_file(folder / "model.safetensors")


def test_merging_adds_b_times_a_and_leaves_other_weights_alone(tiny_folder, adapter, tmp_path):
    from safetensors.numpy import load_file

    merge_adapter(tiny_folder, adapter, tmp_path / "merged")
    before, after = read_weights(tiny_folder), read_weights(tmp_path / "merged")
    lora = load_file(adapter / "adapter_model.safetensors")
    scale = json.loads((adapter / "adapter_config.json").read_text())["lora_alpha"] / 2
    assert set(after) == set(before)
    for name, weight in after.items():
        stem = f"base_model.model.{name.removesuffix('.weight')}.lora_"
        if f"{stem}A.weight" in lora:
            wanted = before[name] + scale * lora[f"{stem}B.weight"] @ lora[f"{stem}A.weight"]
            np.testing.assert_allclose(weight, wanted, atol=1e-5)
            assert not np.array_equal(weight, before[name])
        else:
            np.testing.assert_array_equal(weight, before[name])
    for name in ("tokenizer.json", "tokenizer_config.json"):
        assert (tmp_path / "merged" / name).read_bytes() == (tiny_folder / name).read_bytes()


def test_merging_onto_a_quantised_base_is_refused(tiny_folder, adapter, tmp_path):
    shutil.copytree(tiny_folder, tmp_path / "base")
    path = tmp_path / "base" / "config.json"
    config = json.loads(path.read_text()) | {"quantization_config": {"quant_method": "gptq"}}
    path.write_text(json.dumps(config))
    with pytest.raises(ExportError, match="must hold plain weights; it uses gptq"):
        merge_adapter(tmp_path / "base", adapter, tmp_path / "out")
    with pytest.raises(ExportError, match="must hold plain weights; it uses gptq"):
        export_onnx(tmp_path / "base", tmp_path / "onnx", "fp32", log=tmp_path / "log")


def test_a_folder_that_is_no_adapter_is_refused(tiny_folder, tmp_path):
    with pytest.raises(ExportError, match=r"holds no adapter_config\.json"):
        merge_adapter(tiny_folder, tiny_folder, tmp_path / "out")


def test_an_unknown_architecture_is_refused_with_those_that_are_known(tmp_path):
    config = {"architectures": ["MambaForCausalLM"], "model_type": "mamba"}
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(ExportError, match="MambaForCausalLM cannot be exported") as error:
        export_onnx(tmp_path, tmp_path / "out", "fp32", log=tmp_path / "log")
    assert "ForCausalLM" in error.value.hint


def test_every_named_architecture_is_known_to_the_builder():
    from importlib.util import find_spec
    from pathlib import Path

    package = Path(find_spec("onnxruntime_genai").origin).parent
    source = (package / "models" / "builder.py").read_text(encoding="utf-8")
    assert [name for name in BUILT if f'"{name}"' not in source] == []


def test_an_unknown_precision_is_refused(tiny_folder, tmp_path):
    with pytest.raises(ExportError, match=r"one of fp32, int8, int4; got 'int3'"):
        export_onnx(tiny_folder, tmp_path / "out", "int3", log=tmp_path / "log")


def test_a_disk_without_room_is_refused(tiny_folder, tmp_path, monkeypatch):
    usage = type("usage", (), {"free": 1000})
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(ExportError, match="has 0 MiB free"):
        export_onnx(tiny_folder, tmp_path / "out", "fp32", log=tmp_path / "log")


def test_a_child_that_fails_shows_the_end_of_its_log_and_leaves_nothing(tmp_path, tiny_folder):
    shutil.copytree(tiny_folder, tmp_path / "broken")
    (tmp_path / "broken" / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(
        ExportError, match=r"(?s)builder\.build ended with code 1:\n.*Error"
    ) as error:
        export_onnx(tmp_path / "broken", tmp_path / "out", "fp32", log=tmp_path / "log.txt")
    assert str(tmp_path / "log.txt") in error.value.hint
    assert sorted(path.name for path in tmp_path.iterdir()) == ["broken", "log.txt"]


def test_an_error_of_a_child_arrives_as_itself(tmp_path):
    arguments = {"model": str(tmp_path), "threads": 1, "target": "cpu"}
    with pytest.raises(ExportError, match=r"holds no model\.onnx"):
        call("measure", "time_engine", log=tmp_path / "log", **arguments)


def test_int8_stays_near_fp32_and_is_smaller(tiny_onnx, tiny_fp32, int8, rows):
    wanted, got = (model.logits(rows[3])[0] for model in (tiny_onnx, OnnxModel(int8, threads=1)))
    assert 0 < np.abs(wanted - got).mean() < 0.05 * wanted.std()
    assert size_bytes(int8) < size_bytes(tiny_fp32)


def test_int8_weights_are_those_of_the_builder(tiny_folder, int8, tmp_path):
    from labkit.export.graph import Weights, load_graph

    arguments = {"folder": str(tiny_folder), "out": str(tmp_path / "built")}
    call("builder", "build", log=tmp_path / "log", precision="int8", **arguments)
    built, ours = (Weights(path, load_graph(path).graph) for path in (tmp_path / "built", int8))
    names = [name for name in built.names if "_Q8" in name or "_scales" in name]
    assert len(names) == 2 * (2 * 5 + 1)
    for name in names:
        np.testing.assert_array_equal(ours.read(name), built.read(name))


def test_tying_keeps_the_answers_and_drops_the_second_copy(int8, tmp_path, rows):
    tied = tmp_path / "tied"
    shutil.copytree(int8, tied)
    assert tie_int8_embedding(tied) is None
    wanted, got = (OnnxModel(path, threads=1).logits(rows[3])[0] for path in (int8, tied))
    assert 0 < np.abs(wanted - got).mean() < 0.05 * wanted.std()
    # the matrix is (256, 64): fp32 takes 64 KiB, which the int8 head replaces
    assert size_bytes(int8) - size_bytes(tied) > 60_000
    assert tie_int8_embedding(tied) == "the embedding is not an fp32 table"


def test_a_model_that_is_not_tied_keeps_two_matrices(untied_folder, tmp_path, rows):
    export_onnx(untied_folder, tmp_path / "fp32", "fp32", log=tmp_path / "log")
    quantize_onnx(tmp_path / "fp32", tmp_path / "int8", "int8")
    before = (tmp_path / "int8" / "model.onnx").read_bytes()
    assert "different matrices" in tie_int8_embedding(tmp_path / "int8")
    assert (tmp_path / "int8" / "model.onnx").read_bytes() == before
    assert quantize_embedding(tmp_path / "int8")  # by itself it goes into 8 bits all the same
    wanted, got = (OnnxModel(tmp_path / p, threads=1).logits(rows[3])[0] for p in ("fp32", "int8"))
    assert 0 < np.abs(wanted - got).mean() < 0.05 * wanted.std()


def test_a_model_that_is_not_quantised_is_not_tied(tiny_fp32):
    assert tie_int8_embedding(tiny_fp32) == "the head is not int8"


def test_int4_keeps_eight_bits_where_it_matters(tiny_fp32, tmp_path, tiny_onnx, rows):
    quantize_onnx(tiny_fp32, tmp_path / "int4", "int4")
    assert tie_int8_embedding(tmp_path / "int4") is None
    from labkit.export.graph import load_graph

    graph = load_graph(tmp_path / "int4").graph
    names = [node.name for node in graph.node if node.op_type == "MatMulNBits"]
    assert "/lm_head/MatMul_Q8" in names
    assert "/model/layers.0/mlp/down_proj/MatMul_Q8" in names
    assert "/model/layers.0/mlp/up_proj/MatMul_Q4" in names
    wanted, got = (
        model.logits(rows[3])[0] for model in (tiny_onnx, OnnxModel(tmp_path / "int4", threads=1))
    )
    assert 0 < np.abs(wanted - got).mean() < 0.5 * wanted.std()


def test_quantising_twice_is_refused(int8, tmp_path):
    with pytest.raises(ExportError, match="no fp32 weight to quantise"):
        quantize_onnx(int8, tmp_path / "out", "int8")


def test_a_missing_builder_is_said_with_what_to_install(tiny_folder, tmp_path, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "onnxruntime_genai.models.builder", None)
    with pytest.raises(ExportError, match="builder needs onnxruntime_genai") as error:
        build(str(tiny_folder), str(tmp_path / "out"))
    assert "onnxruntime-genai==0.18.0" in error.value.hint
