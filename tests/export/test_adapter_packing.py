"""From a PEFT folder to the inputs of a graph: places, scales, and what is refused."""

import json
import math

import numpy as np
import pytest

from labkit.errors import ExportError
from labkit.export.adapters.convert import Graph, packed
from labkit.export.adapters.lora import read_lora
from labkit.export.adapters.sites import Site

FUSED = Graph(
    sites=[
        Site("layers.0.qkv_proj", 6, 8),
        Site("layers.0.o_proj", 4, 6),
        Site("layers.1.qkv_proj", 6, 8),
        Site("layers.1.gate_proj", 6, 5),
        Site("layers.1.up_proj", 6, 5),
    ],
    widths={"q_proj": 4, "k_proj": 2, "v_proj": 2},
)
"""Two layers of width 6: 2 heads of queries and 1 of keys and values, of size 2."""

ATTENTION = "base_model.model.model.layers.0.self_attn"


@pytest.fixture
def adapter(tmp_path):
    """A function that writes a PEFT folder: `shapes` is module -> (inputs, r, outputs)."""

    def write(shapes, more=(), **config):
        from safetensors.numpy import save_file

        draw, tensors = np.random.default_rng(1), dict(more)
        for module, (inputs, r, outputs) in shapes.items():
            stem = module if module.startswith("base_model") else f"{ATTENTION}.{module}"
            tensors[f"{stem}.lora_A.weight"] = draw.normal(size=(r, inputs)).astype(np.float32)
            tensors[f"{stem}.lora_B.weight"] = draw.normal(size=(outputs, r)).astype(np.float32)
        plain = {"peft_type": "LORA", "r": 2, "lora_alpha": 6, "bias": "none", "use_dora": False}
        (tmp_path / "adapter_config.json").write_text(json.dumps(plain | config))
        save_file(tensors, tmp_path / "adapter_model.safetensors")
        return tmp_path

    return write


def inputs_of(folder, graph=FUSED):
    return packed(read_lora(folder), graph, folder)


def change(folder, module):
    """Return what a module gains for a row of ones, without its scale."""
    from safetensors.numpy import load_file

    tensors = load_file(folder / "adapter_model.safetensors")
    a, b = (tensors[f"{ATTENTION}.{module}.lora_{side}.weight"] for side in "AB")
    return np.ones(a.shape[1]) @ a.T @ b.T


def test_fused_products_keep_queries_keys_and_values_apart(adapter):
    folder = adapter({"q_proj": (6, 2, 4), "v_proj": (6, 2, 2)})
    found = inputs_of(folder)
    assert set(found) == {"layers.0.qkv_proj.lora_A", "layers.0.qkv_proj.lora_B"}
    a, b = found["layers.0.qkv_proj.lora_A"], found["layers.0.qkv_proj.lora_B"]
    assert (a.shape, b.shape) == ((6, 4), (4, 8))
    gained = np.ones(6) @ a @ b
    scale = 6 / 2
    np.testing.assert_allclose(gained[:4], scale * change(folder, "q_proj"), rtol=1e-5)
    np.testing.assert_array_equal(gained[4:6], 0)
    np.testing.assert_allclose(gained[6:], scale * change(folder, "v_proj"), rtol=1e-5)


def test_a_product_that_the_model_has_fused_goes_into_those_of_the_graph(adapter):
    apart = Graph(
        [Site(f"layers.0.{name}_proj", 6, n) for name, n in (("q", 4), ("k", 2), ("v", 2))],
        FUSED.widths,
    )
    folder = adapter({"qkv_proj": (6, 3, 8)})
    found, gained = inputs_of(folder, apart), change(folder, "qkv_proj")
    for name, part in (("q", slice(4)), ("k", slice(4, 6)), ("v", slice(6, 8))):
        a, b = found[f"layers.0.{name}_proj.lora_A"], found[f"layers.0.{name}_proj.lora_B"]
        np.testing.assert_allclose(np.ones(6) @ a @ b, 2 * gained[part], rtol=1e-5)  # 6 / 3


def test_gate_and_up_in_one_are_taken_apart_in_the_middle(adapter):
    stem = "base_model.model.model.layers.1.mlp.gate_up_proj"
    folder = adapter({stem: (6, 1, 10)})
    (lora,) = read_lora(folder).values()
    found = inputs_of(folder)
    np.testing.assert_array_equal(found["layers.1.gate_proj.lora_B"], lora.b[:, :5])
    np.testing.assert_array_equal(found["layers.1.up_proj.lora_B"], lora.b[:, 5:])


TRACED = Graph(
    [Site("transformer.h.0.attn.c_attn", 6, 18), Site("transformer.h.0.attn.c_proj", 6, 6)],
    dict.fromkeys(("q_proj", "k_proj", "v_proj"), 6),
)


def test_a_traced_graph_is_changed_where_the_module_is(adapter):
    stem = "base_model.model.transformer.h.0.attn.c_attn"
    folder = adapter({stem: (6, 2, 18)})
    (lora,) = read_lora(folder).values()
    found = inputs_of(folder, TRACED)
    np.testing.assert_array_equal(found["transformer.h.0.attn.c_attn.lora_A"], lora.a)
    np.testing.assert_array_equal(found["transformer.h.0.attn.c_attn.lora_B"], lora.b)


@pytest.mark.parametrize(
    ("module", "reason"),
    [
        ("transformer.h.0.attn.c_attn", "another base: .*c_attn has 18 outputs here; its own .* 9"),
        ("transformer.h.4.attn.c_attn", "layer 4, and the last of the 1 layers is 0"),
        ("transformer.h.0.mlp.c_fc", "the ONNX graph has no product of .*c_fc"),
        ("lm_head", "lm_head takes no adapter, only c_attn and c_proj of the layers do"),
    ],
)
def test_what_a_traced_graph_has_no_place_for_is_refused(adapter, module, reason):
    folder = adapter({f"base_model.model.{module}": (6, 2, 9)})
    with pytest.raises(ExportError, match=f"cannot be switched: .*{reason}"):
        inputs_of(folder, TRACED)


@pytest.mark.parametrize(
    ("config", "scale"),
    [
        ({}, 6 / 2),
        ({"use_rslora": True}, 6 / math.sqrt(2)),
        ({"alpha_pattern": {"o_proj": 10}}, 10 / 2),
        ({"alpha_pattern": {"layers.1.self_attn.o_proj": 10}}, 6 / 2),
        ({"alpha_pattern": {r"layers\.\d+\.self_attn\.o_proj": 1}, "use_rslora": True}, 2**-0.5),
        ({"r": 64, "rank_pattern": {"o_proj": 2}}, 6 / 2),
    ],
)
def test_the_scale_is_the_one_of_each_module(adapter, config, scale):
    folder = adapter({"o_proj": (4, 2, 6)}, **config)
    found = inputs_of(folder)
    gained = np.ones(4) @ found["layers.0.o_proj.lora_A"] @ found["layers.0.o_proj.lora_B"]
    np.testing.assert_allclose(gained, scale * change(folder, "o_proj"), rtol=1e-5)


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ({"use_dora": True}, "DoRA scales each column"),
        ({"modules_to_save": ["lm_head"]}, r"holds whole layers \(modules_to_save\)"),
        ({"bias": "lora_only"}, r"changes biases of its base \(bias: lora_only\)"),
        ({"lora_bias": True}, r"products have biases \(lora_bias\)"),
        ({"peft_type": "IA3"}, "of PEFT's type LORA; its type is IA3"),
        ({"peft_type": "PROMPT_TUNING"}, "its type is PROMPT_TUNING"),
        ({"init_lora_weights": "pissa_niter_16"}, r"start \(pissa_niter_16\) has changed"),
        ({"init_lora_weights": "olora"}, r"start \(olora\) has changed"),
        ({"trainable_token_indices": [3]}, "changes rows of the embedding"),
        ({"alora_invocation_tokens": [3]}, "begins in the middle of a prompt"),
    ],
)
def test_settings_that_are_no_plain_product_are_refused(adapter, config, reason):
    with pytest.raises(ExportError, match=f"cannot be switched: .*{reason}") as error:
        read_lora(adapter({"o_proj": (4, 2, 6)}, **config))
    assert "%optimize RUN" in error.value.hint


ONES = np.ones((1, 2), np.float32)


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"base_model.model.model.embed_tokens.lora_embedding_A": ONES}, "changes the embedding"),
        ({f"{ATTENTION}.o_proj.lora_A.bias": ONES[0]}, "bottleneck bends"),
        ({f"{ATTENTION}.o_proj.lora_magnitude_vector": ONES[0]}, "DoRA scales"),
        ({f"{ATTENTION}.q_proj.lora_A.weight": ONES}, "one half of model.layers.0.self_attn.q"),
        ({f"{ATTENTION}.o_proj.lora_A.weight": np.full((2, 4), np.nan, np.float32)}, "not finite"),
    ],
)
def test_files_that_hold_something_else_are_refused(adapter, more, reason):
    shapes = {} if any("o_proj.lora_A.weight" in key for key in more) else {"o_proj": (4, 2, 6)}
    if not shapes and f"{ATTENTION}.o_proj.lora_A.weight" in more:
        more = more | {f"{ATTENTION}.o_proj.lora_B.weight": np.ones((6, 2), np.float32)}
    with pytest.raises(ExportError, match=f"cannot be switched: .*{reason}"):
        read_lora(adapter(shapes, more))


@pytest.mark.parametrize(
    ("module", "shape", "reason"),
    [
        ("base_model.model.lm_head", (6, 2, 9), "lm_head takes no adapter, only gate_proj, o_proj"),
        (f"{ATTENTION}.rotary", (6, 2, 9), "the ONNX graph has no product of .*rotary"),
        (ATTENTION.replace("0", "7") + ".q_proj", (6, 2, 4), "layer 7, and the last of the 2 .* 1"),
        (
            f"{ATTENTION}.q_proj",
            (8, 2, 4),
            "another base: .*q_proj has 6 inputs here; its own .* 8",
        ),
        (f"{ATTENTION}.q_proj", (6, 2, 8), "another base: .*q_proj has 4 outputs .*; its own .* 8"),
        (f"{ATTENTION}.o_proj", (4, 2, 5), "another base: .*o_proj has 6 outputs .*; its own .* 5"),
    ],
)
def test_what_has_no_place_in_the_graph_is_refused(adapter, module, shape, reason):
    folder = adapter({module: shape})
    with pytest.raises(ExportError, match=f"cannot be switched: .*{reason}"):
        inputs_of(folder)


def test_a_damaged_file_and_a_folder_without_one_are_refused(adapter, tmp_path):
    folder = adapter({"o_proj": (4, 2, 6)})
    (folder / "adapter_model.safetensors").write_bytes(b"cut off")
    with pytest.raises(ExportError, match=r"adapter_model\.safetensors is damaged"):
        read_lora(folder)
    with pytest.raises(ExportError, match=r"holds no adapter_config\.json"):
        read_lora(tmp_path / "nowhere")
