"""Prompt and prefix tuning: what is read before a row is learned, and must be read once."""

import pytest
from tiny import byte_model

from labkit.evaluation import base_and_tuned, generate, label_scores, stream
from labkit.evaluation.answers import row_losses

PROMPTS = [[5, 6, 7, 8, 9, 10], [72], [100, 101, 102], [100, 101], [3, 4, 5]]
FAMILIES = ("llama", "gemma3", "gpt2")


def learned(kind, family="llama", **config):
    """A model whose virtual tokens are random and strong enough to change every answer."""
    import torch
    from peft import PrefixTuningConfig, PromptTuningConfig, get_peft_model

    own = {"num_key_value_heads": 4} if family == "gpt2" else {}  # it has none, and PEFT asks
    base = byte_model(family, **own, **config)
    torch.manual_seed(3)
    method = {"prompt": PromptTuningConfig, "prefix": PrefixTuningConfig}[kind]
    model = get_peft_model(base, method(task_type="CAUSAL_LM", num_virtual_tokens=4))
    for weight in model.prompt_encoder.parameters():
        torch.nn.init.normal_(weight, std=0.8)
    return model.eval()


def own_answer(model, tokenizer, prompt, count):
    """What the model's own `generate` writes after one prompt."""
    import torch

    ids = torch.tensor([prompt])
    found = model.generate(
        input_ids=ids,
        attention_mask=torch.ones_like(ids),
        do_sample=False,
        max_new_tokens=count,
        eos_token_id=257,
        pad_token_id=258,
    )
    return tokenizer.decode(found[0, len(prompt) :], skip_special_tokens=True)


def by_hand(model, prompt, count):
    """Re-read the whole text for every token through PEFT's own forward: no cache, no padding."""
    import torch

    ids = list(prompt)
    for _ in range(count):
        with torch.no_grad():
            ids.append(model(input_ids=torch.tensor([ids])).logits[0, -1].argmax().item())
        if ids[-1] == 257:
            break
    return ids[len(prompt) :]


@pytest.mark.filterwarnings("ignore:Position ids are not supported")
@pytest.mark.parametrize("kind", ["prompt", "prefix"])
@pytest.mark.parametrize("family", FAMILIES)
def test_a_padded_batch_writes_what_the_models_own_generate_does(kind, family, byte_tokenizer):
    model = learned(kind, family)
    found = generate(model, byte_tokenizer, PROMPTS, 12)
    assert found == [own_answer(model, byte_tokenizer, prompt, 12) for prompt in PROMPTS]
    texts = [
        byte_tokenizer.decode(by_hand(model, p, 12), skip_special_tokens=True) for p in PROMPTS
    ]
    assert found == texts
    assert "".join(stream(model, byte_tokenizer, PROMPTS[0], 12)) == found[0]


@pytest.mark.parametrize("family", ["gemma3", "mistral"])
@pytest.mark.parametrize("kind", ["prompt", "prefix"])
def test_padding_pushes_no_virtual_token_out_of_an_attention_window(kind, family, byte_tokenizer):
    model = learned(kind, family, sliding_window=8)
    found = generate(model, byte_tokenizer, PROMPTS, 6)
    assert found == [
        byte_tokenizer.decode(by_hand(model, prompt, 6), skip_special_tokens=True)
        for prompt in PROMPTS
    ]


@pytest.mark.parametrize("kind", ["prompt", "prefix"])
def test_without_its_adapter_the_model_answers_and_scores_as_its_base(kind, llama, byte_tokenizer):
    model, labels = learned(kind), [[5, 6], [7], [5, 8]]
    base, tuned = base_and_tuned(model, lambda m: generate(m, byte_tokenizer, PROMPTS, 8))
    assert base == generate(llama, byte_tokenizer, PROMPTS, 8) != tuned
    notes = []
    base, tuned = base_and_tuned(
        model, lambda m: label_scores(m, 257, PROMPTS, labels, note=notes.append)
    )
    assert base == pytest.approx(label_scores(llama, 257, PROMPTS, labels), abs=1e-4)
    assert abs(base - tuned).max() > 0.1
    assert len(notes) == 1  # the base by the tree, the tuned model by whole sequences


@pytest.mark.parametrize("kind", ["prompt", "prefix"])
def test_scores_and_losses_are_those_of_pefts_own_forward(kind):
    import torch

    model, row = learned(kind), [5, 6, 7, 8, 9]
    logits = model(input_ids=torch.tensor([row])).logits[0, -len(row) :].log_softmax(-1)
    nats = [-logits[i, token].item() for i, token in enumerate(row[1:])]
    found = row_losses(model, [Row(row, 2)])
    assert found[0] == pytest.approx([sum(nats[1:]), 3], abs=1e-4)
    scores = label_scores(model, 257, [row[:2]], [row[2:], [9]])
    assert scores[0, 0] == pytest.approx(-sum(nats[1:]), abs=1e-4)


class Row:
    def __init__(self, input_ids, n_prompt):
        self.input_ids, self.n_prompt = input_ids, n_prompt
