"""The whole way from a folder to a checked ONNX model."""

import json

import numpy as np
import pytest
from runs import tuned

from labkit.errors import ExportError
from labkit.export import HeldOut, Tuned, optimize
from labkit.export.check import Parity
from labkit.export.gates import gate_accuracy, gate_divergence, sign_test
from labkit.runtime import OnnxModel

pytestmark = [
    pytest.mark.process,
    pytest.mark.filterwarnings("ignore:Adapter 'default'. .* have invalid shape"),
]


@pytest.fixture(scope="module")
def optimized(tiny_folder, tmp_path_factory, rows):
    """Run once on the tiny model with bottleneck adapters: folder, result and events."""
    run = tuned(tiny_folder, tmp_path_factory.mktemp("tuned"), "adapter", r=8)
    folder, events = tmp_path_factory.mktemp("run"), []
    held_out = HeldOut(rows * 5, [[5], [6, 7], [8]], ["a", "b", "c"], ["a"] * 20)
    result = optimize(
        run,
        folder / "onnx",
        precision="int8",
        held_out=held_out,
        emit=lambda kind, **values: events.append((kind, values)),
    )
    return folder, result, events


def test_one_model_and_its_numbers_are_left(optimized):
    folder, result, _ = optimized
    assert sorted(path.name for path in folder.iterdir()) == ["onnx", "onnx.log"]
    assert json.loads((folder / "onnx" / "optimize.json").read_text()) == result
    assert [path.name for path in (folder / "onnx").glob("*.onnx")] == ["model.onnx"]
    assert len(OnnxModel(folder / "onnx", threads=1).generate([5, 6, 7], 4)) == 4


def test_the_result_holds_what_was_checked_and_measured(optimized):
    _, result, _ = optimized
    assert result["parity"]["fp32"]["max_abs_logit_diff"] < 1e-3
    assert 0 < result["parity"]["int8"]["kl"] < 0.05
    assert set(result["accuracy"]) == {"fp32", "int8"}
    assert result["n_rows"] == 20
    assert result["bottlenecks"] == 4
    assert set(result["latency"]) == {"onnx", "torch"}
    assert result["latency"]["onnx"]["n_tokens"] > 0
    assert all(latency["token_seconds"] > 0 for latency in result["latency"].values())
    assert {"answer", "export", "quantize", "this process"} < set(result["peak_bytes"])


def test_stages_parity_and_latency_are_told_as_they_happen(optimized):
    _, _, events = optimized
    stages = [values["name"] for kind, values in events if kind == "stage"]
    assert stages == ["answer", "export", "check", "quantize", "accuracy", "measure"]
    assert [values["done"] for kind, values in events if kind == "stage"] == list(range(6))
    assert [v["precision"] for kind, v in events if kind == "parity"] == ["fp32", "int8"]
    assert [v["engine"] for kind, v in events if kind == "latency"] == ["onnx", "torch"]


def test_the_page_beside_the_model_names_its_numbers(optimized):
    folder, result, _ = optimized
    page = (folder / "onnx" / "README.md").read_text()
    assert f"| int8 | {result['accuracy']['int8']:.3f} | 20 |" in page


def test_a_folder_that_exists_is_not_overwritten(optimized, tiny_folder, rows):
    folder, _, _ = optimized
    with pytest.raises(ExportError, match="exists already"):
        optimize(
            Tuned(tiny_folder),
            folder / "onnx",
            precision="int8",
            held_out=HeldOut(rows),
            emit=lambda kind, **values: None,
        )


@pytest.mark.parametrize(
    ("held_out", "message"),
    [
        (HeldOut([]), "needs held-out rows; got 0"),
        (HeldOut([[1]], [[2]], ["a"], []), "got 0 labels for 1 rows"),
    ],
)
def test_without_evidence_nothing_starts(tiny_folder, tmp_path, held_out, message):
    with pytest.raises(ExportError, match=message):
        optimize(
            Tuned(tiny_folder),
            tmp_path / "onnx",
            precision="int8",
            held_out=held_out,
            emit=lambda kind, **values: None,
        )
    assert list(tmp_path.iterdir()) == []


def answers(n_rows, *, wrong):
    correct = np.ones(n_rows, bool)
    correct[list(wrong)] = False
    return correct


@pytest.mark.parametrize(
    ("precision", "n_rows", "n_lost", "after"),
    [("int8", 120, 4, "0.967"), ("int8", 20, 4, "0.800"), ("int4", 120, 7, "0.942")],
)
def test_too_many_lost_answers_are_refused(precision, n_rows, n_lost, after):
    before, now = answers(n_rows, wrong=[]), answers(n_rows, wrong=range(n_lost))
    with pytest.raises(ExportError, match=f"{precision} may lose .* got {after} after 1.000"):
        gate_accuracy(precision, before, now)


@pytest.mark.parametrize(
    ("lost", "won"), [((), ()), ((0, 1), ()), ((0, 1, 2), ()), (range(9), range(20, 25))]
)
def test_losses_within_two_points_or_chance_pass(lost, won):
    gate_accuracy("int8", answers(120, wrong=won), answers(120, wrong=lost))


def test_the_sign_test_has_the_values_of_the_binomial_distribution():
    assert sign_test(4, 0) == 1 / 16
    assert sign_test(3, 1) == 5 / 16
    assert sign_test(0, 0) == 1


def test_a_divergence_that_is_no_number_is_refused():
    parity = Parity(0.0, float("nan"), 1.0, 10, None, 5)
    with pytest.raises(ExportError, match="mean KL of int8"):
        gate_divergence("int8", parity)
