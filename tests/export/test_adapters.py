"""Several adapters on one exported base: each as PEFT has it, switched in one session."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
from runs import tuned

from labkit.errors import ExportError, RunError
from labkit.export.adapters import add_inputs, convert
from labkit.export.check import TorchModel, compare, compare_logits, reference_of
from labkit.runtime import OnnxModel
from labkit.runtime.folder import write_section

pytestmark = pytest.mark.filterwarnings("ignore:Adapter 'default'. .* have invalid shape")

RUNS = {
    "tone": {"r": 4},
    "intents": {"r": 2, "target_modules": ("q_proj", "v_proj", "down_proj"), "method": "rslora"},
    "summaries": {"r": 3, "lora_alpha": 5, "target_modules": ("k_proj", "up_proj"), "seed": 9},
}
"""Adapters of different rank, scale and targets."""


def shelved(model, runs):
    """Put runs beside a model whose graph takes adapters."""
    (model / "adapters").mkdir()
    facts = {}
    for name, run in runs.items():
        facts[name] = {"file": f"adapters/{name}.onnx_adapter"}
        facts[name]["r"] = convert(run.learned, model, model / facts[name]["file"])
    write_section(model, "adapters", facts)
    return facts


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
    kept = {name: reference_of(TorchModel(model), rows) for name, model in models.items()}
    return {name: replace(found, logits=list(found.logits)) for name, found in kept.items()}


@pytest.mark.parametrize(
    "order",
    [
        ("tone", "intents", None, "summaries", "tone"),
        (None, "summaries", "intents", "tone", None),
    ],
)
def test_adapters_switched_in_any_order_answer_as_peft(shared, references, order):
    model = OnnxModel(shared, threads=1)
    for name in order:
        found = compare(references[name], model.using(name))
        assert found.max_abs_logit_diff < 1e-3
        assert found.first_difference is None
