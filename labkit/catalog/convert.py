"""Make a Hugging Face folder of a model file, in a process of its own.

`python -m labkit.catalog.convert SOURCE TARGET JOB`: SOURCE is a folder with a GGUF file or with
a model as a hub publishes it, TARGET the folder to fill, JOB what must hold afterwards, as JSON:
`{"gguf": name or null, "tokenizer": {...}, "config": {...}, "template": text or null}`.
"""

import hashlib
import json
import sys
from pathlib import Path
from typing import Any, Protocol

ROLES = ("bos", "eos", "pad")
_DIGITS = {"type": "Digits", "individual_digits": True}


class Tokenizer(Protocol):
    """The part of a Transformers tokenizer that is used here."""

    pad_token_id: int | None
    eos_token_id: int | None
    backend_tokenizer: Any

    def convert_tokens_to_ids(self, tokens: str) -> int:
        """Return the id of one token."""

    def encode(self, text: str, *, add_special_tokens: bool) -> list[int]:
        """Return the ids of a text."""

    def decode(self, token_ids: list[int]) -> str:
        """Return the text of ids."""


def main(arguments: list[str]) -> None:
    """Convert as the command line says; an error ends with its sentence on stderr."""
    source, target, job = Path(arguments[0]), Path(arguments[1]), json.loads(arguments[2])
    tokenizer = _load_tokenizer(source, job["gguf"])
    names = {f"{role}_token_id": job["tokenizer"][f"{role}_token"] for role in ROLES}
    ids = {role: tokenizer.convert_tokens_to_ids(token) for role, token in names.items()}
    write_tokenizer(source, target, job, tokenizer.backend_tokenizer.to_str())
    check(target)
    del tokenizer  # its memory, before the weights need theirs
    write_model(source, target, job, ids)


def write_model(source: Path, target: Path, job: dict[str, Any], ids: dict[str, int]) -> None:
    """Write weights as fp32 safetensors, configuration and generation configuration."""
    import torch
    from transformers import AutoModelForCausalLM, GenerationConfig

    model: Any = AutoModelForCausalLM.from_pretrained(
        source, gguf_file=job["gguf"], dtype=torch.float32, local_files_only=True
    )
    model.hf_quantizer = None  # the weights are plain fp32 now; save_pretrained refuses otherwise
    for name in ("quantization_config", "_model_name_or_path"):
        model.config.__dict__.pop(name, None)
    for name, value in {**job["config"], **ids}.items():
        setattr(model.config, name, value)
    generation: Any = GenerationConfig
    model.generation_config = generation(**ids)
    model.save_pretrained(target)


def write_tokenizer(source: Path, target: Path, job: dict[str, Any], spec: str) -> None:
    """Write tokenizer.json, its configuration and the chat template.

    Args:
        source: Folder of the model; its own tokenizer.json is kept where there is one.
        target: Folder to write to.
        job: What must hold afterwards.
        spec: The tokenizer as the `tokenizers` library reads it, JSON.
    """
    wanted = dict(job["tokenizer"])
    digits, sha256 = wanted.pop("digits", False), wanted.pop("sha256", None)
    published = source / "tokenizer.json"
    data = published.read_bytes() if published.is_file() else _tokenizer_json(spec, digits)
    if sha256 and hashlib.sha256(data).hexdigest() != sha256:
        raise SystemExit("the tokenizer that came out is not the published one")
    (target / "tokenizer.json").write_bytes(data)
    wanted = {"tokenizer_class": "PreTrainedTokenizerFast", **wanted}
    wanted["clean_up_tokenization_spaces"] = False
    (target / "tokenizer_config.json").write_text(json.dumps(wanted, indent=2) + "\n", "utf-8")
    if job["template"]:
        (target / "chat_template.jinja").write_text(job["template"], "utf-8")


def check(target: Path) -> None:
    """Refuse a tokenizer that stops nowhere or loses text."""
    tokenizer = _load_tokenizer(target, None)
    if tokenizer.pad_token_id is None or tokenizer.pad_token_id == tokenizer.eos_token_id:
        raise SystemExit("padding and end of turn must be two different tokens")
    text = "Room  12:\n\n  4096 tokens,\tno loss. Grüße 東京"
    if tokenizer.decode(tokenizer.encode(text, add_special_tokens=False)) != text:
        raise SystemExit("the tokenizer does not give a text back unchanged")


def _load_tokenizer(source: Path, gguf: str | None) -> Tokenizer:
    from transformers import AutoTokenizer

    loaded: Any = AutoTokenizer.from_pretrained(source, gguf_file=gguf, local_files_only=True)
    tokenizer: Tokenizer = loaded
    return tokenizer


def _tokenizer_json(text: str, digits: bool) -> bytes:
    spec = json.loads(text)
    return _dump(_as_published(spec) if digits else spec)


def _as_published(spec: dict[str, Any]) -> dict[str, Any]:
    """Give a byte-level BPE tokenizer the parts that a GGUF file does not hold.

    Every digit is a token of its own, nothing is added after encoding, merges are one string.
    """
    byte_level, model = spec["pre_tokenizer"], dict(spec["model"])
    spec["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": [_DIGITS, byte_level]}
    spec["post_processor"] = None
    model.update(continuing_subword_prefix=None, end_of_word_suffix=None)
    model["vocab"] = dict(sorted(model["vocab"].items(), key=lambda pair: pair[1]))
    model["merges"] = [" ".join(merge) for merge in model["merges"]]
    return {**spec, "model": model}


def _dump(spec: dict[str, Any]) -> bytes:
    return json.dumps(spec, indent=2, ensure_ascii=False).encode()


if __name__ == "__main__":
    main(sys.argv[1:])
