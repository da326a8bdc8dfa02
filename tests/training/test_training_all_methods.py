"""Every method: it learns, leaves its base alone, saves, loads, resumes, counts and merges."""

from dataclasses import dataclass

import pytest
import torch
from tiny import tiny_model
from training_tiny import Events, files, rows

from labkit.errors import RunError, SpecError
from labkit.spec import METHODS, FinetuneSpec
from labkit.training import (
    adapter_facts,
    add_adapter,
    load_base,
    load_merged,
    load_model,
    load_tuned,
    merge,
    train,
)

SETTINGS = {
    "full": {"learning_rate": 5e-3},
    "lora": {},
    "qlora": {},
    "dora": {},
    "rslora": {},
    "adapter": {"r": 8},
    "ia3": {"learning_rate": 0.2},
    "prompt_tuning": {"num_virtual_tokens": 5},
    "prefix_tuning": {"num_virtual_tokens": 5},
}
RANKED = {"r": 4, "lora_alpha": 8, "learning_rate": 5e-3}
CASES = {
    **SETTINGS,
    "prefix_tuning by a network": {
        "method": "prefix_tuning", "num_virtual_tokens": 5, "prefix_projection": True,
    },
    "lora and whole layers": {"method": "lora", "modules_to_save": ("norm", "lm_head")},
    "lora from pissa": {"method": "lora", "init_lora_weights": "pissa"},
    "rslora from olora": {"method": "rslora", "init_lora_weights": "olora"},
    "lora from eva": {"method": "lora", "init_lora_weights": "eva"},
    "lora on the last layer": {"method": "lora", "last_layers": 1},
    "adapter on the last layer": {"method": "adapter", "last_layers": 1},
}  # fmt: skip
"""What is trained here, by what a reader would call it."""


def made(name, **more):
    """Return a spec of a few steps of one case."""
    case = {"method": name} | CASES[name]
    own = RANKED if "lora_alpha" in METHODS[case["method"]].defaults else {}
    quick = {"precision": "fp32", "max_steps": 12, "eval_steps": 6}
    return FinetuneSpec(**quick | own | case | more)


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """The folder of a tiny base model."""
    folder = tmp_path_factory.mktemp("base")
    tiny_model().save_pretrained(folder)
    return folder


@dataclass(frozen=True)
class Trained:
    """A finished run of one case."""

    result: object
    events: list
    at_end: torch.Tensor
    n_frozen: int
    changed: list


@pytest.fixture(scope="module")
def trained(base, tmp_path_factory):
    """Return a function that gives a finished run of each case, trained once."""
    kept = {}

    def once(name):
        if name not in kept:
            model = add_adapter(load_model(base, made(name)), made(name))
            before = {n: p.clone() for n, p in model.named_parameters() if not p.requires_grad}
            result, events = learn(model, made(name), tmp_path_factory.mktemp("run"))
            now = dict(model.named_parameters())
            changed = [n for n, p in before.items() if not torch.equal(now[n], p)]
            kept[name] = Trained(result, events, logits(model), len(before), changed)
        return kept[name]

    return once


def learn(model, settings, folder, **options):
    """Train a tiny model; return the result and the events."""
    events, data = Events(), rows(30)
    result = train(
        model, None, data[:22], data[22:], settings, output_dir=folder, emit=events, **options
    )
    return result, events


@torch.no_grad()
def logits(model):
    """Return the logits of a few rows, each by itself."""
    model.eval()
    return torch.cat([model(torch.tensor([row.input_ids])).logits[0, -1:] for row in rows(5)])


@pytest.mark.parametrize("name", CASES)
def test_the_loss_falls(trained, name):
    losses = [e["loss"] for e in trained(name).events.of("step")]
    assert sum(losses[-3:]) < sum(losses[:3]) - 0.02
    assert trained(name).result.status == "done"


@pytest.mark.parametrize("name", CASES)
def test_what_was_saved_gives_the_same_logits_on_the_untouched_base(trained, base, name):
    run = trained(name)
    assert run.result.adapter_step == 12
    found = logits(load_tuned(base, run.result.learned, made(name)))
    atol = 1e-5 if "from" in name else 0  # these moved the base, and are saved as a difference
    assert torch.allclose(found, run.at_end, atol=atol, rtol=0)
    assert not torch.allclose(found, logits(load_model(base, made(name))), atol=1e-3)


@pytest.mark.parametrize("name", [name for name in CASES if name != "full"])
def test_the_base_weights_are_left_as_they_were(trained, name):
    assert trained(name).n_frozen >= 21
    assert trained(name).changed == []


@pytest.mark.process
@pytest.mark.parametrize("name", CASES)
def test_a_stopped_and_resumed_run_ends_with_the_same_bytes(trained, base, tmp_path, name):
    asked = iter([False] * 4 + [True])
    for options in ({"should_stop": lambda: next(asked)}, {"resume": True}):
        model = load_model(base, made(name))
        result, events = learn(model, made(name), tmp_path, **options)
    assert [e["step"] for e in events.of("step")] == list(range(6, 13))
    assert files(result.learned) == files(trained(name).result.learned)


MERGING = [n for n, case in CASES.items() if METHODS[({"method": n} | case)["method"]].merges]


@pytest.mark.parametrize("name", MERGING)
def test_a_merged_model_gives_the_same_logits_alone(trained, base, tmp_path, name):
    learned, expected = trained(name).result.learned, trained(name).at_end
    load_merged(base, learned, made(name)).save_pretrained(tmp_path)
    if made(name).method == "qlora":  # in 4 bits the base was another
        expected = logits(load_tuned(base, learned, made(name), base=load_base(base)))
    assert torch.allclose(logits(load_base(tmp_path)), expected, atol=2e-5)


REFUSED = {
    "adapter": "a bottleneck adapter is not linear",
    "prompt_tuning": "tokens before the prompt",
    "prefix_tuning": "tokens before the prompt",
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_merged_is_refused_with_the_reason(trained, base, name):
    with pytest.raises(RunError, match=REFUSED[name]):
        merge(load_tuned(base, trained(name).result.learned, made(name)))


def test_an_adapter_on_a_base_in_4_bits_is_not_merged_into_it(trained, base):
    with pytest.raises(RunError, match="the base is in 4 bits"):
        merge(load_tuned(base, trained("qlora").result.learned, made("qlora")))


IN_AND_OUT = 2 * (32 + 32) + 2 * (32 + 16) + 3 * (32 + 64)  # q o, k v, gate up down
COUNTS = {
    "full": 2 * 199 * 32 + 2 * (2 * 32 * 32 + 2 * 32 * 16 + 3 * 32 * 64 + 2 * 32) + 32,
    "lora": 2 * 4 * IN_AND_OUT,
    "qlora": 2 * 4 * IN_AND_OUT,
    "dora": 2 * (4 * IN_AND_OUT + 32 + 16 + 16 + 32 + 64 + 64 + 32),  # and a length an output
    "rslora": 2 * 4 * IN_AND_OUT,
    "adapter": 2 * 2 * (2 * 8 * 32 + 8 + 32),  # after attention and feed-forward
    "ia3": 2 * (16 + 16 + 64),  # keys, values, the feed-forward's inner values
    "prompt_tuning": 5 * 32,
    "prefix_tuning": 5 * 2 * 2 * 16,  # keys and values of both layers
    "prefix_tuning by a network": 5 * 16 + (16 * 32 + 32) + (32 * 64 + 64),
    "lora and whole layers": 2 * 4 * IN_AND_OUT + 32 + 199 * 32,
    "lora from eva": 2 * 4 * IN_AND_OUT,
    "lora on the last layer": 4 * IN_AND_OUT,
    "adapter on the last layer": 2 * (2 * 64 * 32 + 64 + 32),
}


@pytest.mark.parametrize("name", COUNTS)
def test_what_learns_is_as_large_as_the_formula_says(base, name):
    facts = adapter_facts(add_adapter(load_model(base, made(name)), made(name)))
    assert facts.trainable == COUNTS[name]
    frozen = 0 if name == "full" else COUNTS["full"]
    assert facts.total == facts.trainable + frozen


@pytest.mark.parametrize("method", METHODS)
def test_a_setting_that_the_method_does_not_take_is_an_error(method):
    foreign = {"num_virtual_tokens": 3, "lora_alpha": 3, "prefix_projection": True}
    unknown = next(s for s in foreign if s not in METHODS[method].defaults)
    with pytest.raises(SpecError, match=f"The method {method} has no setting {unknown}"):
        FinetuneSpec(method=method, **{unknown: foreign[unknown]})
