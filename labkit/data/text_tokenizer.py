"""Text to token ids and back as the model's folder says, without Transformers."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from ..errors import DataError, ExportError
from ..files import read_json
from .chat_templates import compiled
from .prompts import Messages, chat_text

NAMED = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")
"""Special tokens that a chat template may write by name."""


class TextTokenizer:
    """The tokenizer of a model's folder; reads and writes as that of Transformers does.

    Args:
        folder: Holds `tokenizer.json`; what else it has is read too: `tokenizer_config.json`,
            `chat_template.jinja`, `generation_config.json`, `genai_config.json`.

    Raises:
        ExportError: A file is missing or cannot be read.
    """

    def __init__(self, folder: Path) -> None:
        config = _config(folder)
        self._tokenizer = _opened(folder / "tokenizer.json")
        self.special_tokens = {
            name: text for name in NAMED if (text := _content(config.get(name))) is not None
        }
        self._tokenizer.add_special_tokens(self._known(config))
        self.chat_template = chat_template(folder)
        self.bos_id = self._id("bos_token")
        self.eos_id = self._id("eos_token")
        self.eos_ids = frozenset(_ends(folder)) | frozenset(
            () if self.eos_id is None else (self.eos_id,)
        )

    def encode(self, text: str, *, add_special_tokens: bool = False) -> list[int]:
        """Return the token ids of a text, `(n,)`.

        Args:
            text: Special tokens written in it are read as such.
            add_special_tokens: Whether the model's start and end tokens are put around it.
        """
        found = self._tokenizer.encode(text, add_special_tokens=add_special_tokens)
        return list(found.ids)

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of token ids, special tokens left out."""
        return str(self._tokenizer.decode(list(ids), skip_special_tokens=True))

    def chat(self, messages: Messages, *, add_generation_prompt: bool = True) -> list[int]:
        """Return the token ids of a chat as the model's template writes it.

        Args:
            messages: The turns, each with `role` and `content`.
            add_generation_prompt: Whether it ends where the assistant's answer begins.

        Raises:
            DataError: There is no template or no turn, or the template refuses the turns.
        """
        if not messages:
            raise DataError("A chat must have at least one turn; got 0.", "Ask something.")
        return self.encode(chat_text(messages, self, asks=add_generation_prompt))

    @cached_property
    def start_ids(self) -> list[int]:
        """The start token that stands before every text, or nothing."""
        bos = [] if self.bos_id is None else [self.bos_id]
        adds = self.encode("a", add_special_tokens=True)[:1] == bos != self.encode("a")[:1]
        return bos if adds else []

    def apply_chat_template(
        self, messages: Messages, *, tokenize: bool = False, add_generation_prompt: bool = False
    ) -> str:
        """Return a chat as text; named and called as in Transformers, for `data.chat_text`."""
        assert not tokenize
        turns = [{k: v for k, v in turn.items() if v is not None} for turn in messages]
        text: str = compiled(str(self.chat_template)).render(
            messages=turns,
            tools=None,
            documents=None,
            add_generation_prompt=add_generation_prompt,
            **self.special_tokens,
        )
        return text

    def _known(self, config: Mapping[str, Any]) -> list[str]:
        """Return the special tokens that the configuration names and the vocabulary has."""
        more = config.get("extra_special_tokens") or config.get("additional_special_tokens") or ()
        listed = more.values() if isinstance(more, Mapping) else more
        named = [*self.special_tokens.values(), *filter(None, map(_content, listed))]
        return [text for text in named if self._tokenizer.token_to_id(text) is not None]

    def _id(self, name: str) -> int | None:
        text = self.special_tokens.get(name)
        found: int | None = self._tokenizer.token_to_id(text) if text is not None else None
        return found


def _json(file: Path) -> dict[str, Any]:
    """Return what a JSON file of a model's folder holds; nothing where there is no file."""
    try:
        return read_json(file)
    except ValueError as error:
        raise _broken(file, error) from error


def _config(folder: Path) -> dict[str, Any]:
    special = _json(folder / "special_tokens_map.json")
    return special | _json(folder / "tokenizer_config.json")


def _opened(file: Path) -> Any:  # noqa: ANN401 - tokenizers is not typed
    from tokenizers import Tokenizer

    if not file.is_file():
        hint = "Optimise the run again, or copy the whole folder."
        raise ExportError(f"{file.parent} holds no tokenizer.json.", hint)
    try:
        tokenizer = Tokenizer.from_file(str(file))
    except Exception as error:
        raise _broken(file, error) from error
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def _broken(file: Path, error: Exception) -> ExportError:
    hint = "Optimise the run again; the file may be cut off or from another version."
    return ExportError(f"{file} cannot be read: {error}.", hint)


def _content(token: Any) -> str | None:  # noqa: ANN401 - text, or an added token as JSON
    text = token.get("content") if isinstance(token, Mapping) else token
    return text if isinstance(text, str) else None


def chat_template(folder: Path) -> str | None:
    """Return the template of a model's folder that writes a chat; of several that called default.

    Raises:
        ExportError: A file cannot be read.
    """
    file = folder / "chat_template.jinja"
    is_there = file.is_file()
    found = file.read_text(encoding="utf-8") if is_there else _config(folder).get("chat_template")
    if isinstance(found, list):
        found = {one["name"]: one["template"] for one in found}.get("default")
    return found or None


def _ends(folder: Path) -> set[int]:
    """Return the tokens that end an answer, as the model's configurations say."""
    configs = (
        _json(folder / "generation_config.json"),
        _json(folder / "genai_config.json").get("model", {}),
    )
    found = [config.get("eos_token_id") for config in configs]
    listed = [end for one in found for end in (one if isinstance(one, list) else [one])]
    return {int(end) for end in listed if end is not None}
