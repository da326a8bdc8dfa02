"""What every configuration trains on: a model with a fresh adapter, and three sets of rows."""

import copy
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any

from labkit.data import Example, Tokens, tokenize
from labkit.spec import FinetuneSpec

BATCH = 8
"""Rows of a step."""

ROWS = 64
"""Rows of a data set: eight steps are an epoch."""

SETTINGS: dict[str, Any] = {
    "r": 8,
    "lora_alpha": 16,
    "lora_dropout": 0.0,
    "target_modules": "all-linear",
    "learning_rate": 5e-4,
    "lr_scheduler_type": "constant",
    "warmup_ratio": 0.0,
    "batch_size": BATCH,
    "seed": 0,
}

INSTRUCTION = (
    "Below are a few notes that people wrote down, one sentence each. Say in their order, with the "
    "number of each, which tone it has: joy, sadness, anger, fear, surprise or neutral.\n"
)

SETS = {
    "shared": "a shared instruction",
    "distinct": "no shared prefix",
    "long": "long completions",
}


@dataclass
class Material:
    """A model, its tokenizer, and a folder that can be filled and forgotten."""

    folder: Path
    work: Path

    @cached_property
    def tokenizer(self) -> Any:
        """The model's tokenizer."""
        from transformers import AutoTokenizer

        return AutoTokenizer.from_pretrained(self.folder)

    @cached_property
    def base(self) -> Any:
        """The model in float32, without an adapter."""
        import torch
        from transformers import AutoModelForCausalLM
        from transformers.utils import logging

        logging.disable_progress_bar()
        return AutoModelForCausalLM.from_pretrained(self.folder, dtype=torch.float32)

    def model(self) -> Any:
        """Return a model of its own, with the adapter that every configuration begins with.

        The frozen weights are shared; what a trainer changes in the modules is not.
        """
        from labkit.training import add_adapter

        shared = {id(p): p for p in self.base.parameters()}
        return add_adapter(copy.deepcopy(self.base, shared), FinetuneSpec(**SETTINGS))

    def rows(self, name: str) -> list[Tokens]:
        """Return the tokens of the data set `name`."""
        return tokenize(examples(name), self.tokenizer, max_length=512)[0]


def examples(name: str) -> list[Example]:
    """Return the rows of a data set, always the same."""
    pairs = map(_PAIRS[name], range(ROWS))
    return [Example(*pair, label=None, row=row + 1) for row, pair in enumerate(pairs)]


def describe(rows: Sequence[Tokens]) -> dict[str, float]:
    """Return what a batch holds on average: tokens, padding, common prefix, completions."""
    from labkit.training.batches import common_prefix

    parts = [rows[i : i + BATCH] for i in range(0, len(rows), BATCH)]
    lengths = [[len(row.input_ids) for row in part] for part in parts]
    n_tokens = sum(map(sum, lengths))
    n_learned = sum(len(row.input_ids) - row.n_prompt for row in rows)
    return {
        "tokens": n_tokens / len(parts),
        "padded": sum(max(part) * len(part) for part in lengths) / len(parts),
        "prefix": sum(map(common_prefix, parts)) / len(parts),
        "completion_share": n_learned / n_tokens,
    }


def phrases(start: int, n: int) -> list[tuple[str, str]]:
    """Return `n` phrases and their tones from `start` on, beginning again at the end."""
    text = (files("labkit.data") / "phrases" / "train.jsonl").read_text(encoding="utf-8")
    found = [json.loads(line) for line in text.splitlines()]
    return [
        (found[i % len(found)]["phrase"], found[i % len(found)]["tone"])
        for i in range(start, start + n)
    ]


def _notes(row: int, fewest: int) -> tuple[str, str]:
    """Return `fewest` to `fewest + 3` phrases, and the tone of each."""
    chosen = phrases(7 * row, fewest + row * 5 % 4)
    notes = "\n".join(phrase for phrase, _ in chosen)
    tones = ", ".join(f"{i} {tone}" for i, (_, tone) in enumerate(chosen, 1))
    return notes, f" {tones}"


def _shared(row: int) -> tuple[str, str]:
    notes, tones = _notes(row, 2)
    return f"{INSTRUCTION}{notes}\nTones:", tones


def _distinct(row: int) -> tuple[str, str]:
    notes, tones = _notes(row, 5)
    return f"{notes}\nTones:", tones


def _long(row: int) -> tuple[str, str]:
    first, *rest = (phrase for phrase, _ in phrases(7 * row, 6 + row * 5 % 4))
    return f"Write on.\n{first}\n", " ".join(rest)


_PAIRS = {"shared": _shared, "distinct": _distinct, "long": _long}


def write_tiny(folder: Path) -> None:
    """Write a random two-layer Llama and a tokenizer that knows the benchmark's words."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    plain = Tokenizer(models.BPE())
    plain.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    plain.decoder = decoders.ByteLevel()
    texts = [e.prompt + e.completion for name in SETS for e in examples(name)]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=2000, special_tokens=["<eos>", "<pad>"], initial_alphabet=alphabet
    )
    plain.train_from_iterator(texts, trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=plain, eos_token="<eos>", pad_token="<pad>", model_max_length=512
    )
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=64, intermediate_size=128, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=512,
        tie_word_embeddings=True, bos_token_id=0, eos_token_id=0, pad_token_id=1,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
