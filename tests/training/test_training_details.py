"""What is special about a method: how it starts, what it ties, where it sits."""

import pytest
import torch
from tiny import tiny_model
from training_tiny import Events, rows
from transformers import AutoModelForSequenceClassification

from labkit import evaluation
from labkit.errors import RunError, SpecError
from labkit.spec import FinetuneSpec
from labkit.training import (
    add_adapter,
    has_head,
    load_base,
    load_merged,
    load_tuned,
    merge,
    plan,
    train,
)
from labkit.training.methods import linear_layers
from labkit.training.methods.targets import block_outputs


def made(method="lora", **settings):
    return FinetuneSpec(
        method=method, **{"precision": "fp32", "max_steps": 8, "eval_steps": 8} | settings
    )


@torch.no_grad()
def logits(model):
    model.eval()
    return torch.cat([model(torch.tensor([row.input_ids])).logits[0, -1:] for row in rows(5)])


def learn(folder, model, settings, **options):
    events, data = Events(), rows(30)
    result = train(
        model, None, data[:22], data[22:], settings, output_dir=folder, emit=events, **options
    )
    return result, events


def adapted(model):
    """Return the layers that carry something that learns, without PEFT's prefix."""
    learning = [name for name, p in model.named_parameters() if p.requires_grad]
    return {name.partition("base_model.model.")[2].partition(".lora_")[0] for name in learning}


STARTS = ("default", "gaussian", "orthogonal", "pissa", "olora")
AS_THE_BASE = [made("adapter"), made("ia3"), made("dora"), made("rslora")]
AS_THE_BASE += [made(init_lora_weights=start) for start in STARTS]


@pytest.mark.parametrize("settings", AS_THE_BASE, ids=lambda s: f"{s.method} {s.init_lora_weights}")
def test_a_fresh_adapter_changes_nothing_that_the_model_says(settings):
    model = add_adapter(tiny_model(), settings)
    assert torch.allclose(logits(model), logits(tiny_model()), atol=1e-5)


@pytest.mark.parametrize("start", ["pissa", "olora"])
def test_a_start_from_the_weights_takes_them_out_of_the_base(start):
    model = add_adapter(tiny_model(), made(init_lora_weights=start, r=4, lora_alpha=8))
    layer = model.get_base_model().model.layers[0].self_attn.q_proj
    whole = tiny_model().model.layers[0].self_attn.q_proj.weight
    part = 2 * layer.lora_B["default"].weight @ layer.lora_A["default"].weight
    assert torch.allclose(layer.base_layer.weight + part, whole, atol=1e-6)
    if start == "pissa":
        largest = torch.linalg.svdvals(whole)[:4]
        assert torch.allclose(torch.linalg.svdvals(part)[:4], largest, rtol=1e-2)


def test_eva_starts_from_the_directions_in_which_the_rows_differ_most(tmp_path):
    data, settings = rows(30), made(init_lora_weights="eva", r=4, max_steps=1, learning_rate=1e-9)
    model = add_adapter(tiny_model(), settings)
    train(model, None, data, [], settings, output_dir=tmp_path, emit=Events())
    inputs = []
    base = tiny_model()
    base.model.layers[0].self_attn.q_proj.register_forward_pre_hook(
        lambda _, args: inputs.append(args[0][0])
    )
    for row in data:
        base(torch.tensor([row.input_ids]))
    seen = torch.cat(inputs)
    best = torch.linalg.svd(seen - seen.mean(0), full_matrices=False)[2][:4]
    found = model.get_base_model().model.layers[0].self_attn.q_proj.lora_A["default"].weight
    overlap = torch.linalg.svdvals(found @ best.T)  # cosines of the angles between both planes
    assert overlap.min() > 0.9


@pytest.mark.parametrize("method", ["qlora", "dora"])
def test_a_start_from_the_weights_is_refused_where_the_base_must_stay(method):
    with pytest.raises(SpecError, match=f"goes with the methods lora and rslora; got {method}"):
        add_adapter(tiny_model(), made(method, init_lora_weights="pissa"))


def test_an_orthogonal_start_of_an_odd_rank_is_refused():
    with pytest.raises(SpecError, match="r must be even"):
        add_adapter(tiny_model(), made(r=3, init_lora_weights="orthogonal"))


def test_rslora_scales_by_the_root_of_the_rank():
    model = add_adapter(tiny_model(), made("rslora", r=16, lora_alpha=8))
    assert model.get_base_model().model.layers[0].mlp.up_proj.scaling["default"] == 8 / 16**0.5


@pytest.mark.parametrize("name", ["lm_head", "embed_tokens"])
def test_one_of_two_tied_layers_learns_apart_and_both_are_there_again(tmp_path, name):
    folder, learned = tmp_path / "base", tmp_path / "merged"
    tiny_model(tie_word_embeddings=True).save_pretrained(folder)
    settings = made(modules_to_save=(name,), learning_rate=1e-2)
    model = add_adapter(load_base(folder), settings)
    result, events = learn(tmp_path / "run", model, settings)
    assert f"({name}) shares its weights" in events.of("note")[0]["text"]
    assert torch.equal(logits(load_tuned(folder, result.learned, settings)), logits(model))
    load_merged(folder, result.learned, settings).save_pretrained(learned)
    merged, before = load_base(learned), load_base(folder)
    assert torch.allclose(logits(merged), logits(model), atol=1e-5)
    ends = [(m.model.embed_tokens.weight, m.lm_head.weight) for m in (merged, before)]
    same = [torch.equal(now, then) for now, then in zip(*ends, strict=True)]
    assert same == ([True, False] if name == "lm_head" else [False, True])


def test_lora_on_a_tied_output_layer_leaves_the_embedding_alone_when_merged():
    model = tiny_model(tie_word_embeddings=True)
    embedding = model.model.embed_tokens.weight.clone()
    model = add_adapter(model, made(target_modules=("lm_head",)))
    model.get_base_model().lm_head.lora_B["default"].weight.data.normal_()
    expected = logits(model)
    merged = merge(model)
    assert torch.allclose(logits(merged), expected, atol=1e-4)
    assert torch.equal(merged.model.embed_tokens.weight, embedding)
    assert not merged.config.tie_word_embeddings


def test_a_full_run_keeps_tied_layers_tied(tmp_path):
    model = tiny_model(tie_word_embeddings=True)
    result, events = learn(tmp_path, model, made("full", learning_rate=5e-3))
    found = load_base(result.learned)
    assert found.lm_head.weight is found.model.embed_tokens.weight
    assert torch.equal(logits(found), logits(model))
    assert events.of("note") == []


def test_a_name_of_no_layer_to_save_is_refused_with_those_that_are():
    with pytest.raises(SpecError, match=r"modules_to_save must name layers.*'ln_f'") as e:
        add_adapter(tiny_model(), made(modules_to_save=("ln_f",)))
    assert "lm_head" in e.value.hint
    assert "norm" in e.value.hint


def test_a_layer_to_save_is_that_of_the_name_and_no_other_that_ends_like_it():
    model = add_adapter(tiny_model(), made(modules_to_save=("norm",)))
    assert {n for n in adapted(model) if "norm" in n} == {
        "model.norm.modules_to_save.default.weight"
    }


LAST = {
    "all-linear": 7,
    ("q_proj", "down_proj"): 2,
    r".*\.mlp\.(up|down)_proj": 2,
}


@pytest.mark.parametrize("wanted", LAST)
def test_adapters_sit_on_the_last_layers_alone(wanted):
    model = add_adapter(tiny_model(), made(last_layers=1, target_modules=wanted))
    assert len(adapted(model)) == LAST[wanted]
    assert all(name.startswith("model.layers.1.") for name in adapted(model))


def test_more_last_layers_than_there_are_is_refused():
    with pytest.raises(SpecError, match="last_layers must be at most 2, the layers of this model"):
        add_adapter(tiny_model(), made(last_layers=3))


OUTPUTS = {
    "llama": ["self_attn.o_proj", "mlp.down_proj"],
    "phi3": ["self_attn.o_proj", "mlp.down_proj"],
    "qwen2": ["self_attn.o_proj", "mlp.down_proj"],
    "qwen3": ["self_attn.o_proj", "mlp.down_proj"],
    "gemma2": ["self_attn.o_proj", "mlp.down_proj"],
    "gemma3": ["self_attn.o_proj", "mlp.down_proj"],
    "gpt2": ["attn.c_proj", "mlp.c_proj"],
    "gpt_neox": ["attention.dense", "mlp.dense_4h_to_h"],
}


@pytest.mark.parametrize("architecture", OUTPUTS)
def test_bottlenecks_follow_attention_and_feed_forward(architecture):
    houlsby = adapted(add_adapter(tiny_model(architecture), made("adapter")))
    attention, inner = OUTPUTS[architecture]
    ends = {".".join(name.split(".")[-2:]) for name in houlsby}
    assert ends == {attention, inner}
    assert len(houlsby) == 4
    pfeiffer = made("adapter", adapter_placement="pfeiffer")
    after = adapted(add_adapter(tiny_model(architecture), pfeiffer))
    assert {".".join(name.split(".")[-2:]) for name in after} == {inner}


def test_a_bottleneck_is_a_small_network_after_its_layer():
    model = add_adapter(tiny_model(), made("adapter", r=8))
    layer = model.get_base_model().model.layers[0].mlp.down_proj
    for part in layer.lora_B["default"].parameters():
        part.data.normal_()
    x = torch.randn(3, 64)
    y = layer.base_layer(x)
    down, up = layer.lora_A["default"], layer.lora_B["default"]
    inner = y @ down.weight.T + down.bias
    bent = inner * 0.5 * (1 + torch.erf(inner / 2**0.5))
    assert torch.allclose(layer(x), y + bent @ up.weight.T + up.bias, atol=1e-5)
    with model.disable_adapter():
        assert torch.equal(layer(x), y)


def test_ia3_of_an_unknown_architecture_scales_keys_values_and_the_feed_forward():
    model = add_adapter(tiny_model("phi3"), made("ia3"))
    names = {name.split(".")[-3] for name, p in model.named_parameters() if p.requires_grad}
    assert names == {"qkv_proj", "down_proj"}
    assert model.get_base_model().model.layers[0].mlp.down_proj.is_feedforward
    assert not model.get_base_model().model.layers[0].self_attn.qkv_proj.is_feedforward


def test_feed_forward_modules_have_to_be_targets():
    with pytest.raises(SpecError, match="feedforward_modules must be among target_modules"):
        add_adapter(
            tiny_model(),
            made("ia3", target_modules=("k_proj",), feedforward_modules=("down_proj",)),
        )


def test_a_prefix_starts_as_tokens_that_were_read():
    settings = made("prefix_tuning", num_virtual_tokens=6)
    base, seen = tiny_model("qwen3", head_dim=12), []
    base.model.embed_tokens.register_forward_hook(lambda _, args, out: seen.append(args[0]))
    model = add_adapter(base, settings)
    [ids] = seen
    row = torch.tensor([rows(1)[0].input_ids])
    whole = tiny_model("qwen3", head_dim=12)(torch.cat([ids, row], 1)).logits[0, -1]
    assert torch.allclose(model(row).logits[0, -1], whole, atol=1e-5)


def test_a_prefix_and_recomputed_activations_exclude_each_other():
    with pytest.raises(SpecError, match="gradient_checkpointing must be false"):
        add_adapter(tiny_model(), made("prefix_tuning", gradient_checkpointing=True))


def test_the_loss_of_a_trained_prompt_is_the_models_own():
    from labkit.training import batches
    from labkit.training.methods import head_of

    for method in ("prompt_tuning", "prefix_tuning"):
        model = add_adapter(tiny_model(), made(method, num_virtual_tokens=3))
        expected = model(**batches.plain(rows(4))).loss
        batch = batches.pad(rows(4))
        found = batches.loss_sum(model, batch, head_of(model)) / len(batch["targets"])
        assert torch.allclose(found, expected, atol=1e-5)


def headed(n_labels=3, **config):
    return add_adapter(tiny_model(**config), made(head=True, r=4), n_labels=n_labels)


@pytest.mark.parametrize("architecture", ["llama", "gpt2", "gemma2"])
def test_a_head_scores_as_sequence_classification_with_the_same_weights(architecture):
    model = add_adapter(tiny_model(architecture), made(head=True, r=4), n_labels=3)
    config = tiny_model(architecture).config
    config.num_labels = 3
    reference = AutoModelForSequenceClassification.from_config(config)
    body = tiny_model(architecture).base_model.state_dict()
    reference.base_model.load_state_dict(body)
    head = model.get_base_model().get_output_embeddings().weight
    reference.score.weight.data = head.data.mul_(1000)  # far apart, so that no bound is missed
    prompts = [row.input_ids for row in rows(7)]
    expected = [reference.eval()(torch.tensor([ids])).logits[0] for ids in prompts]
    found = evaluation.head_scores(model, prompts, batch_tokens=40)
    assert torch.allclose(
        torch.tensor(found).float(), torch.stack(expected).log_softmax(-1), atol=1e-3
    )


def test_a_head_learns_packed_rows_that_end_with_their_label(tmp_path):
    from training_tiny import Row

    data = [
        Row([*row.input_ids[:-1], i % 3], len(row.input_ids) - 1) for i, row in enumerate(rows(30))
    ]
    settings = made(head=True, r=4, learning_rate=2e-2, max_steps=30)
    events = Events()
    model = add_adapter(tiny_model(), settings, n_labels=3)
    result = train(
        model, None, data[:22], data[22:], settings, output_dir=tmp_path, emit=events,
        labels=("a", "b", "c"),
    )  # fmt: skip
    assert result.how.packing == "packed"
    assert events.of("check")[0]["equal"]
    assert {e["tokens"] for e in events.of("step")} <= set(range(1, 9))
    losses = [e["loss"] for e in events.of("step")]
    assert losses[0] == pytest.approx(1.0986, abs=0.2)  # three labels, equally likely
    assert sum(losses[-5:]) < sum(losses[:5]) - 0.5


@pytest.mark.parametrize("method", ["prompt_tuning", "prefix_tuning"])
def test_a_head_on_virtual_tokens_is_refused(method):
    with pytest.raises(SpecError, match=f"head must be false for the method {method}"):
        add_adapter(tiny_model(), made(method, head=True), n_labels=3)


def test_a_head_is_not_merged():
    assert has_head(headed())
    with pytest.raises(RunError, match="one output a label"):
        merge(headed())


def test_a_plan_of_a_bare_model_counts_every_method():
    data = rows(8)
    for settings in (made("full"), made("adapter"), made("prefix_tuning"), made("ia3")):
        bare = plan(tiny_model(), data, settings)
        assert bare == plan(add_adapter(tiny_model(), settings), data, settings)


def test_output_layer_and_embedding_are_never_in_4_bits(tmp_path):
    from bitsandbytes.nn import Linear4bit

    from labkit.training import load_model

    tiny_model().save_pretrained(tmp_path)
    model = load_model(tmp_path, made("qlora"))
    packed = {name for name, module in model.named_modules() if isinstance(module, Linear4bit)}
    assert packed == set(linear_layers(model)) - {"lm_head"}
    assert model.lm_head.weight.dtype == model.model.embed_tokens.weight.dtype == torch.float32


def test_auto_finds_nothing_in_an_architecture_of_other_names_and_says_so():
    model = torch.nn.ModuleDict({"mixer": torch.nn.Linear(2, 2)})
    with pytest.raises(SpecError, match=r"target_modules must name linear layers.*'auto'") as e:
        block_outputs(model, "houlsby")
    assert "mixer" in e.value.hint
