"""A loaded export answers, scores and embeds as PyTorch does, without torch in the process."""

import json
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import labkit
from labkit.errors import DataError, ExportError, RunError, SpecError
from labkit.runtime import Loaded, Sampling
from labkit.runtime.folder import write_section

pytestmark = pytest.mark.process

PROMPTS = ["Hello there", "one two three", "What is it? ", "a\tb\n\nc"]
DIALOGUE = "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}assistant:"


@pytest.fixture(scope="module")
def loaded(tiny_fp32):
    return labkit.load(tiny_fp32, threads=1)


@pytest.fixture(scope="module")
def tokenizer(tiny_folder):
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(tiny_folder)


@pytest.fixture
def copied(tiny_fp32, tmp_path):
    """A copy of the export, to be written into."""
    return shutil.copytree(tiny_fp32, tmp_path / "int8")


def torch_answer(model, tokenizer, text, count, **how):
    """Return the text that Transformers' own generate adds."""
    read = tokenizer(text.rstrip(" "), return_tensors="pt", add_special_tokens=False)
    how = {"do_sample": False} | how
    found = model.generate(**read.data, max_new_tokens=count, eos_token_id=1, pad_token_id=2, **how)
    return tokenizer.decode(found[0, read["input_ids"].shape[1] :], skip_special_tokens=True)


@pytest.mark.parametrize("prompt", PROMPTS)
def test_answers_are_those_of_transformers_whole_and_in_pieces(
    loaded, tiny_torch, tokenizer, prompt
):
    wanted = torch_answer(tiny_torch, tokenizer, prompt, 24)
    assert loaded.generate(prompt, max_new_tokens=24) == wanted
    stream = loaded.stream(prompt, max_new_tokens=24)
    found = list(stream)
    assert "".join(found) == wanted
    assert len(found) > 5
    assert stream.n_new_tokens == 24
    assert stream.n_prompt_tokens == len(loaded.tokenizer.encode(prompt.rstrip()))
    assert stream.ended == "length"


def test_a_stop_text_ends_an_answer_before_it_is_seen(loaded, tiny_torch, tokenizer):
    whole = torch_answer(tiny_torch, tokenizer, PROMPTS[0], 24)
    stop = whole[6:9]
    stream = loaded.stream(PROMPTS[0], max_new_tokens=24, stop=[stop, "never this"])
    assert "".join(stream) == whole.partition(stop)[0]
    assert stream.ended == "stop"
    assert stream.n_new_tokens < 24
    assert loaded.generate(PROMPTS[0], max_new_tokens=24, stop=stop) == whole.partition(stop)[0]


def test_an_end_token_ends_an_answer(copied, loaded):
    ids = loaded.model.generate(loaded.prompt_ids(PROMPTS[0]), 6)
    (copied / "generation_config.json").write_text(json.dumps({"eos_token_id": [1, ids[4]]}))
    stream = Loaded(copied).stream(PROMPTS[0])
    assert "".join(stream) == loaded.tokenizer.decode(ids[: ids.index(ids[4])])
    assert stream.ended == "stop"


def test_an_answer_ends_where_the_context_is_full(loaded):
    text = "a" * 250  # one token a letter, and the model reads 256
    stream = loaded.stream(text, max_new_tokens=50)
    list(stream)
    assert (stream.n_prompt_tokens, stream.n_new_tokens, stream.ended) == (250, 6, "length")
    with pytest.raises(DataError, match="room in the model's 256 tokens; it has 256"):
        loaded.stream("a" * 256)


def test_drawn_answers_come_from_the_likeliest_tokens_and_repeat_with_their_seed(
    loaded, tiny_torch
):
    import torch

    how = {"temperature": 2.0, "top_k": 3, "max_new_tokens": 20}
    assert loaded.generate("Hi", seed=1, **how) == loaded.generate("Hi", seed=1, **how)
    assert loaded.generate("Hi", seed=1, **how) != loaded.generate("Hi", seed=2, **how)
    assert loaded.generate("Hi", **how | {"top_k": 1}) == loaded.generate("Hi", max_new_tokens=20)
    ids, pick = loaded.prompt_ids("Hi"), Sampling(2.0, 3, seed=1).picker()
    drawn = list(loaded.model.stream(ids, 20, loaded.tokenizer.eos_ids, pick))
    assert loaded.tokenizer.decode(drawn) == loaded.generate("Hi", seed=1, **how)
    with torch.inference_mode():
        logits = tiny_torch(input_ids=torch.tensor([ids + drawn])).logits[0]
    likeliest = logits[len(ids) - 1 : -1].topk(3).indices.tolist()
    assert all(token in three for token, three in zip(drawn, likeliest, strict=True))


def test_labels_have_the_probabilities_of_whole_sequences_in_pytorch(loaded, tiny_torch, tokenizer):
    from labkit.evaluation import whole_sequence_scores

    labels = [" yes", " no", " maybe", " no way"]
    ids = [tokenizer("Is it?")["input_ids"]]
    rows = [tokenizer(label)["input_ids"] for label in labels]
    scores = whole_sequence_scores(tiny_torch, tokenizer, ids, rows)[0]
    wanted = np.exp(scores) / np.exp(scores).sum()
    found = loaded.score("Is it?", labels)
    assert [found[label] for label in labels] == pytest.approx(wanted.tolist(), rel=1e-3)
    assert list(found.values()) == sorted(found.values(), reverse=True)
    with pytest.raises(SpecError, match="needs the labels"):
        loaded.score("Is it?")


def test_a_text_is_embedded_as_the_mean_of_its_last_hidden_states(loaded, tiny_torch, tokenizer):
    import torch

    texts = ["Hello there", "a"]
    wanted = []
    for text in texts:
        with torch.inference_mode():
            states = tiny_torch.model(**tokenizer(text, return_tensors="pt").data)
        mean = states.last_hidden_state[0].mean(0)
        wanted.append((mean / mean.norm()).numpy())
    found = loaded.embed(texts)
    assert (found.shape, found.dtype) == ((2, 64), np.float32)
    np.testing.assert_allclose(found, wanted, atol=1e-5)
    np.testing.assert_array_equal(loaded.embed("a"), found[1:])


def test_without_hidden_states_embedding_says_so_in_a_sentence(copied):
    import onnx

    graph = onnx.load(copied / "model.onnx", load_external_data=False)
    kept = [out for out in graph.graph.output if out.name != "hidden_states"]
    del graph.graph.output[:]
    graph.graph.output.extend(kept)
    onnx.save(graph, copied / "model.onnx")
    with pytest.raises(ExportError, match="gives no hidden states, only logits"):
        Loaded(copied).embed("a")


def test_a_folder_asks_in_the_form_that_lies_in_it(copied):
    plain = Loaded(copied)
    pieces = {"prompt": [["Q: ", "q"], ["\nA: ", None]], "completion": [["", "a"], ["", None]]}
    write_section(copied, "prompt", {"form": "template", **pieces})
    form = Loaded(copied)
    assert form.prompt_ids("Why?") == plain.prompt_ids("Q: Why?\nA:")
    assert form.generate("Why?") == plain.generate("Q: Why?\nA:")
    assert form.generate("Why?", raw=True) == plain.generate("Why?")
    found = plain.score("Q: Why?\nA:", [" x", " yz"])
    assert form.score("Why?", ["x", "yz"]) == {k.strip(): v for k, v in found.items()}


def test_a_folder_that_says_nothing_is_asked_in_chat_where_it_can_be(copied):
    plain = Loaded(copied)
    (copied / "chat_template.jinja").write_text(DIALOGUE)
    chat = Loaded(copied)
    written = plain.prompt_ids("user: hi\nassistant:")
    assert chat.prompt_ids("hi") == chat.prompt_ids([{"role": "user", "content": "hi"}]) == written
    assert chat.prompt_ids("hi", raw=True) == plain.prompt_ids("hi")
    with pytest.raises(DataError, match="no chat template"):
        plain.generate([{"role": "user", "content": "hi"}])


def test_callers_side_by_side_get_what_each_gets_alone(loaded):
    prompts = [f"{prompt} {i}" for i in range(4) for prompt in PROMPTS]
    how = [{"seed": i, "temperature": 1.0 * (i % 2)} for i in range(len(prompts))]
    alone = [loaded.generate(p, max_new_tokens=12, **h) for p, h in zip(prompts, how, strict=True)]
    assert len(set(alone)) > 8
    with ThreadPoolExecutor(8) as threads:
        answers = threads.map(
            lambda one: loaded.generate(one[0], max_new_tokens=12, **one[1]),
            zip(prompts, how, strict=True),
        )
        assert list(answers) == alone


def test_a_head_scores_its_labels_and_writes_no_text(tiny_folder, tiny_torch, tokenizer, tmp_path):
    import torch

    from labkit.export.builder import export_onnx

    labels, head = ["sad", "glad", "mad"], tmp_path / "head"
    head.mkdir()
    weight = np.random.default_rng(0).normal(size=(3, 64)).astype(np.float32) / 4
    np.save(head / "head.npy", weight)
    (head / "labels.json").write_text(json.dumps(labels))
    export_onnx(tiny_folder, tmp_path / "fp32", "fp32", log=tmp_path / "log.txt", head=head)
    loaded = labkit.load(tmp_path / "fp32")
    with torch.inference_mode():
        states = tiny_torch.model(**tokenizer("Hello", return_tensors="pt").data)
    logits = states.last_hidden_state[0, -1] @ torch.tensor(weight).T
    wanted = dict(zip(labels, logits.softmax(-1).tolist(), strict=True))
    assert loaded.labels == tuple(labels)
    assert loaded.score("Hello") == pytest.approx(wanted, rel=1e-3)
    two = wanted["sad"] + wanted["mad"]
    assert loaded.score("Hello", ["sad", "mad"])["sad"] == pytest.approx(wanted["sad"] / two, 1e-3)
    with pytest.raises(SpecError, match="'bad' is none of the model's labels"):
        loaded.score("Hello", ["bad"])
    with pytest.raises(ExportError, match="writes no text, only labels"):
        loaded.stream("Hello")


def test_it_says_what_it_is(loaded, tiny_fp32):
    assert repr(loaded) == f"<Loaded {tiny_fp32}: 0 MB>"


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"max_new_tokens": 0}, "max_new_tokens must be at least 1; got 0."),
        ({"stop": [""]}, "A stop text must have a character; got ''."),
        ({"stop": ["a", ""]}, "A stop text must have a character; got ''."),
        ({"temperature": -2}, "temperature must be 0 or more; got -2."),
    ],
)
def test_a_setting_beyond_its_rule_is_refused_before_anything_is_read(loaded, settings, problem):
    with pytest.raises(SpecError) as caught:
        loaded.stream("Hi", **settings)
    assert caught.value.problem == problem


def test_a_folder_that_is_not_whole_and_an_unknown_adapter_are_refused(copied):
    with pytest.raises(RunError, match="has no adapters; got 'tone'"):
        labkit.load(copied, adapter="tone")
    (copied / "tokenizer.json").unlink()
    with pytest.raises(ExportError, match=r"holds no tokenizer\.json"):
        labkit.load(copied)
    (copied / "model.onnx").unlink()
    with pytest.raises(ExportError, match=r"holds no model\.onnx"):
        labkit.load(copied)


def test_loading_and_answering_leave_torch_and_transformers_out_of_the_process(copied):
    (copied / "chat_template.jinja").write_text(DIALOGUE)
    code = f"""
import json, sys, labkit
model = labkit.load({str(copied)!r})
said = model.generate("Hi", max_new_tokens=3, temperature=1.0, stop=["."])
model.score("Hi", ["a", "b c"])
model.embed("Hi")
heavy = [n for n in ("torch", "transformers", "peft", "onnx", "pandas") if n in sys.modules]
print(json.dumps([len(said) > 0, heavy]))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [True, []]
