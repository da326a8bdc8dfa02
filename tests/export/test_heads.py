"""A classification head is exported with its body, and says as ONNX what it says in PyTorch."""

import json
import shutil

import numpy as np
import pytest
from runs import tuned

from labkit.errors import DataError, ExportError
from labkit.evaluation import head_scores
from labkit.export.bottleneck import insert_bottlenecks
from labkit.export.builder import export_onnx
from labkit.export.embedding import OWN, quantize_all, quantize_embedding
from labkit.export.graph import DATA
from labkit.export.heads import attach_head, read_head, split_head
from labkit.export.merge import fold, save_merged
from labkit.export.tuned import load_plain, refuse_unexportable
from labkit.runtime import OnnxModel
from labkit.runtime.classifier import OnnxClassifier

LABELS = ("joy", "anger", "surprise")
pytestmark = [
    pytest.mark.process,
    pytest.mark.filterwarnings("ignore:Adapter 'default'. .* have invalid shape"),
]


@pytest.fixture(scope="module")
def lora(tiny_folder, tmp_path_factory):
    """A LoRA run with a head, its body and head as `save_merged` writes them, and its export."""
    folder = tmp_path_factory.mktemp("lora")
    run = tuned(tiny_folder, folder / "run", labels=LABELS)
    save_merged(fold(run.load()), tiny_folder, folder / "merged", run.labels)
    export_onnx(folder / "merged", folder / "fp32", "fp32", log=folder / "log")
    return run, folder


def test_a_lora_with_a_head_scores_as_in_pytorch(lora, rows):
    run, folder = lora
    classifier = OnnxClassifier(folder / "fp32", threads=1)
    assert classifier.labels == LABELS
    wanted = head_scores(run.load(), rows)
    np.testing.assert_allclose(classifier.scores(rows), wanted, atol=1e-4)
    np.testing.assert_allclose(np.exp(wanted).sum(axis=1), 1)
    assert np.ptp(wanted) > 0.1  # rows and labels differ


@pytest.mark.parametrize(("precision", "limit"), [("int8", 0.1), ("int4", 0.5)])
def test_a_quantised_classifier_is_near(lora, rows, tmp_path, precision, limit):
    _, folder = lora
    assert quantize_all(folder / "fp32", tmp_path / "small", precision) == OWN
    wanted, got = (
        OnnxClassifier(path, threads=1).scores(rows)
        for path in (folder / "fp32", tmp_path / "small")
    )
    assert 0 < np.abs(wanted - got).mean() < limit * wanted.std()


def test_an_embedding_in_8_bits_takes_a_quarter_and_answers_nearly_as_before(lora, rows, tmp_path):
    _, folder = lora
    shutil.copytree(folder / "fp32", tmp_path / "one")
    assert quantize_embedding(tmp_path / "one")
    before, after = ((path / DATA).stat().st_size for path in (folder / "fp32", tmp_path / "one"))
    values, scales = 256 * 64, 256 * 2 * 2  # a byte each, and two in float16 a row
    assert before - after == 4 * values - values - scales
    wanted, got = (
        OnnxClassifier(path, threads=1).scores(rows) for path in (folder / "fp32", tmp_path / "one")
    )
    assert 0 < np.abs(wanted - got).mean() < 0.05 * wanted.std()
    assert not quantize_embedding(tmp_path / "one")  # no table in fp32 is left


def test_a_whole_model_with_a_head_is_split_as_well(tiny_folder, tmp_path, rows):
    run = tuned(tiny_folder, tmp_path / "run", "full", labels=LABELS)
    assert run.merges
    save_merged(fold(run.load()), tiny_folder, tmp_path / "merged", run.labels)
    export_onnx(tmp_path / "merged", tmp_path / "fp32", "fp32", log=tmp_path / "log")
    scores = OnnxClassifier(tmp_path / "fp32", threads=1).scores(rows)
    np.testing.assert_allclose(scores, head_scores(run.load(), rows), atol=1e-4)


def test_bottlenecks_and_their_head_go_into_the_graph_of_the_base(tiny_folder, tmp_path, rows):
    run = tuned(tiny_folder, tmp_path / "run", "adapter", labels=LABELS, r=4)
    export_onnx(tiny_folder, tmp_path / "fp32", "fp32", log=tmp_path / "log", head=run.learned)
    assert insert_bottlenecks(tmp_path / "fp32", run.learned) == 4
    scores = OnnxClassifier(tmp_path / "fp32", threads=1).scores(rows)
    np.testing.assert_allclose(scores, head_scores(run.load(), rows), atol=1e-4)


def test_a_traced_model_takes_a_head(tmp_path, rows):
    from small import save_small

    save_small("GPTNeoXForCausalLM", tmp_path / "base")
    run = tuned(tmp_path / "base", tmp_path / "run", labels=LABELS)
    save_merged(fold(run.load()), tmp_path / "base", tmp_path / "merged", run.labels)
    export_onnx(tmp_path / "merged", tmp_path / "fp32", "fp32", log=tmp_path / "log")
    scores = OnnxClassifier(tmp_path / "fp32", threads=1).scores(rows)
    np.testing.assert_allclose(scores, head_scores(run.load(), rows), atol=1e-4)


def test_the_body_loads_as_a_language_model_and_the_head_lies_beside_it(tiny_torch, tmp_path):
    import copy

    import torch

    model, drawn = copy.deepcopy(tiny_torch), torch.randn(3, 64)
    model.set_output_embeddings(torch.nn.Linear(64, 3, bias=False))
    model.get_output_embeddings().weight.data = drawn
    split_head(model, LABELS, tmp_path)
    model.save_pretrained(tmp_path)
    weight, labels = read_head(tmp_path)
    np.testing.assert_array_equal(weight, drawn.numpy())
    assert labels == list(LABELS)
    body, ids = load_plain(tmp_path), torch.tensor([[5, 7]])
    torch.testing.assert_close(body(ids).logits, tiny_torch(ids).logits)


def test_a_head_whose_logits_the_architecture_scales_is_scaled(lora, tmp_path, rows):
    _, folder = lora
    shutil.copytree(folder / "fp32", tmp_path / "fp32")
    wanted = OnnxClassifier(tmp_path / "fp32", threads=1).logits(rows[0])[0]
    attach_scaled(tmp_path / "fp32", folder / "merged")
    got = OnnxClassifier(tmp_path / "fp32", threads=1).logits(rows[0])[0]
    np.testing.assert_allclose(got, wanted / 4, atol=1e-5)


def attach_scaled(folder, head):
    """Take a graph's head off and put it on again with its logits divided by four."""
    import onnx

    from labkit.export.graph import load_graph

    model = load_graph(folder)
    del model.graph.node[-1], model.graph.output[-1]
    kept = [t for t in model.graph.initializer if not t.name.startswith("lm_head")]
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)
    onnx.save(model, folder / "model.onnx")
    attach_head(folder, head, 0.25)


def test_a_classifier_is_no_language_model_and_the_other_way_round(lora, tiny_fp32):
    _, folder = lora
    assert not (folder / "fp32" / "genai_config.json").exists()  # it would write text
    facts = json.loads((folder / "fp32" / "labkit.json").read_text())["model"]
    assert facts["kind"] == "classifier"
    with pytest.raises(ExportError, match="has no classification head"):
        OnnxClassifier(tiny_fp32)
    OnnxModel(tiny_fp32)


def test_a_row_without_tokens_is_refused(lora):
    classifier = OnnxClassifier(lora[1] / "fp32", threads=1)
    with pytest.raises(DataError, match="row 2 is empty"):
        classifier.scores([[3], []])
    assert classifier.scores([]).shape == (0, 3)


def test_a_run_with_a_head_is_not_refused(lora):
    refuse_unexportable(lora[0].spec)
