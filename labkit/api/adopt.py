"""A model that was trained elsewhere, made a run."""

import json
from pathlib import Path
from typing import Any

from .. import launch
from ..catalog import check_model_name, model_entry
from ..errors import RunError, SpecError, listed, near
from ..run import Run, create, free_name
from ..spec import AdoptSpec
from ..spec.adopt import SOURCE
from .staging import go

METHODS = {
    "LORA": "lora",
    "IA3": "ia3",
    "PROMPT_TUNING": "prompt_tuning",
    "PREFIX_TUNING": "prefix_tuning",
}
"""Method here by the type that PEFT writes into an adapter's settings."""


def adopt(
    folder: str | Path,
    *,
    name: str | None = None,
    wait: bool = True,
    view: launch.View | None = None,
    **settings: Any,  # noqa: ANN401 - what the model is measured on
) -> Run:
    """Make a run of a model that was trained elsewhere: `%optimize`, `%evaluate`, … then take it.

    The folder is copied, its base model is measured beside it on the held-out rows, nothing is
    trained.

    Args:
        folder: An adapter that PEFT saved, a model that Transformers saved, or the name of a model.
        name: Name of the run; left out: `adopted-1`, `adopted-2`, …
        wait: Follow it to its end; otherwise return at once.
        view: Who draws meanwhile; by default the notebook, or a line on standard error.
        settings: Where it is measured: `data`, templates and splits as of a fine-tuning. `model`,
            the base, is what an adapter names where it is left out; a whole model is its own.

    Raises:
        SpecError: The folder holds neither, or a setting is wrong.
        RunError: Its weights are only there as a pickle.
        CatalogError: Its base model cannot be found.
    """
    path = Path(folder).expanduser()
    unknown = [key for key in settings if key not in SOURCE]
    if unknown:
        raise SpecError(
            f"Nothing is trained, so there is no setting {unknown[0]!r} here.",
            hint=near(unknown[0], SOURCE, f"There are {listed(SOURCE, 'and')}."),
        )
    settings = _how(str(folder), path) | settings
    if not settings["model"]:
        raise SpecError(
            f"The adapter in {path} does not name its base model.",
            hint="Give it: model, as smollm2-135m, a folder or a hub id.",
        )
    is_here = path.is_dir()
    named = str(path.resolve() if is_here else folder)
    spec = AdoptSpec.from_mapping({"folder": named, **settings})
    check_model_name(spec.model)
    if is_here:
        _require_safetensors(path)
    return go(create(name or free_name("adopted"), "adopt", spec), wait=wait, view=view)


def is_adoptable(folder: str | Path) -> bool:
    """Whether a folder holds an adapter or a model, or a name is one of the catalogue's models."""
    names = ("adapter_config.json", "config.json")
    is_there = any((Path(folder).expanduser() / name).is_file() for name in names)
    return is_there or model_entry(str(folder)) is not None


def _how(named: str, path: Path) -> dict[str, Any]:
    """Return method, base model and the like of what is taken in."""
    if (path / "adapter_config.json").is_file():
        return _adapter(path)
    if path.is_dir():
        return _model(path)
    check_model_name(named)
    return {"method": "full", "model": named}


def _adapter(path: Path) -> dict[str, Any]:
    """Return what an adapter's settings say, in words of labkit.

    Raises:
        SpecError: It is of a kind that is not known here.
    """
    config = _config(path / "adapter_config.json")
    kind = str(config.get("peft_type", ""))
    if kind not in METHODS:
        raise SpecError(
            f"An adapter must be one of {listed([*METHODS])} here; the one in {path} is {kind!r}.",
            hint="Merge it into its model with PEFT (merge_and_unload) and adopt that folder.",
        )
    if config.get("task_type") == "SEQ_CLS":
        raise SpecError(
            f"The adapter in {path} has a classification head of its own (SEQ_CLS).",
            hint="labkit takes adapters of language models (CAUSAL_LM).",
        )
    how: dict[str, Any] = {"method": METHODS[kind], "model": config.get("base_model_name_or_path")}
    if kind == "LORA":
        how |= {name: config[name] for name in ("r", "lora_alpha") if name in config}
        how["method"] = next(
            (name for name in ("dora", "rslora") if config.get(f"use_{name}")), "lora"
        )
    return how


def _config(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        found = error
    if not isinstance(found, dict):
        raise SpecError(
            f"{file} must hold an adapter's settings as JSON; got {str(found)[:60]!r}.",
            hint="Save or fetch the adapter again.",
        )
    return found


def _model(path: Path) -> dict[str, Any]:
    if not (path / "config.json").is_file():
        raise SpecError(
            f"There is neither an adapter (adapter_config.json) nor a model (config.json) in "
            f"{path}.",
            hint="Give the folder that save_pretrained wrote.",
        )
    return {"method": "full", "model": str(path.resolve())}


def _require_safetensors(path: Path) -> None:
    if not any(path.glob("*.safetensors")):
        raise RunError(
            f"The weights in {path} are no safetensors; a pickle can run any code and is not read.",
            hint="Save them again: save_pretrained(folder, safe_serialization=True).",
        )
