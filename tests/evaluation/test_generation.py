import pytest
from tiny import byte_model

from labkit.errors import DataError, LabError, SpecError
from labkit.evaluation import generate, stream
from labkit.runtime import Sampling
from labkit.runtime.text import pieces

PROMPTS = [[5, 6, 7, 8, 9, 10], [72], [100, 101, 102], [100, 101], [3, 4, 5]]


def greedy_by_hand(model, row, count, stop=(257,)):
    """Re-read the whole text for every token: no cache, no padding."""
    import torch

    ids = list(row)
    for _ in range(count):
        with torch.no_grad():
            token = model(input_ids=torch.tensor([ids])).logits[0, -1].argmax().item()
        if token in stop:
            break
        ids.append(token)
    return ids[len(row) :]


@pytest.mark.parametrize("family", ["llama", "gemma3"])
def test_a_batch_with_padding_writes_what_each_prompt_alone_gets(family, byte_tokenizer):
    model = byte_model(family)
    expected = [byte_tokenizer.decode(greedy_by_hand(model, p, 12)) for p in PROMPTS]
    assert generate(model, byte_tokenizer, PROMPTS, 12) == expected
    assert len(set(expected)) > 2


def test_an_answer_ends_before_the_end_token_and_the_others_go_on(llama, byte_tokenizer):
    import copy

    model = copy.deepcopy(llama)
    first = greedy_by_hand(llama, PROMPTS[0], 6)
    model.generation_config.eos_token_id = [257, first[3]]
    expected = [
        byte_tokenizer.decode(greedy_by_hand(llama, p, 12, (257, first[3]))) for p in PROMPTS
    ]
    assert generate(model, byte_tokenizer, PROMPTS, 12) == expected
    assert len(byte_tokenizer.decode(first[:3])) >= len(expected[0])


def test_streamed_pieces_join_to_what_generate_returns(llama, byte_tokenizer):
    found = list(stream(llama, byte_tokenizer, PROMPTS[0], 24))
    assert "".join(found) == generate(llama, byte_tokenizer, PROMPTS[:1], 24)[0]
    assert len(found) > 1


def test_a_character_of_several_bytes_is_streamed_whole(byte_tokenizer):
    ids = byte_tokenizer("naïve 🙂!", add_special_tokens=False).input_ids
    found = list(pieces(byte_tokenizer.decode, ids))
    assert "ï" in found
    assert "🙂" in found
    assert "".join(found) == "naïve 🙂!"


def test_bytes_that_never_become_a_character_are_shown_at_the_end(byte_tokenizer):
    ids = byte_tokenizer("ok🙂", add_special_tokens=False).input_ids[:-1]
    assert "".join(pieces(byte_tokenizer.decode, ids)) == byte_tokenizer.decode(ids) != "ok"


def test_streaming_leaves_gradients_on_and_dropout_as_it_was(llama, byte_tokenizer):
    import torch

    llama.train()
    try:
        next(stream(llama, byte_tokenizer, [5, 6], 8))
        assert torch.is_grad_enabled()
        assert llama.training
    finally:
        llama.eval()


def test_drawn_answers_repeat_with_a_seed_alone_or_in_a_batch(llama, byte_tokenizer):
    drawn = generate(llama, byte_tokenizer, PROMPTS, 10, temperature=1.5, seed=4)
    assert generate(llama, byte_tokenizer, PROMPTS, 10, temperature=1.5, seed=4) == drawn
    assert generate(llama, byte_tokenizer, PROMPTS[:1], 10, temperature=1.5, seed=4) == drawn[:1]
    assert generate(llama, byte_tokenizer, PROMPTS, 10, temperature=1.5, seed=5) != drawn
    pieces = stream(llama, byte_tokenizer, PROMPTS[0], 10, temperature=1.5, seed=4)
    assert "".join(pieces) == drawn[0]


def test_the_same_prompt_twice_in_a_batch_is_drawn_twice(llama, byte_tokenizer):
    first, second = generate(llama, byte_tokenizer, [[5, 6]] * 2, 12, temperature=2.0, seed=0)
    assert first != second


def test_without_a_seed_drawing_does_not_touch_the_global_random_state(llama, byte_tokenizer):
    import torch

    before = torch.get_rng_state()
    generate(llama, byte_tokenizer, [[5, 6]], 4, temperature=1.0)
    assert torch.equal(before, torch.get_rng_state())


def test_drawn_tokens_follow_the_probabilities():
    import torch

    from labkit.evaluation.generation import picker

    logits = torch.tensor([[0.7, 0.3]]).log() * 2
    pick = picker([0], Sampling(temperature=2.0), seed=0)
    share = sum(pick(logits).item() for _ in range(4000)) / 4000
    assert share == pytest.approx(0.3, abs=0.03)  # four standard errors


def test_a_torch_answer_is_drawn_among_the_likeliest_and_ends_before_a_stop_text(
    llama, byte_tokenizer
):
    greedy = generate(llama, byte_tokenizer, PROMPTS, 10)
    alone = {"temperature": 5.0, "seed": 1}
    assert generate(llama, byte_tokenizer, PROMPTS, 10, top_k=1, **alone) == greedy
    assert generate(llama, byte_tokenizer, PROMPTS, 10, top_p=1e-6, **alone) == greedy
    assert generate(llama, byte_tokenizer, PROMPTS, 10, **alone) != greedy
    stop = greedy[0][2:4]
    assert len(stop) == 2
    ended = generate(llama, byte_tokenizer, PROMPTS[:1], 10, stop=[stop])
    assert ended == [greedy[0].partition(stop)[0]]
    assert "".join(stream(llama, byte_tokenizer, PROMPTS[0], 10, stop=[stop])) == ended[0]


def test_nothing_is_printed(llama, byte_tokenizer, capfd):
    generate(llama, byte_tokenizer, PROMPTS, 4)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("prompt", "count", "temperature", "kind", "words"),
    [
        ([5], 0, 0, SpecError, "max_new_tokens must be at least 1; got 0"),
        ([5], 4, -1, SpecError, "temperature must be 0 or more; got -1"),
        ([5], 4, float("nan"), SpecError, "got nan"),
        ([], 4, 0, DataError, "at least one token; got 0"),
    ],
)
def test_wrong_settings_are_refused_in_one_sentence(
    llama, byte_tokenizer, prompt, count, temperature, kind, words
):
    for call in (
        lambda: generate(llama, byte_tokenizer, [prompt], count, temperature=temperature),
        lambda: stream(llama, byte_tokenizer, prompt, count, temperature=temperature),
    ):
        with pytest.raises(kind, match=words) as caught:
            call()
        assert isinstance(caught.value, LabError)
        assert caught.value.hint
