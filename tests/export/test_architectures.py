"""Small random models of each architecture answer as ONNX as they do in PyTorch."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import small

import labkit
from labkit.errors import ExportError
from labkit.export.architectures import BUILT, TRACED, check_exportable, is_built
from labkit.export.bottleneck import insert_bottlenecks
from labkit.export.builder import quantize_and_tie
from labkit.export.check import compare, compare_logits, reference_of
from labkit.export.gates import gate_fp32
from labkit.export.graph import load_graph
from labkit.export.torch_model import TorchModel
from labkit.export.tuned import load_plain
from labkit.run import create
from labkit.runtime import OnnxModel
from labkit.spec import FinetuneSpec

HERE = Path(__file__).parent
TESTED = (*BUILT, "GPT2LMHeadModel", "GPTNeoXForCausalLM")
"""The rest is in benchmarks/architectures.py: a trace takes seconds."""


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """Folders `<architecture>/hf` and `<architecture>/fp32`, made by one process for all."""
    folder = tmp_path_factory.mktemp("architectures")
    jobs = {}
    for name in TESTED:
        small.save_small(name, folder / name / "hf")
        jobs[str(folder / name / "hf")] = str(folder / name / "fp32")
    paths = {"PYTHONPATH": f"{HERE.parents[1]}:{HERE.parent}"}
    subprocess.run(
        [sys.executable, str(HERE / "small.py"), str(folder / "failed.json")],
        input=json.dumps(list(jobs.items())), text=True, check=True, capture_output=True,
        env=os.environ | paths,
    )  # fmt: skip
    assert json.loads((folder / "failed.json").read_text()) == {}
    return folder


@pytest.mark.process
@pytest.mark.parametrize("name", TESTED)
def test_onnx_answers_as_pytorch_and_int8_nearly_so(exported, name):
    model = load_plain(exported / name / "hf")
    wanted = reference_of(TorchModel(model), small.rows_of())
    wanted = replace(wanted, logits=list(wanted.logits))  # computed once for both
    parity = compare(wanted, OnnxModel(exported / name / "fp32", threads=1))
    gate_fp32(parity)
    assert parity.max_abs_logit_diff < 1e-3
    assert parity.first_difference is None
    reason = quantize_and_tie(exported / name / "fp32", exported / name / "int8", "int8")
    assert (reason is None) is model.config.tie_word_embeddings
    rounded = compare(wanted, OnnxModel(exported / name / "int8", threads=1))
    assert parity.kl < rounded.kl < 0.2


@pytest.mark.process
@pytest.mark.parametrize("name", ["GPT2LMHeadModel", "Lfm2ForCausalLM", "Gemma3ForCausalLM"])
def test_tokens_read_in_parts_answer_as_those_read_at_once(exported, name):
    import numpy as np

    model, row = OnnxModel(exported / name / "fp32", threads=1), small.rows_of()[2]
    wanted, whole = model.logits(row)
    first, cache = model.logits(row[:25])
    rest, last = model.logits(row[25:], cache)
    np.testing.assert_allclose(np.concatenate([first, rest]), wanted, atol=1e-4)
    assert last.length == whole.length == len(row)
    side_by_side, _ = model.logits_of_rows(np.array([[5], [6]]), cache.repeat(2))
    np.testing.assert_allclose(side_by_side[1], model.logits([6], cache)[0], atol=1e-4)


@pytest.mark.process
@pytest.mark.parametrize("name", ["LlamaForCausalLM", "GPT2LMHeadModel"])
def test_graphs_give_hidden_states_that_the_head_turns_into_logits(exported, name):
    import numpy as np

    folder = exported / name
    head = load_plain(folder / "hf").lm_head.weight.detach().numpy()
    model, row = OnnxModel(folder / "fp32", threads=1), small.rows_of()[1]
    hidden = model.hidden_states(row)
    np.testing.assert_allclose(hidden @ head.T, model.logits(row)[0], atol=1e-4)


@pytest.mark.process
def test_a_traced_graph_has_the_names_of_the_builders(exported):
    graph = load_graph(exported / "GPT2LMHeadModel" / "fp32").graph
    products = {node.name for node in graph.node if node.op_type == "MatMul"}
    layer = {f"/model/layers.1/{part}/MatMul" for part in ("attn/qkv_proj", "attn/o_proj")}
    layer |= {f"/model/layers.1/{part}/MatMul" for part in ("mlp/up_proj", "mlp/down_proj")}
    assert layer | {"/lm_head/MatMul"} <= products
    given = [value.name for value in graph.output]
    assert given == ["logits", *_cache("present"), "hidden_states"]
    assert {value.name for value in graph.input} >= {"input_ids", *_cache("past_key_values")}


@pytest.mark.process
@pytest.mark.parametrize("name", ["GPT2LMHeadModel", "GPTNeoXForCausalLM"])
def test_onnxruntime_genai_writes_with_a_traced_graph_what_labkit_does(exported, name):
    import numpy as np

    genai = pytest.importorskip("onnxruntime_genai")
    folder, row = exported / name / "fp32", small.rows_of()[2][:12]
    opened = genai.Model(str(folder))
    asked = genai.GeneratorParams(opened)
    asked.set_search_options(max_length=len(row) + 16, do_sample=False)
    writer = genai.Generator(opened, asked)
    writer.append_tokens(np.array(row, np.int32))
    while not writer.is_done():
        writer.generate_next_token()
    ends = [small.SIZES["eos_token_id"]]
    written = list(writer.get_sequence(0))[len(row) :]
    wanted = OnnxModel(folder, threads=1).generate(row, 16, ends)
    assert written[: len(wanted)] == wanted
    assert len(wanted) > 4


@pytest.mark.process
def test_a_run_that_was_traced_is_served(exported, tmp_path, monkeypatch):
    sys.path.append(str(HERE.parent / "serve"))
    from servers import started

    monkeypatch.chdir(tmp_path)
    run = create("tone", "finetune", FinetuneSpec())
    shutil.copytree(exported / "GPT2LMHeadModel" / "fp32", run.path / "onnx" / "fp32")
    wanted = labkit.load("tone").generate("Hello", max_new_tokens=12)
    with started("tone", tmp_path) as served, served.client() as client:
        (model,) = client.models.list()
        turns = [{"role": "user", "content": "Hello"}]
        said = client.chat.completions.create(model=model.id, messages=turns, max_tokens=12)
    assert said.choices[0].message.content == wanted
    assert len(wanted) > 4


def _cache(start):
    return [f"{start}.{layer}.{kind}" for layer in (0, 1) for kind in ("key", "value")]


@pytest.mark.process
def test_int4_of_a_traced_graph_keeps_eight_bits_in_its_head(exported):
    folder = exported / "GPTNeoXForCausalLM"
    quantize_and_tie(folder / "fp32", folder / "int4", "int4")
    names = {n.name for n in load_graph(folder / "int4").graph.node if n.op_type == "MatMulNBits"}
    assert "/lm_head/MatMul_Q8" in names
    assert any(name.endswith("_Q4") for name in names)
    rows, model = small.rows_of(), load_plain(folder / "hf")
    assert compare_logits(model, OnnxModel(folder / "int4", threads=1), rows).kl < 1


@pytest.mark.process
@pytest.mark.filterwarnings("ignore:Adapter 'default'. .* have invalid shape")
def test_bottleneck_adapters_answer_in_a_traced_graph(exported, tmp_path):
    import shutil

    from runs import tuned

    folder = exported / "GPT2LMHeadModel"
    run = tuned(folder / "hf", tmp_path, "adapter", r=4)
    shutil.copytree(folder / "fp32", tmp_path / "onnx")
    assert insert_bottlenecks(tmp_path / "onnx", run.learned) == 4
    parity = compare_logits(run.load(), OnnxModel(tmp_path / "onnx", threads=1), small.rows_of())
    assert parity.max_abs_logit_diff < 1e-4


@pytest.mark.process
@pytest.mark.filterwarnings("ignore:Adapter 'default'. .* have invalid shape")
@pytest.mark.parametrize("name", ["GPT2LMHeadModel", "GPTNeoXForCausalLM"])
def test_lora_adapters_are_switched_on_in_a_traced_graph(exported, name, tmp_path):
    import shutil

    from runs import tuned

    from labkit.export.adapters import add_inputs, convert

    run = tuned(exported / name / "hf", tmp_path / "run", r=3, target_modules="all-linear")
    shutil.copytree(exported / name / "fp32", tmp_path / "onnx")
    assert len(add_inputs(tmp_path / "onnx")) == 2 * 4  # c_attn, c_proj, c_fc, c_proj of a layer
    convert(run.learned, tmp_path / "onnx", tmp_path / "run.onnx_adapter")
    model, rows = OnnxModel(tmp_path / "onnx", threads=1), small.rows_of()
    found = compare_logits(run.load(), model.using(tmp_path / "run.onnx_adapter"), rows)
    assert found.max_abs_logit_diff < 1e-3
    assert found.first_difference is None
    assert compare_logits(run.load(), model, rows).max_abs_logit_diff > 1


def test_every_architecture_has_a_small_model():
    assert set(small.SMALL) == {*BUILT, *TRACED}


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ({"architectures": ["T5Model"], "is_encoder_decoder": True}, "it has an encoder, and"),
        ({"architectures": ["LlavaModel"], "vision_config": {}}, "it reads pictures or sound"),
        ({"architectures": ["MyModel"], "auto_map": {"AutoModel": "x.Y"}}, "it runs code that"),
        ({"architectures": ["MambaForCausalLM"]}, r"The architecture MambaForCausalLM cannot be"),
        ({}, r"The architecture \(none named\) cannot be exported"),
        ({"architectures": ["LlamaForCausalLM"]}, r"holds no tokenizer\.json"),
        (
            {"architectures": ["LlamaForCausalLM"], "quantization_config": {"quant_method": "awq"}},
            "must hold plain weights; it uses awq",
        ),
    ],
)
def test_what_cannot_be_exported_is_refused_before_it_is_loaded(tmp_path, config, sentence):
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(ExportError, match=sentence):
        check_exportable(tmp_path)


def test_a_config_that_is_cut_off_is_refused(tmp_path):
    (tmp_path / "config.json").write_text('{"architectures": ["Lla')
    with pytest.raises(ExportError, match=r"config\.json is not JSON"):
        check_exportable(tmp_path)


def test_a_misspelt_architecture_is_answered_with_the_nearest(tmp_path):
    (tmp_path / "config.json").write_text('{"architectures": ["GPT2LMHeadModell"]}')
    with pytest.raises(ExportError) as error:
        check_exportable(tmp_path)
    assert error.value.hint == "Did you mean 'GPT2LMHeadModel'?"


@pytest.mark.parametrize(
    ("settings", "built"),
    [
        ({}, True),
        ({"rope_parameters": {"rope_type": "llama3", "factor": 8.0}}, True),
        ({"rope_scaling": {"type": "dynamic", "factor": 2.0}}, False),  # the builder drops it
    ],
)
def test_positions_that_the_builder_does_not_know_are_traced(tmp_path, settings, built):
    config = {"architectures": ["LlamaForCausalLM"], **settings}
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert is_built(tmp_path) is built
