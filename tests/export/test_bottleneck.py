"""Bottleneck adapters in an exported graph answer as they do in PyTorch."""

import shutil

import pytest
from runs import tuned

from labkit.errors import ExportError
from labkit.export import HeldOut, Request, Tuned, climb, compare_logits, tie_int8_embedding
from labkit.export.bottleneck import insert_bottlenecks
from labkit.export.builder import export_onnx, quantize_and_tie
from labkit.export.child import call
from labkit.export.gates import gate_fp32
from labkit.export.graph import Weights, load_graph
from labkit.export.merge import fold, save_merged
from labkit.export.quantize import quantize_onnx
from labkit.runtime import OnnxModel
from labkit.spec import FinetuneSpec

pytestmark = [
    pytest.mark.process,
    pytest.mark.filterwarnings("ignore:Adapter 'default'. .* have invalid shape"),
]


@pytest.fixture(scope="module")
def biased(tmp_path_factory):
    """A base whose layers have biases and whose head is its own; with it, its fp32 export."""
    from exported import save_llama

    folder = tmp_path_factory.mktemp("biased")
    save_llama(folder / "base", tied=False, attention_bias=True, mlp_bias=True)
    export_onnx(folder / "base", folder / "fp32", "fp32", log=folder / "log")
    return folder


def inserted(fp32, run, out):
    """Copy a base's export and put a run's adapters into the copy."""
    shutil.copytree(fp32, out)
    return insert_bottlenecks(out, run.learned)


@pytest.mark.parametrize(
    ("settings", "n_adapters"),
    [
        ({}, 4),  # Houlsby's: after attention and feed-forward of both layers
        ({"adapter_placement": "pfeiffer"}, 2),
        ({"last_layers": 1}, 2),
        ({"target_modules": "all-linear"}, 14),
        ({"target_modules": ["k_proj", "gate_proj"]}, 4),  # the graph fuses q, k and v
    ],
)
def test_fp32_onnx_has_the_logits_of_the_adapters_in_pytorch(
    tiny_folder, tiny_fp32, tmp_path, rows, settings, n_adapters
):
    run = tuned(tiny_folder, tmp_path, "adapter", r=8, **settings)
    model = run.load()
    assert compare_logits(model, OnnxModel(tiny_fp32, threads=1), rows).max_abs_logit_diff > 0.5
    assert inserted(tiny_fp32, run, tmp_path / "onnx") == n_adapters
    parity = compare_logits(model, OnnxModel(tmp_path / "onnx", threads=1), rows)
    gate_fp32(parity)
    assert parity.max_abs_logit_diff < 1e-4


def test_adapters_read_what_a_layer_gives_with_its_bias(biased, tmp_path, rows):
    run = tuned(biased / "base", tmp_path, "adapter", r=8)
    inserted(biased / "fp32", run, tmp_path / "onnx")
    parity = compare_logits(run.load(), OnnxModel(tmp_path / "onnx", threads=1), rows)
    assert parity.max_abs_logit_diff < 1e-4


def test_quantising_rounds_the_base_and_leaves_the_adapters(tiny_folder, tiny_fp32, tmp_path, rows):
    run = tuned(tiny_folder, tmp_path, "adapter", r=8)
    inserted(tiny_fp32, run, tmp_path / "fp32")
    wanted = OnnxModel(tmp_path / "fp32", threads=1).logits(rows[3])[0]
    for precision, distance in (("int8", 0.1), ("int4", 0.6)):
        quantize_onnx(tmp_path / "fp32", tmp_path / precision, precision)
        assert tie_int8_embedding(tmp_path / precision) is None
        graph = load_graph(tmp_path / precision).graph
        weights = Weights(tmp_path / precision, graph)
        kept = [node.input[1] for node in graph.node if node.op_type == "MatMul"]
        assert len(kept) == 2 * 4  # down and up of each adapter
        assert {str(weights.read(name).dtype) for name in kept} == {"float32"}
        got = OnnxModel(tmp_path / precision, threads=1).logits(rows[3])[0]
        assert 0 < abs(wanted - got).mean() < distance * wanted.std()


def test_a_layer_that_the_graph_does_not_have_is_named(tiny_folder, tiny_fp32, tmp_path):
    from safetensors.numpy import load_file, save_file

    run = tuned(tiny_folder, tmp_path, "adapter", r=2, last_layers=1)
    file = run.learned / "adapter_model.safetensors"
    weights = load_file(file)
    save_file({k.replace("down_proj", "router"): v for k, v in weights.items()}, file)
    shutil.copytree(tiny_fp32, tmp_path / "onnx")
    before = (tmp_path / "onnx" / "model.onnx").read_bytes()
    with pytest.raises(ExportError, match=r"no product of model\.layers\.1\.mlp\.router, which"):
        insert_bottlenecks(tmp_path / "onnx", run.learned)
    assert (tmp_path / "onnx" / "model.onnx").read_bytes() == before


def test_lora_is_no_bottleneck(tiny_folder, tiny_fp32, tmp_path):
    run = tuned(tiny_folder, tmp_path, "lora")
    with pytest.raises(ExportError, match="holds no bottleneck adapters"):
        insert_bottlenecks(tiny_fp32, run.learned)


def test_a_head_that_was_trained_is_exported(tiny_folder, tmp_path, rows):
    run = tuned(tiny_folder, tmp_path, modules_to_save=["lm_head"])
    save_merged(fold(run.load()), tiny_folder, tmp_path / "merged")
    export_onnx(tmp_path / "merged", tmp_path / "fp32", "fp32", log=tmp_path / "log")
    parity = compare_logits(run.load(), OnnxModel(tmp_path / "fp32", threads=1), rows)
    gate_fp32(parity)
    assert quantize_and_tie(tmp_path / "fp32", tmp_path / "int8", "int8") == (
        "the embedding and the head are different matrices"
    )
    parity = compare_logits(run.load(), OnnxModel(tmp_path / "int8", threads=1), rows)
    assert parity.kl < 0.05


@pytest.mark.parametrize("method", ["prompt_tuning", "prefix_tuning"])
def test_virtual_tokens_are_not_exported(tiny_folder, tmp_path, method):
    run = Tuned(tiny_folder, tmp_path, FinetuneSpec(method=method))
    with pytest.raises(ExportError, match=f"{method} cannot be exported: its virtual") as error:
        climb(run, tmp_path / "onnx", Request(), held_out=HeldOut([[1]]), emit=print)
    assert "%generate" in error.value.hint
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_told_in_a_sentence(tiny_folder, tiny_fp32, tmp_path):
    run = tuned(tiny_folder, tmp_path, "adapter", r=8)
    shutil.copytree(tiny_fp32, tmp_path / "onnx")
    (tmp_path / "onnx" / "model.onnx.data.part").symlink_to("/dev/full")
    arguments = {"folder": str(tmp_path / "onnx"), "adapter": str(run.learned)}
    with pytest.raises(ExportError, match=r"is full: steps.insert could not write") as error:
        call("steps", "insert", log=tmp_path / "log", out=str(tmp_path / "new"), **arguments)
    assert error.value.hint == "Free some space, then start it again."
