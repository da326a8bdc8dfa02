"""What a method trains, counted without a model, is what the model that is ready to learn has."""

import json

import pytest
import torch
from peft.utils import constants
from tiny import ARCHITECTURES, tiny_model
from transformers import AutoConfig, AutoModelForCausalLM

from labkit.errors import SpecError
from labkit.spec import METHODS, FinetuneSpec
from labkit.training import adapter_facts, add_adapter
from labkit.training.layer_names import FEED_FORWARD_OUTPUTS, KEYS_AND_VALUES, ends_with
from labkit.training.sizes import IA3_TARGETS, trainable
from labkit.training.sketch import sketch

CASES = [
    *({"method": method} for method in METHODS if method != "qlora"),
    {"r": 3, "target_modules": ("o_proj", "up_proj")},
    {"target_modules": r".*\.1\..*proj"},
    {"last_layers": 1},
    {"modules_to_save": ("lm_head",)},
    {"modules_to_save": ("embed_tokens", "o_proj"), "method": "dora"},
    {"head": True},
    {"head": True, "method": "full"},
    {"method": "adapter", "adapter_placement": "pfeiffer", "r": 5},
    {"method": "adapter", "last_layers": 1, "target_modules": "all-linear"},
    {"method": "ia3", "target_modules": "all-linear"},
    {
        "method": "ia3", "target_modules": ("v_proj", "down_proj"),
        "feedforward_modules": ("v_proj",),
    },
    {"method": "prefix_tuning", "prefix_projection": True, "num_virtual_tokens": 7},
]  # fmt: skip
OTHERS = ({"method": "dora"}, {"method": "adapter"}, {"method": "ia3"}, {"method": "prefix_tuning"})
"""What is counted where a model's layers are called or made in another way."""


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A function that gives the folder of a tiny model, its word embeddings tied or not."""
    folders = {}

    def of(architecture, tied):
        if (architecture, tied) not in folders:
            folder = folders[architecture, tied] = tmp_path_factory.mktemp(architecture)
            tiny_model(architecture, tie_word_embeddings=tied).save_pretrained(folder)
        return folders[architecture, tied]

    return of


def counted(folder, spec):
    """Return the parameters that learn in the model itself."""
    with torch.device("meta"):
        bare = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(folder))
        return adapter_facts(add_adapter(bare, spec, n_labels=4 if spec.head else None)).trainable


@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.parametrize("tied", [False, True])
def test_the_count_is_that_of_the_model_itself(saved, case, tied):
    folder, spec = saved("llama", tied), FinetuneSpec(**case)
    assert trainable(sketch(folder), spec, n_labels=4) == counted(folder, spec)


@pytest.mark.parametrize("architecture", [name for name in ARCHITECTURES if name != "llama"])
def test_the_count_is_right_for_other_architectures(saved, architecture):
    folder = saved(architecture, True)
    specs = [FinetuneSpec(**case) for case in OTHERS]
    found = [trainable(sketch(folder), spec) for spec in specs]
    assert found == [counted(folder, spec) for spec in specs]


def test_a_layer_that_is_not_there_is_refused_as_by_the_method(saved):
    folder, spec = saved("llama", True), FinetuneSpec(target_modules=("query",))
    with pytest.raises(SpecError) as by_method:
        counted(folder, spec)
    with pytest.raises(SpecError) as found:
        trainable(sketch(folder), spec)
    assert str(found.value) == str(by_method.value)


def test_ia3_has_the_layers_of_pefts_table():
    for kind, names in constants.TRANSFORMERS_MODELS_TO_IA3_TARGET_MODULES_MAPPING.items():
        ends = constants.TRANSFORMERS_MODELS_TO_IA3_FEEDFORWARD_MODULES_MAPPING[kind]
        if kind in IA3_TARGETS:
            assert (list(IA3_TARGETS[kind]), [IA3_TARGETS[kind][-1]]) == (names, ends)
        elif kind in ("gpt2", "bloom", "gpt_neox", "llama", "mistral", "falcon"):
            usual = (*KEYS_AND_VALUES, *FEED_FORWARD_OUTPUTS)
            assert all(any(ends_with(name, one) for one in usual) for name in names)


@pytest.mark.parametrize("part", [{"num_experts": 8}, {"quantization_config": {}}])
def test_nothing_is_said_of_a_model_whose_files_do_not_show_its_layers(tmp_path, part):
    tiny_model().save_pretrained(tmp_path)
    file = tmp_path / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | part))
    assert sketch(tmp_path) is None
