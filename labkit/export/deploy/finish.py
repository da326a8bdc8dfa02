"""Put everything beside an exported graph that a folder needs to be used elsewhere."""

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ...files import write_json, write_text
from ...runtime.folder import section, write_section
from ...runtime.prompt import prompt_section
from ...spec import FinetuneSpec
from ..child import call
from .checksums import seal
from .foundry import FILE, inference_model
from .genai import FILE as GENAI
from .genai import adjust
from .notices import write_notices
from .probe import SECTION


def finish(folder: Path, facts: Mapping[str, Any]) -> None:
    """Write what runtimes and people look for beside a graph; the checksums come last.

    May be called again, as when the model card learns of another rung.

    Args:
        folder: An exported folder: graph, `genai_config.json`, tokenizer.
        facts: What is known of the model; every key may be left out:

            - `name`: what the model is called, as `tone-int8`;
            - `precision`: of its weights; left out: the folder's name;
            - `settings`: the `FinetuneSpec` of the run that trained it, None for a base model;
            - `model`: the base model's name, where there are no settings;
            - `chat`: whether the run's rows are chats;
            - `base`: the Hugging Face folder that it was exported from;
            - `card`: the model card, for `README.md`.

    Raises:
        ExportError: The model does not open or does not answer.
    """
    settings: FinetuneSpec | None = facts.get("settings")
    base, precision = facts.get("base"), str(facts.get("precision") or folder.name)
    if "settings" in facts or not section(folder, "prompt"):
        write_section(folder, "prompt", prompt_section(settings, chat=bool(facts.get("chat"))))
    adjust(folder, base)
    if (folder / GENAI).is_file():  # Foundry Local runs what onnxruntime-genai does
        write_json(folder / FILE, inference_model(folder, str(facts.get("name") or folder.name)))
    if model := settings.model if settings else facts.get("model"):
        data = settings.data if settings else None
        write_notices(folder, model=str(model), data=data, base=base)
    if not section(folder, SECTION):
        write_section(folder, SECTION, _answer(folder, precision))
    if facts.get("card"):
        write_text(folder / "README.md", facts["card"])
    seal(folder)


def _answer(folder: Path, precision: str) -> dict[str, Any]:
    """Return what the model answers, asked in a process of its own."""
    with TemporaryDirectory() as place:
        log = Path(place) / "log.txt"
        found, _ = call("deploy.probe", "record", log=log, folder=str(folder), precision=precision)
    return dict(found)
