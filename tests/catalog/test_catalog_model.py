"""The real default model, fetched and converted once, then read from the cache."""

import json

import pytest

from labkit.catalog import resolve_model

pytestmark = pytest.mark.model

# Token ids that other programs print for the published tokenizer.json (SHA-256 9ca9acdd…).
PUBLISHED_SHA256 = "9ca9acddb6525a194ec8ac7a87f24fbba7232a9a15ffa1af0c1224fcd888e47c"
CHAT = (
    "<|im_start|>system\n"
    "You are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n"
    "<|im_start|>user\nWhat is the capital of France?<|im_end|>\n"
    "<|im_start|>assistant\n"
)
QUESTION = [{"role": "user", "content": "What is the capital of France?"}]


@pytest.fixture(scope="module")
def folder():
    return resolve_model("smollm2-135m", verify=True)


@pytest.fixture(scope="module")
def tokenizer(folder):
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folder, local_files_only=True)


@pytest.fixture(scope="module")
def model(folder):
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(folder, local_files_only=True)


def test_the_tokenizer_is_the_published_one_byte_for_byte(folder):
    from hashlib import sha256

    assert sha256((folder / "tokenizer.json").read_bytes()).hexdigest() == PUBLISHED_SHA256


def test_it_answers_a_plain_question_and_stops(model, tokenizer):
    inputs = tokenizer.apply_chat_template(
        QUESTION, add_generation_prompt=True, return_tensors="pt", return_dict=True
    )
    output = model.generate(**inputs, max_new_tokens=32, do_sample=False)
    answer = output[0][inputs["input_ids"].shape[1] :]
    assert "Paris" in tokenizer.decode(answer)
    assert answer[-1] == tokenizer.eos_token_id


def test_the_chat_template_is_the_published_one(tokenizer):
    text = tokenizer.apply_chat_template(QUESTION, add_generation_prompt=True, tokenize=False)
    assert text == CHAT
    system = [{"role": "system", "content": "Be brief."}, *QUESTION]
    assert "SmolLM" not in tokenizer.apply_chat_template(system, tokenize=False)


def test_special_tokens_are_as_published_but_padding_is_not_the_end_of_turn(tokenizer, model):
    found = (tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.unk_token_id)
    assert found == (1, 2, 0)
    assert tokenizer.pad_token_id == 0
    generation = model.generation_config
    assert (generation.eos_token_id, generation.pad_token_id) == (2, 0)
    assert tokenizer.model_max_length == model.config.max_position_embeddings == 8192


def test_encoding_adds_nothing_splits_digits_and_loses_nothing(tokenizer):
    text = "In  1984,\n\n\tpi was 3.14 "
    ids = tokenizer.encode(text)
    assert tokenizer.decode(ids) == text
    assert not set(ids) & {0, 1, 2}
    assert tokenizer.tokenize("a  12 x34") == ["a", "ĠĠ", "1", "2", "Ġx", "3", "4"]


def test_embeddings_are_tied_and_every_weight_is_fp32(model, folder):
    import torch

    assert model.lm_head.weight is model.model.embed_tokens.weight
    assert sum(p.numel() for p in model.parameters()) == 134_515_008
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    assert json.loads((folder / "config.json").read_text())["rms_norm_eps"] == 1e-5
