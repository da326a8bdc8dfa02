"""The default model, exported for real."""

import os
from pathlib import Path

import pytest

from labkit.export import HeldOut, Request, Tuned, climb

PHRASES = (
    "I got the job and I cannot stop smiling!",
    "Nobody came to the party, and the cake is still untouched.",
    "They lost my luggage again and no one even apologised.",
    "Something is scratching at the door and I live alone.",
    "Wait, you are twins?",
    "The library opens at nine and closes at five.",
)
LABELS = ("joy", "sadness", "anger", "fear", "surprise", "neutral")


@pytest.fixture(scope="module")
def base():
    folder = os.environ.get("LABKIT_TEST_MODEL")
    if folder:
        return Path(folder)
    from labkit.catalog import resolve_model

    return resolve_model("smollm2-135m")


@pytest.mark.model
def test_int8_of_the_default_model_is_small_near_and_runs_in_genai(base, tmp_path):
    import onnxruntime_genai as og
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(base)

    def ids(text):
        return tokenizer(text, add_special_tokens=False)["input_ids"]

    held_out = HeldOut(
        [ids(f"Tell the tone of this phrase.\nPhrase: {phrase}\nTone:") for phrase in PHRASES],
        [ids(f" {label}") for label in LABELS],
        LABELS,
        LABELS,
    )
    result = climb(
        Tuned(base), tmp_path, Request(), held_out=held_out, emit=lambda kind, **values: None
    )
    adapter, fp32, int8 = (result["rungs"][name] for name in ("adapter", "fp32", "int8"))
    assert int8["size_bytes"] <= 160e6
    assert fp32["held_out"]["max_abs_logit_diff"] < 1e-3
    assert int8["held_out"]["kl"] <= 0.01
    assert int8["latency"]["token_seconds"] < adapter["latency"]["token_seconds"]

    model = og.Model(str(tmp_path / "int8"))
    parameters = og.GeneratorParams(model)
    parameters.set_search_options(max_length=16, do_sample=False)
    generator = og.Generator(model, parameters)
    generator.append_tokens(ids("The capital of France is"))
    for _ in range(3):
        generator.generate_next_token()
    assert "Paris" in tokenizer.decode(generator.get_sequence(0))
