"""What a model's folder says of itself: `labkit.json` beside `model.onnx`.

Sections: `model` (what kind of graph it is), `session` (how it is run best), `adapters` (what can
be switched on). A folder without the file is one that the onnxruntime-genai builder wrote.
"""

import json
from pathlib import Path
from typing import Any

from ..errors import ExportError
from ..files import read_json, write_json

FILE = "labkit.json"


def graph_bytes(folder: Path) -> int:
    """Return the size of a model's graph and weights in a folder."""
    return sum(file.stat().st_size for file in folder.glob("*.onnx*"))


def section(folder: Path, name: str) -> dict[str, Any]:
    """Return a section of a folder's `labkit.json`; empty where there is none."""
    return dict(read_json(folder / FILE).get(name, {}))


def write_section(folder: Path, name: str, values: dict[str, Any]) -> None:
    """Put a section into a folder's `labkit.json` and keep the others."""
    file = folder / FILE
    write_json(file, read_json(file) | {name: values})


def graph_facts(folder: Path) -> dict[str, Any]:
    """Return what is known of a folder's graph: `vocab_size`, `context_length`, `decoder`.

    The builder says it in genai_config.json, section `model`; of another graph `labkit.json` does.

    Raises:
        ExportError: The folder holds no graph, or nothing of it is known.
    """
    path = folder / "genai_config.json"
    found = section(folder, "model")
    if path.is_file():
        found = json.loads(path.read_text(encoding="utf-8"))["model"] | found
    if "vocab_size" not in found or not (folder / "model.onnx").is_file():
        hint = "Name the onnx/ folder of a run that was optimised."
        raise ExportError(f"{folder} holds no model.onnx with a genai_config.json.", hint)
    return dict(found)
