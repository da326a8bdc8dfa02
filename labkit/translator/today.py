"""Settings here as a configuration that today's Olive reads."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

PASSES = {"lora": "LoRA", "qlora": "QLoRA", "dora": "DoRA", "rslora": "LoRA"}
"""Olive's pass by the method here."""

PASS_SETTINGS = {
    "r": "r",
    "lora_alpha": "alpha",
    "lora_dropout": "lora_dropout",
    "target_modules": "target_modules",
    "modules_to_save": "modules_to_save",
}
"""Settings of Olive's pass, by the setting here."""

TRAINING_ARGS = (
    "max_steps", "num_train_epochs", "learning_rate", "lr_scheduler_type", "warmup_ratio",
    "weight_decay", "max_grad_norm", "optim", "seed", "gradient_checkpointing",
    "gradient_accumulation_steps", "save_total_limit", "report_to", "dataloader_num_workers",
)  # fmt: skip
"""Settings that are Transformers' own and keep their name."""


def configuration(
    settings: Mapping[str, Any],
    space: Mapping[str, Any] | None = None,
    strategy: Mapping[str, Any] | None = None,
    output: str | None = None,
) -> dict[str, Any]:
    """Return a configuration of Olive for the settings of a fine-tuning.

    Args:
        settings: Settings here.
        space: What is searched.
        strategy: `sampler`, `n_trials` and `seed` of the search.
        output: Folder that Olive is to write.
    """
    load: dict[str, Any] = {"split": settings.get("split", "train")}
    rows = str(settings.get("data"))
    if "." in rows.rpartition("/")[2]:
        load |= {"data_name": rows.rpartition(".")[2].replace("jsonl", "json"), "data_files": rows}
    else:
        load["data_name"] = rows
    shape = {"text_template": settings["text_template"]} if settings.get("text_template") else {}
    shape |= {"max_seq_len": settings["max_length"]} if "max_length" in settings else {}
    data = {
        "name": "train_data",
        "type": "HuggingfaceContainer",
        "load_dataset_config": load,
        "pre_process_data_config": shape,
    }
    found: dict[str, Any] = {
        "input_model": {"type": "HfModel", "model_path": settings.get("model")},
        "data_configs": [data],
        "passes": {"finetune": _pass(settings, space or {})},
    }
    if part := settings.get("eval_split"):
        found["data_configs"].append(
            {**data, "name": "eval_data", "load_dataset_config": {**load, "split": part}}
        )
        found["passes"]["finetune"]["eval_data_config"] = "eval_data"
    if space:
        found["search_strategy"] = {
            "execution_order": "joint",
            "sampler": (strategy or {}).get("sampler", "tpe"),
            "max_samples": (strategy or {}).get("n_trials", 20),
        }
    if output:
        found["output_dir"] = output
    return found


def validated_on(made: Mapping[str, Any], rows: str) -> dict[str, Any]:
    """Return a configuration that validates on the rows of a file."""
    (trained,) = made["data_configs"]
    load = {**trained["load_dataset_config"], "data_files": rows}
    validation = {**deepcopy(trained), "name": "eval_data", "load_dataset_config": load}
    ((name, tuned),) = made["passes"].items()
    tuned = {**tuned, "eval_data_config": "eval_data"}
    return {**made, "data_configs": [trained, validation], "passes": {name: tuned}}


def _pass(settings: Mapping[str, Any], space: Mapping[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {
        "type": PASSES.get(settings.get("method", "lora"), "LoRA"),
        "train_data_config": "train_data",
    }
    for ours, theirs in PASS_SETTINGS.items():
        if ours in space:
            made[theirs] = _values(space[ours])
        elif settings.get(ours) is not None:
            value = settings[ours]
            made[theirs] = list(value) if isinstance(value, tuple) else value
    given = {name: settings[name] for name in TRAINING_ARGS if settings.get(name) is not None}
    given |= {name: _values(space[name]) for name in TRAINING_ARGS if name in space}
    if "batch_size" in settings:
        given["per_device_train_batch_size"] = settings["batch_size"] // settings.get(
            "gradient_accumulation_steps", 1
        )
    return {**made, "training_args": given} if given else made


def _values(searched: Any) -> list[Any]:  # noqa: ANN401 - of a search space
    """Return values to try: Olive searches lists only."""
    if isinstance(searched, list | tuple):
        return list(searched)
    if "values" in searched:
        return list(searched["values"])
    low, high = searched["low"], searched["high"]
    if searched.get("log"):
        return [low * (high / low) ** (at / 4) for at in range(5)]
    whole = isinstance(low, int) and isinstance(high, int)
    each = [low + (high - low) * at / 4 for at in range(5)]
    return [round(value) for value in each] if whole else each
