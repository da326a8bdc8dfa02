"""The model's tokenizer without Transformers: what `tokenize` asks of one, read from its files."""

import json
import re
from pathlib import Path
from typing import Any

from ...catalog import cached, model_entry

GENERATION = re.compile(r"\{%-?\s*(?:end)?generation\s*-?%\}")
"""Marks for training in a chat template, which write nothing."""


def tokenizer_folder(model: str) -> Path | None:
    """Return the folder with the model's tokenizer if it is on this machine; fetches nothing."""
    entry = model_entry(model)
    folder = cached(entry) if entry else Path(model).expanduser()
    if folder is not None and (folder / "tokenizer.json").is_file():
        return folder
    return None if entry or (folder and folder.is_dir()) else _hub_folder(model)


def _hub_folder(model: str) -> Path | None:
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        file = try_to_load_from_cache(model, "tokenizer.json")
    except HFValidationError:
        return None
    return Path(file).parent if isinstance(file, str) else None


def has_chat_template(folder: Path) -> bool:
    """Tell whether a model's folder has a chat template: it was trained on chats."""
    return bool(_chat_template(folder))


class LightTokenizer:
    """The part of a Transformers tokenizer that turns rows into tokens.

    Args:
        folder: Holds `tokenizer.json`, and `tokenizer_config.json` with the special tokens.
    """

    def __init__(self, folder: Path) -> None:
        from tokenizers import Tokenizer

        self._plain = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._plain.no_truncation()
        self._plain.no_padding()
        self._special = _special_tokens(folder)
        self.chat_template = _chat_template(folder)

    def __call__(
        self,
        texts: str | list[str],
        add_special_tokens: bool = True,
        **_: Any,  # noqa: ANN401 - what Transformers alone uses
    ) -> dict[str, Any]:
        """Return the token ids of a text, or of each of several."""
        every = [texts] if isinstance(texts, str) else texts
        ids = [self._plain.encode(t, add_special_tokens=add_special_tokens).ids for t in every]
        return {"input_ids": ids[0] if isinstance(texts, str) else ids}

    @property
    def bos_token_id(self) -> int | None:
        """The start token, if there is one."""
        return self._id("bos_token")

    @property
    def eos_token_id(self) -> int | None:
        """The end token, if there is one."""
        return self._id("eos_token")

    @property
    def all_special_ids(self) -> list[int]:
        """The ids of the tokens with a part to play."""
        return [i for i in map(self._id, self._special) if i is not None]

    @property
    def added_tokens_decoder(self) -> dict[int, Any]:
        """Each added token by its id."""
        return dict(self._plain.get_added_tokens_decoder())

    def apply_chat_template(
        self,
        turns: list[dict[str, Any]],
        *,
        tokenize: bool = False,
        add_generation_prompt: bool = False,
    ) -> str:
        """Return a chat as the model's template writes it, in the sandbox of Jinja."""
        from jinja2.sandbox import ImmutableSandboxedEnvironment

        environment = ImmutableSandboxedEnvironment(
            trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
        )
        environment.filters["tojson"] = _as_json
        environment.globals |= {"raise_exception": _refuse, "strftime_now": _now}
        template = environment.from_string(GENERATION.sub("", self.chat_template or ""))
        return template.render(
            messages=turns, add_generation_prompt=add_generation_prompt, tools=None,
            documents=None, **self._special,
        )  # fmt: skip

    def _id(self, name: str) -> int | None:
        token = self._special.get(name)
        return None if token is None else self._plain.token_to_id(token)


def _special_tokens(folder: Path) -> dict[str, str]:
    found = _json(folder / "special_tokens_map.json") | _json(folder / "tokenizer_config.json")
    texts = {k: v.get("content") if isinstance(v, dict) else v for k, v in found.items()}
    return {k: v for k, v in texts.items() if k.endswith("_token") and isinstance(v, str)}


def _chat_template(folder: Path) -> str | None:
    file = folder / "chat_template.jinja"
    if file.is_file():
        return file.read_text(encoding="utf-8")
    found = _json(folder / "tokenizer_config.json").get("chat_template")
    if isinstance(found, list):  # several, by name
        found = next((t.get("template") for t in found if t.get("name") == "default"), None)
    return found if isinstance(found, str) else None


def _json(file: Path) -> dict[str, Any]:
    return dict(json.loads(file.read_text(encoding="utf-8"))) if file.is_file() else {}


def _as_json(value: Any, indent: int | None = None) -> str:  # noqa: ANN401 - any JSON
    return json.dumps(value, ensure_ascii=False, indent=indent)


def _refuse(message: str) -> None:
    from jinja2.exceptions import TemplateError

    raise TemplateError(message)


def _now(form: str) -> str:
    from datetime import datetime

    return datetime.now().strftime(form)
