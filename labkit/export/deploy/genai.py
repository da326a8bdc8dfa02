"""`genai_config.json`: what onnxruntime-genai and Foundry Local take from a folder, put right."""

import json
from pathlib import Path
from typing import Any

from ...errors import ExportError
from ...files import read_json, write_json

FILE = "genai_config.json"

GREEDY = {"do_sample": False, "num_beams": 1, "num_return_sequences": 1, "repetition_penalty": 1.0}
"""How a model answers unless it is asked otherwise: as it was measured."""


def adjust(folder: Path, base: Path | None) -> None:
    """Give a folder's `genai_config.json` the base's end tokens and a length that it can read.

    Args:
        folder: Holds the file; one without it is not for onnxruntime-genai and stays as it is.
        base: Hugging Face folder with the generation settings; None to keep the end tokens.

    Raises:
        ExportError: The file cannot be read or has no model.
    """
    file = folder / FILE
    if not file.is_file():
        return
    config = _read(file)
    model, search = config["model"], config.setdefault("search", {})
    if base and (ends := end_tokens(base)) is not None:
        model["eos_token_id"] = ends
    context = int(model["context_length"])
    search |= GREEDY | {"max_length": min(int(search.get("max_length") or context), context)}
    write_json(file, config)


def end_tokens(base: Path) -> int | list[int] | None:
    """Return the tokens that end an answer, as a model's generation settings name them."""
    for name in ("generation_config.json", "config.json"):
        found = read_json(base / name)
        if found.get("eos_token_id") is not None:
            ends: int | list[int] = found["eos_token_id"]
            return ends
    return None


def _read(file: Path) -> dict[str, Any]:
    try:
        config: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        int(config["model"]["context_length"])
    except (ValueError, KeyError, TypeError) as error:
        hint = "Optimise the run again; the file may be cut off."
        raise ExportError(f"{file} is no configuration of a model: {error}.", hint) from error
    return config
