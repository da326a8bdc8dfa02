"""The contrastive loss on an encoder: pairs, embeddings, what is retrieved, what is refused."""

import json
import re

import numpy as np
import pytest
import torch
from torch import nn

import labkit
from labkit import data, training
from labkit.errors import DataError, LabError, RunStopped, SpecError
from labkit.evaluation.nearest import label_similarities, retrieved
from labkit.evaluation.rows import SentenceRows
from labkit.report import SilentView
from labkit.spec import FinetuneSpec
from labkit.training.contrastive import contrastive
from labkit.training.encoders import is_encoder

QUIET = SilentView()
WORDS = "cat dog bird fish one two three four red blue the a this that my our"


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    """A random two-layer encoder whose tokens are words: for mechanics, never for claims."""
    from transformers import BertConfig, BertModel, BertTokenizer

    folder = tmp_path_factory.mktemp("models") / "encoder"
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS.split()]
    tokenizer = BertTokenizer(vocab={token: i for i, token in enumerate(tokens)})
    tokenizer.model_max_length = 32
    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "intermediate_size": 64, "max_position_embeddings": 32}
    config = BertConfig(
        vocab_size=len(tokens), num_hidden_layers=2, num_attention_heads=4,
        hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, initializer_range=0.3, **sizes,
    )  # fmt: skip
    BertModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def tokenizer(encoder):
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(encoder)


@pytest.fixture(scope="module")
def asked(settings, encoder):
    """Settings of a run of a few seconds on the encoder."""
    mine = {"model": str(encoder), "loss": "contrastive", "max_steps": 48, "learning_rate": 1e-2}
    return {**settings, **mine, "batch_size": 16}


@pytest.fixture(scope="module")
def splits(asked):
    return data.load(FinetuneSpec(**asked))


def sentences(tokenizer, *texts, **limits):
    examples = [data.Example(text, "", None, 1, given=text) for text in texts]
    return data.sentences(examples, tokenizer, **{"max_length": 32} | limits)


class InTheText(nn.Module):
    """The loss as the course's text has it: label 1 pushes apart."""

    def forward(self, output1, output2, label):
        distance = nn.functional.pairwise_distance(output1, output2)
        near = (1 - label) * torch.pow(distance, 2)
        far = label * torch.pow(torch.clamp(1.0 - distance, min=0.0), 2)
        return torch.mean(near + far)


def test_the_loss_is_the_mean_of_the_courses():
    seeded = torch.Generator().manual_seed(0)
    first, second = (torch.randn(6, 8, generator=seeded) * 0.3 for _ in range(2))
    apart = torch.tensor([0.0, 1, 1, 0, 1, 0])
    ours = contrastive(first, second, apart, margin=1.0) / 6
    torch.testing.assert_close(ours, InTheText()(first, second, apart))


def test_the_loss_of_known_distances():
    origin = torch.zeros(3, 2)
    others = torch.tensor([[0.6, 0.8], [0.3, 0.4], [3.0, 4.0]])  # 1, 0.5 and 5 away
    together, apart = torch.zeros(3), torch.ones(3)
    assert float(contrastive(origin, others, together, 1.0)) == pytest.approx(26.25, abs=1e-4)
    assert float(contrastive(origin, others, apart, 2.0)) == pytest.approx(1 + 2.25, abs=1e-4)


def test_a_sentence_is_what_was_filled_in_with_the_tokenizers_own_ends(splits, tokenizer):
    (row, *_), notes = data.sentences(splits.train, tokenizer, max_length=32)
    words = splits.train[0].given
    assert "word:" in splits.train[0].prompt
    assert tokenizer.decode(row.input_ids) == f"[CLS] {words} [SEP]"
    assert row.n_prompt == len(row.input_ids)
    assert notes == []


def test_a_long_sentence_loses_its_end_and_keeps_what_closes_it(tokenizer):
    (row,), notes = sentences(tokenizer, "the cat one two three", max_length=5)
    assert tokenizer.decode(row.input_ids) == "[CLS] the cat one [SEP]"
    assert notes == ["1 of 1 texts are longer than 5 tokens and lost their end."]
    (row,), _ = sentences(tokenizer, "cat " * 40, max_length=512)
    assert len(row.input_ids) == 32  # as many as the encoder reads


def test_every_row_is_paired_once_with_its_label_and_once_with_another(splits, tokenizer):
    rows, _ = data.sentences(splits.train, tokenizer, max_length=32)
    labels = [example.label for example in splits.train]
    label_of = {tuple(row.input_ids): label for row, label in zip(rows, labels, strict=True)}
    pairs = data.sentence_pairs(rows, labels, seed=3)
    assert len(pairs) == 2 * len(rows)
    for pair in pairs:
        one, two = (label_of[tuple(ids)] for ids in (pair.input_ids, pair.other.input_ids))
        assert pair.apart == (one != two)
        assert pair.apart or pair.input_ids != pair.other.input_ids
    again, other = (data.sentence_pairs(rows, labels, seed) for seed in (3, 4))
    assert pairs == again
    assert pairs != other


def test_a_label_with_one_row_is_only_pushed_away(tokenizer):
    rows, _ = sentences(tokenizer, "cat", "dog", "one")
    pairs = data.sentence_pairs(rows, ["animal", "animal", "number"], seed=0)
    assert [pair.apart for pair in pairs] == [False, True, False, True, True]


def test_pairs_of_one_label_are_refused(tokenizer):
    rows, _ = sentences(tokenizer, "cat", "dog")
    with pytest.raises(DataError, match="two labels at least; got 1"):
        data.sentence_pairs(rows, ["animal", "animal"], seed=0)


def test_an_embedding_is_the_mean_of_its_states_and_does_not_see_its_neighbours(encoder, tokenizer):
    from transformers import AutoModel

    model = training.load_base(encoder, encoder=True).eval()
    rows, _ = sentences(tokenizer, "cat", "the red bird one two three", "a fish")
    found = training.embeddings(model, rows)
    plain = AutoModel.from_pretrained(encoder).eval()
    for row, mine in zip(rows, found, strict=True):
        with torch.no_grad():
            states = plain(input_ids=torch.tensor([row.input_ids])).last_hidden_state[0]
        mean = states.mean(0)
        torch.testing.assert_close(mine, mean / mean.norm(), atol=1e-5, rtol=1e-4)


def test_the_label_of_the_nearest_text_comes_first():
    similarities = np.array([[0.9, 0.1, 0.5], [-0.4, -0.2, -0.3]])
    found = label_similarities(similarities, ["b", "a", "a"], ["a", "b", "c"])
    assert found.tolist() == [[0.5, 0.9, -1.0], [-0.2, -0.4, -1.0]]


@pytest.mark.parametrize(
    "changes",
    [
        {"method": "ia3"},
        {"method": "qlora"},
        {"packing": "packed"},
        {"last_layers": 1},
        {"init_lora_weights": "eva"},
        {"task": "classification", "head": True},
    ],
)
def test_what_an_encoder_does_not_learn_with_is_refused(changes):
    name = [*changes][-1]
    with pytest.raises(SpecError, match=f"does not go with {name}"):
        FinetuneSpec(loss="contrastive", **changes)


def test_the_margin_belongs_to_this_loss_alone():
    assert FinetuneSpec(loss="contrastive").margin == 1.0
    with pytest.raises(SpecError, match="margin"):
        FinetuneSpec(margin=0.5)
    with pytest.raises(SpecError, match="at most 2"):
        FinetuneSpec(loss="contrastive", margin=2.5)


def test_encoders_are_told_from_models_that_write(encoder, tiny_model):
    assert is_encoder(encoder)
    assert not is_encoder(tiny_model)
    with pytest.raises(SpecError, match=r"encoder \(BertModel\): it gives embeddings, no text"):
        training.load_base(encoder)


def test_a_dry_run_shows_the_sentence_alone(asked, workplace):
    said = repr(labkit.preview(**asked))
    assert (
        f"as the encoder will read it:\n{data.load(FinetuneSpec(**asked)).train[0].given}" in said
    )
    assert "word:" not in said
    assert "Nothing was trained." in said


@pytest.mark.process
def test_an_encoder_learns_to_find_texts_of_the_same_kind(workplace, asked, capsys, monkeypatch):
    run = labkit.finetune(name="kinds", view=QUIET, **asked)
    losses = [event["loss"] for event in run.of("step")]
    assert sum(losses[-4:]) < 0.5 * sum(losses[:4])
    assert run.metrics["tuned"]["accuracy"] >= run.metrics["base"]["accuracy"]
    assert run.metrics["tuned"]["accuracy"] == 1.0
    assert "nearest of" in run.metrics["tuned"]["notes"][0]
    assert run.metrics["training"]["packing"] == "padded"

    wrong = {finding.name for finding in labkit.diagnose("kinds").findings}
    assert wrong <= {"underfitting"}  # ten held-out rows show no difference

    again = labkit.evaluate("kinds", view=QUIET)
    assert again.metrics["models"]["kinds"]["predictions"] == run.metrics["tuned"]["predictions"]

    for refused in (
        lambda: labkit.generate("the cat", run="kinds", view=QUIET),
        lambda: labkit.optimize("kinds", view=QUIET),
        lambda: labkit.merge("kinds", view=QUIET),
    ):
        with pytest.raises(LabError, match="embeddings"):
            refused()

    card = (run.path / "README.md").read_text()
    assert "sentence-similarity" in card
    program = re.search(r"```python\n(.*?)\n```", card, re.DOTALL).group(1)
    monkeypatch.chdir(run.path)
    capsys.readouterr()
    known = {}
    exec(program, known)
    said = float(capsys.readouterr().out.split()[-1])
    model = training.load_tuned(run.spec.model, run.learned, run.spec)
    rows, _ = sentences(known["tokenizer"], *known["texts"])
    first, second = training.embeddings(model, rows)
    assert said == pytest.approx(float(first @ second), abs=2e-3)


@pytest.mark.process
def test_a_full_one_is_a_model_by_itself_and_a_stopped_one_goes_on(workplace, asked):
    from transformers import AutoModel

    changes = {"method": "full", "learning_rate": 2e-3, "save_steps": 4}
    whole = labkit.finetune(name="whole", view=QUIET, **asked | changes)
    part = labkit.finetune(name="part", view=QUIET, **asked | changes, wait=False)
    part.stop()
    with pytest.raises(RunStopped):
        labkit.launch.wait(part, QUIET)
    labkit.resume("part", view=QUIET)
    ours, theirs = (AutoModel.from_pretrained(run.learned).state_dict() for run in (whole, part))
    assert all(torch.equal(ours[name], theirs[name]) for name in ours if "pooler" not in name)


@pytest.mark.process
def test_wrong_pairs_of_model_and_loss_are_named(workplace, asked, tiny_model):
    with pytest.raises(LabError, match="trains the embeddings of an encoder"):
        labkit.finetune(name="a", view=QUIET, **asked | {"model": str(tiny_model)})
    with pytest.raises(LabError, match="is an encoder"):
        labkit.finetune(name="b", view=QUIET, **asked | {"loss": "cross_entropy"})


TERMS = [
    {"prompt": f"{lead} {word}", "completion": f"{other} {word}"}
    for word in ["cat", "dog", "bird", "fish", "one", "two", "three", "four", "red", "blue"]
    for lead, other in (("the", "my"), ("a", "our"), ("this", "that"))
]


def test_a_row_without_a_label_is_a_text_and_its_completion(tokenizer, tmp_path):
    splits = data.load(FinetuneSpec(data=written(tmp_path), loss="contrastive"))
    assert splits.task == "retrieval"
    rows, _ = data.sentences(splits.train, tokenizer, max_length=32)
    first = splits.train[0]
    assert tokenizer.decode(rows[0].input_ids) == f"[CLS] {first.prompt.strip()} [SEP]"
    assert tokenizer.decode(rows[0].other.input_ids) == f"[CLS] {first.completion.strip()} [SEP]"
    passages = [one.completion.strip() for one in splits.train]
    pairs = data.passage_pairs(rows, passages, seed=0)
    assert [pair.apart for pair in pairs] == [False, True] * len(rows)
    for row, passage, near, far in zip(rows, passages, pairs[::2], pairs[1::2], strict=True):
        assert near.input_ids == far.input_ids == row.input_ids
        assert near.other == row.other
        assert tokenizer.decode(far.other.input_ids) != f"[CLS] {passage} [SEP]"
    with pytest.raises(DataError, match="two different completions"):
        data.passage_pairs(rows[:2], ["my cat", "my cat"], seed=0)


def test_what_is_retrieved_is_the_nearest_completion():
    similarities = np.array([[0.9, 0.1, 0.5], [0.4, 0.2, 0.3], [0.1, 0.6, 0.5]])
    rows = SentenceRows([], "pqr", ["a", "b", "c"], [], ["a", "b", "c"], ())
    found = retrieved(similarities, rows)
    assert found.answers == ("a", "a", "b")
    assert found.retrieval_accuracy == pytest.approx(1 / 3)
    assert found.mean_reciprocal_rank == pytest.approx((1 + 1 / 3 + 1 / 2) / 3)


def written(folder):
    file = folder / "terms.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in TERMS))
    return str(file)


@pytest.mark.process
def test_an_encoder_learns_to_find_what_belongs_to_a_text(workplace, asked, tmp_path):
    mine = {"data": written(tmp_path), "text_template": None, "max_steps": 60, "eval_share": 0.3}
    run = labkit.finetune(name="terms", view=QUIET, **asked | mine)
    base, tuned = (run.metrics[name]["retrieval_accuracy"] for name in ("base", "tuned"))
    assert tuned > base
    assert "retrieval accuracy" in (run.path / "report.html").read_text()
    assert run.metrics["comparison"]["metric"] == "retrieval_accuracy"
    again = labkit.evaluate("terms", view=QUIET)
    assert again.metrics["models"]["terms"]["answers"] == run.metrics["tuned"]["answers"]
