import json
import os
import tempfile

import pytest
import tiny

from labkit.spec import FinetuneSpec

pytest_plugins = ["exported"]

os.environ["XDG_STATE_HOME"] = tempfile.mkdtemp(prefix="labkit-state-")  # not the tester's own
os.environ["OMP_NUM_THREADS"] = "1"  # tiny matrices are slower on several threads

WORDS = "the a cat dog bird fish runs sleeps sings swims red blue green one two three four"
LABELS = ("animal", "number", "colour")


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory):
    """A random two-layer Llama with a tokenizer of its own: for mechanics, never for claims."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("models") / "tiny"
    plain = Tokenizer(models.BPE())
    plain.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    plain.decoder = decoders.ByteLevel()
    special = ["<unk>", "<bos>", "<eos>", "<pad>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    plain.train_from_iterator(
        [WORDS, " ".join(LABELS)],
        trainers.BpeTrainer(vocab_size=320, special_tokens=special, initial_alphabet=alphabet),
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=plain, unk_token="<unk>", bos_token="<bos>", eos_token="<eos>",
        pad_token="<pad>", model_max_length=256,
    )  # fmt: skip
    model = tiny.tiny_model(
        vocab_size=len(tokenizer), hidden_size=64, intermediate_size=96,
        tie_word_embeddings=True, pad_token_id=3,
    )  # fmt: skip
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def words(tmp_path_factory):
    """A data set of 48 rows: which kind of word is it?"""
    kinds = {"animal": "cat dog bird fish", "number": "one two three four", "colour": "red blue"}
    rows = [
        {"text": f"{lead} {word}", "kind": kind}
        for kind, group in kinds.items()
        for word in group.split()
        for lead in ("the", "a", "this", "that", "my", "our")
    ]
    file = tmp_path_factory.mktemp("data") / "words.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


@pytest.fixture(scope="session")
def settings(tiny_model, words):
    """Settings of a run of a few seconds on the tiny model."""
    return {
        "model": str(tiny_model),
        "data": str(words),
        "text_template": "word: {text}\nkind: {kind}",
        "max_steps": 12,
        "eval_steps": 4,
        "learning_rate": 5e-3,
        "batch_size": 4,
        "precision": "fp32",
    }


@pytest.fixture
def cell(settings):
    """A function that writes a cell that fine-tunes the tiny model."""

    def write(name, **changes):
        body = FinetuneSpec(**settings | changes).to_yaml(changed_only=True)
        return f"%%finetune {name}\n{body}".rstrip()

    return write


@pytest.fixture
def folder(tmp_path):
    """An empty folder; a module may have one of its own for all its tests."""
    return tmp_path


@pytest.fixture
def workplace(folder, monkeypatch):
    """The folder as the current one, in which runs/ will lie."""
    monkeypatch.chdir(folder)
    monkeypatch.delenv("LABKIT_RUNS", raising=False)
    return folder


@pytest.fixture
def shell():
    """An IPython session with labkit loaded, in which an error in a cell fails the test."""
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    shell = InteractiveShell(config=Config(HistoryManager={"enabled": False}))
    shell.run_line_magic("load_ext", "labkit")
    run_cell = shell.run_cell
    shell.run_cell = lambda text: run_cell(text).raise_error()
    return shell
