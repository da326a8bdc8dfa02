"""Several adapters on one exported base: each as PEFT has it, switched in one session."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from exported import VOCAB, save_tokenizer
from runs import tuned
from tiny import tiny_model

from labkit.errors import ExportError, RunError
from labkit.export.adapters import add_inputs, convert
from labkit.export.adapters.sites import without_inputs
from labkit.export.builder import export_onnx, quantize_and_tie
from labkit.export.check import compare, reference_of
from labkit.export.torch_model import TorchModel
from labkit.runtime import OnnxModel
from labkit.runtime.folder import write_section

pytestmark = [
    pytest.mark.process,
    pytest.mark.filterwarnings("ignore:Adapter 'default'. .* have invalid shape"),
]

RUNS = {
    "tone": {"r": 4},
    "intents": {"r": 2, "target_modules": ("q_proj", "v_proj", "down_proj"), "method": "rslora"},
    "summaries": {"r": 6, "lora_alpha": 5, "target_modules": ("k_proj", "up_proj"), "seed": 9},
    "last": {"r": 2, "last_layers": 1, "init_lora_weights": "pissa"},
}
"""Adapters of different rank, scale, targets and starts."""


def shelved(model, runs):
    """Put runs beside a model whose graph takes adapters."""
    (model / "adapters").mkdir()
    facts = {}
    for name, run in runs.items():
        facts[name] = {"file": f"adapters/{name}.onnx_adapter"}
        facts[name]["r"] = convert(run.learned, model, model / facts[name]["file"])
    write_section(model, "adapters", facts)
    return facts


def answers_of(model, rows):
    found = reference_of(TorchModel(model), rows)
    return replace(found, logits=list(found.logits))


@pytest.fixture(scope="module")
def runs(tiny_folder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    return {name: tuned(tiny_folder, folder / name, **given) for name, given in RUNS.items()}


@pytest.fixture(scope="module")
def shared(tiny_fp32, runs, tmp_path_factory):
    """The base in fp32 with all adapters beside it."""
    folder = tmp_path_factory.mktemp("shared") / "fp32"
    shutil.copytree(tiny_fp32, folder)
    add_inputs(folder)
    shelved(folder, runs)
    return folder


@pytest.fixture(scope="module")
def references(runs, tiny_torch, rows):
    """What PEFT answers with each adapter, and the base with none."""
    models = {None: tiny_torch} | {name: run.load() for name, run in runs.items()}
    return {name: answers_of(model, rows) for name, model in models.items()}


@pytest.mark.parametrize(
    "order",
    [
        ("tone", "intents", None, "summaries", "last", "tone"),
        (None, "last", "summaries", "intents", "tone", None),
    ],
)
def test_adapters_switched_in_any_order_answer_as_peft(shared, references, order):
    model = OnnxModel(shared, threads=1)
    for name in order:
        found = compare(references[name], model.using(name))
        assert found.max_abs_logit_diff < 1e-3
        assert found.first_difference is None
    far = np.abs(references["tone"].logits[0] - references[None].logits[0]).max()
    assert far > 0.1  # else the adapters would do nothing


def test_with_none_the_graph_is_the_base_to_the_last_bit(shared, tiny_onnx, tmp_path, rows):
    without_inputs(shared, tmp_path / "plain")
    wanted = tiny_onnx.logits(rows[0])[0]
    for folder in (shared, tmp_path / "plain"):
        np.testing.assert_array_equal(OnnxModel(folder, threads=1).logits(rows[0])[0], wanted)


def test_views_of_one_session_answer_side_by_side(shared, references, rows):
    model = OnnxModel(shared, threads=1)
    names = [name for name in references for _ in range(4)]
    wanted = {name: model.using(name).generate(rows[0], 12) for name in references}
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda name: model.using(name).generate(rows[0], 12), names))
    assert found == [wanted[name] for name in names]
    assert len({tuple(tokens) for tokens in wanted.values()}) > 1


def test_onnxruntime_genai_switches_the_same_files(shared, references, rows):
    import onnxruntime_genai as og

    model = og.Model(str(shared))
    shelf = og.Adapters(model)
    for name in RUNS:
        shelf.load(str(shared / "adapters" / f"{name}.onnx_adapter"), name)
    for name in ("tone", None, "summaries", "intents", "tone"):
        options = og.GeneratorParams(model)
        options.set_search_options(max_length=len(rows[0]) + 12, do_sample=False)
        writer = og.Generator(model, options)
        if name:
            writer.set_active_adapter(shelf, name)
        writer.append_tokens(np.array([rows[0]], np.int32))
        while not writer.is_done():
            writer.generate_next_token()
        wanted = references[name].greedy[0][:12]
        got = list(writer.get_sequence(0))[len(rows[0]) :]
        assert got == wanted[: len(got)]
        assert got


@pytest.mark.parametrize(("precision", "most"), [("int8", 0.05), ("int4", 1.0)])
def test_adapters_on_a_quantised_base_stay_near_peft(
    tiny_fp32, runs, references, tmp_path, precision, most
):
    quantize_and_tie(tiny_fp32, tmp_path / "base", precision)
    add_inputs(tmp_path / "base")
    shelved(tmp_path / "base", runs)
    model = OnnxModel(tmp_path / "base", threads=1)
    for name, wanted in references.items():
        assert 0 < compare(wanted, model.using(name)).kl < most


def test_an_unknown_adapter_is_refused_with_the_nearest_name(shared, tiny_onnx, tmp_path):
    model = OnnxModel(shared, threads=1)
    assert model.adapters == tuple(RUNS)
    with pytest.raises(RunError, match="has no adapter 'intent'") as error:
        model.using("intent")
    assert error.value.hint == (
        "Did you mean 'intents'? There are tone, intents, summaries and last."
    )
    with pytest.raises(RunError, match="has no adapters; got 'tone'"):
        tiny_onnx.using("tone")
    (tmp_path / "broken.onnx_adapter").write_bytes(b"cut off")
    with pytest.raises(ExportError, match="cannot open the adapter"):
        model.using(tmp_path / "broken.onnx_adapter")


ARCHITECTURES = {
    "qwen2": ("q_proj", "k_proj", "v_proj", "o_proj", "down_proj"),
    "gemma3": "all-linear",
    "phi3": ("qkv_proj", "gate_up_proj"),
}
"""Biases beside the products; normalised queries and keys; products that the model has fused."""


@pytest.mark.parametrize(("architecture", "targets"), ARCHITECTURES.items())
def test_other_architectures_are_exact_too(architecture, targets, tmp_path, rows):
    base = tmp_path / "base"
    model = tiny_model(
        architecture, vocab_size=VOCAB, hidden_size=64, initializer_range=0.3,
        head_dim=16, original_max_position_embeddings=256,
    )  # fmt: skip
    for name, parameter in model.named_parameters():
        if name.endswith(".bias"):
            parameter.data.normal_(0, 0.3)  # they start at zero
    model.save_pretrained(base)
    save_tokenizer(base)
    full = tmp_path / "fp32"
    export_onnx(base, full, "fp32", log=tmp_path / "log.txt")
    add_inputs(full)
    run = tuned(base, tmp_path / "run", r=3, target_modules=targets)
    shelved(full, {"run": run})
    onnx = OnnxModel(full, threads=1)
    for name, wanted in (("run", run.load()), (None, model.eval())):
        found = compare(answers_of(wanted, rows), onnx.using(name))
        assert found.max_abs_logit_diff < 1e-3
        assert found.first_difference is None
