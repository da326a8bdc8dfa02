import random

import numpy as np
import pytest
from tiny import byte_model

from labkit.errors import DataError
from labkit.evaluation import label_scores, tree, whole_sequence_scores
from labkit.evaluation.labels import with_end

pytestmark = pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing. is deprecated")

END = 257
FAMILIES = [
    ("llama", {}),
    ("llama", {"attn_implementation": "eager"}),
    ("qwen3", {}),
    (
        "gemma3",
        {"sliding_window": 6, "layer_types": ["sliding_attention", "full_attention"]},
    ),
]
LABELS = {
    "one token each": [[5], [6], [7]],
    "several tokens, shared beginnings": [[5, 9, 4], [5, 9, 8], [5, 1], [6], [7, 7, 7, 7]],
    "one begins another": [[5], [5, 6], [5, 6, 7], [8]],
}


def prompts(n=9, shared=7, seed=3):
    draw = random.Random(seed)
    stem = [draw.randrange(256) for _ in range(shared)]
    return [stem + [draw.randrange(256) for _ in range(draw.randint(1, 5))] for _ in range(n)]


def likelihoods_by_hand(model, rows, labels):
    """log p of each label, one sequence at a time, from the logits of every position."""
    import torch

    table = np.zeros((len(rows), len(labels)))
    for i, row in enumerate(rows):
        for j, label in enumerate(labels):
            with torch.no_grad():
                logits = model(input_ids=torch.tensor([[*row, *label]])).logits[0].double()
            chances = logits.softmax(-1)
            steps = [chances[len(row) + d - 1, t].log().item() for d, t in enumerate(label)]
            table[i, j] = sum(steps)
    return table


@pytest.mark.parametrize(("family", "settings"), FAMILIES, ids=lambda x: str(x)[:20])
@pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS.keys())
def test_tree_and_whole_sequences_give_the_likelihood_of_each_label(family, settings, labels):
    model, rows, notes = byte_model(family, **settings), prompts(), []
    expected = likelihoods_by_hand(model, rows, with_end(labels, END))
    quick = label_scores(model, END, rows, labels, note=notes.append)
    plain = whole_sequence_scores(model, END, rows, labels)
    assert notes == []
    assert np.abs(quick - expected).max() < 1e-4
    assert np.abs(plain - expected).max() < 1e-4
    assert (quick.argmax(1) == expected.argmax(1)).all()


@pytest.mark.parametrize("rows", [[[1, 2], [3, 4, 5]], [[9]], [[9], [9]], [[1, 2], [1, 2, 3]]])
def test_prompts_that_share_little_or_everything_are_scored_too(llama, rows):
    labels = LABELS["one begins another"]
    expected = likelihoods_by_hand(llama, rows, with_end(labels, END))
    assert np.abs(label_scores(llama, END, rows, labels) - expected).max() < 1e-4


def test_small_batches_change_no_score(llama, monkeypatch):
    labels = LABELS["one begins another"]
    before = label_scores(llama, END, prompts(40), labels)
    monkeypatch.setattr(tree, "CACHE_TOKENS", 70)
    assert np.abs(label_scores(llama, END, prompts(40), labels) - before).max() < 1e-5


def test_the_shared_beginning_is_read_once(llama):
    counts = []
    hook = llama.model.embed_tokens.register_forward_hook(
        lambda module, inputs, output: counts.append(inputs[0].numel())
    )
    rows = prompts(n=30, shared=60)
    label_scores(llama, END, rows, LABELS["one token each"])
    hook.remove()
    own = sum(map(len, rows)) - 30 * 60
    assert sum(counts) <= 60 + own + 2 * 70  # the trunk, each row's own, and the check of one row


def test_with_adapter_and_without_it_the_scores_are_those_of_two_models(llama):
    import copy

    import torch
    from peft import LoraConfig, get_peft_model

    from labkit.evaluation import base_and_tuned

    rows, labels = prompts(), LABELS["several tokens, shared beginnings"]
    config = LoraConfig(r=4, target_modules="all-linear", init_lora_weights=False)
    torch.manual_seed(1)
    model = get_peft_model(copy.deepcopy(llama), config)
    base, tuned = base_and_tuned(model, lambda m: label_scores(m, END, rows, labels))
    merged = likelihoods_by_hand(model.eval().merge_and_unload(), rows, labels)
    assert np.abs(base - likelihoods_by_hand(llama, rows, labels)).max() < 1e-4
    assert np.abs(tuned - merged).max() < 1e-3
    assert np.abs(tuned - base).max() > 0.1


def test_dropout_is_off_while_scoring_and_back_on_after(llama):
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(r=4, target_modules="all-linear", lora_dropout=0.5, init_lora_weights=False)
    model = get_peft_model(byte_model("llama"), config).train()
    scores = [label_scores(model, END, prompts(), LABELS["one token each"]) for _ in range(2)]
    assert (scores[0] == scores[1]).all()
    assert model.training


def test_prompt_tuning_falls_back_to_whole_sequences_and_says_so():
    from peft import PromptTuningConfig, get_peft_model

    config = PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=4)
    model, notes, labels = get_peft_model(byte_model("llama"), config).eval(), [], [[5, 6], [7]]
    scores = label_scores(model, END, prompts(), labels, note=notes.append)
    assert "virtual tokens" in notes[0]
    assert scores[0, 1] == pytest.approx(_next_token(model, prompts()[0], 7), abs=1e-4)


def test_a_cache_that_is_not_keys_and_values_falls_back_and_says_so():
    model, notes = tiny_hybrid(), []
    scores = label_scores(model, END, prompts(3), [[5, 6], [7]], note=notes.append)
    assert "cannot be copied by row" in notes[0]
    assert np.abs(scores - likelihoods_by_hand(model, prompts(3), [[5, 6], [7]])).max() < 1e-4


def test_a_model_whose_cache_lies_falls_back_and_says_so(llama):
    """A model that forgets what it has read must not be trusted with a tree."""
    model, notes = Forgetful(llama), []
    scores = label_scores(model, END, prompts(3), [[5, 6], [7]], note=notes.append)
    assert "differed" in notes[0]
    assert np.abs(scores - likelihoods_by_hand(llama, prompts(3), [[5, 6], [7]])).max() < 1e-4


class Forgetful:
    """A model that writes a cache and does not read it."""

    training = False

    def __init__(self, model):
        self.model, self.parameters = model, model.parameters

    def __call__(self, past_key_values=None, **inputs):
        return self.model(**inputs)


def tiny_hybrid():
    import torch
    from transformers import Lfm2Config, Lfm2ForCausalLM

    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "intermediate_size": 64, "vocab_size": 260}
    heads = {"num_attention_heads": 4, "num_key_value_heads": 2, "num_hidden_layers": 2}
    layers = {"layer_types": ["conv", "full_attention"]}
    return Lfm2ForCausalLM(Lfm2Config(**sizes, **heads, **layers)).eval()


def _next_token(model, row, token):
    import torch

    with torch.no_grad():
        logits = model(input_ids=torch.tensor([row])).logits[0, -1]
    return logits.log_softmax(-1)[token].item()


def test_progress_counts_every_row(llama):
    seen = []
    label_scores(llama, END, prompts(20), [[5], [6]], progress=lambda *at: seen.append(at))
    assert seen[-1] == (20, 20)
    assert seen == sorted(seen)


def test_the_end_token_is_added_to_all_labels_when_one_begins_another():
    assert with_end([[1], [1, 2], [3]], 9) == [[1, 9], [1, 2, 9], [3, 9]]
    assert with_end([[1, 3], [1, 2]], 9) == [[1, 3], [1, 2]]


def test_two_labels_with_the_same_tokens_cannot_be_told_apart_and_score_the_same(llama):
    scores = label_scores(llama, END, prompts(2), [[5], [5]])
    assert (scores[:, 0] == scores[:, 1]).all()


@pytest.mark.parametrize(
    ("rows", "labels", "end", "words"),
    [
        ([], [[1]], END, "no prompt"),
        ([[1]], [], END, "no label"),
        ([[1], []], [[1]], END, "prompt 2 has 0"),
        ([[1]], [[1], []], END, "label 2 has 0"),
        ([[1]], [[1], [1, 2]], None, "no end token"),
    ],
)
def test_what_has_no_score_is_refused_in_one_sentence(llama, rows, labels, end, words):
    with pytest.raises(DataError, match=words):
        label_scores(llama, end, rows, labels)


@pytest.mark.parametrize(
    "labels", [[[1, 2, 3], [1, 2, 4], [1, 2]], [[1], [2]], [[1, 2], [3, 4, 5]]]
)
def test_branches_hold_no_path_twice_and_read_every_later_token(labels):
    plan = tree.branch(labels)
    assert len({tuple(p) for p in plan.paths}) == len(plan.paths)
    assert len(plan.reads) == sum(len(label) - 1 for label in labels)
    for label, path, depth, token in plan.reads:
        assert labels[label][depth + 1] == token
        assert plan.paths[path][: depth + 1] == labels[label][: depth + 1]
