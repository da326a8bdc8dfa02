"""Olive's options of a fine-tuning, and those that it hands to Transformers, as settings here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import SpecError, listed, near
from ..spec import METHODS, TASKS, FinetuneSpec
from ..yaml import parse_yaml
from .standins import DATA, MODEL, StandIns
from .understood import Notes

SAME = (
    "method", "text_template", "max_steps", "num_train_epochs", "learning_rate",
    "lr_scheduler_type", "warmup_ratio", "weight_decay", "max_grad_norm", "seed", "eval_steps",
    "save_steps", "save_total_limit", "report_to", "gradient_checkpointing",
    "gradient_accumulation_steps",
    "dataloader_num_workers", "load_best_model_at_end", "lora_alpha", "lora_dropout",
    "trust_remote_code", "eval_split",
)  # fmt: skip
"""Options that have the same name here."""

RENAMED = {
    "lora_r": "r", "r": "r", "alpha": "lora_alpha",
    "train_split": "split", "max_seq_len": "max_length",
    "max_samples": "limit", "init_lora_weights": "init_lora_weights",
}  # fmt: skip
"""Options that have another name here."""

NOT_NEEDED = {
    "logging_steps": "Every step is recorded, so there is nothing to set.",
    "logging_dir": "TensorBoard's logs lie in the run's folder; %tensorboard shows them.",
    "log_level": "What a run prints is in its log.txt, all of it.",
    "logging_strategy": "Every step is recorded.",
    "eval_strategy": "Validations come by steps, as often as eval_steps says.",
    "evaluation_strategy": "Validations come by steps, as often as eval_steps says.",
    "per_device_eval_batch_size": "Validation batches are cut by their tokens.",
    "use_ort_genai": "An export always holds genai_config.json for onnxruntime-genai.",
    "save_config_file": "A run keeps its settings as spec.yaml, always.",
    "clean": "Nothing of an earlier run is reused in training.",
    "tempdir": "A run writes into its own folder only.",
    "use_chat_template": "Rows with messages are always written by the model's chat template.",
    "group_by_length": "Rows are packed without padding where that is exact.",
    "overwrite_output_dir": "A run never overwrites another.",
    "data_seed": "One seed draws all.",
    "bias": "Biases do not learn.",
    "allow_tf32": "Precision is measured and chosen once, and said.",
    "add_special_tokens": "The model's own beginning and end tokens are put where it expects them.",
    "double_quant": "It is the default of qlora.",
    "train_subset": "The data set has one configuration here.",
    "eval_subset": "The data set has one configuration here.",
    "setup": "Nothing has to be installed for it.",
}
"""Options that ask for what happens anyway, with the reason."""

REMOTE = (
    "workspace",
    "resource_group",
    "aml_compute",
    "subscription_id",
    "keyvault_name",
    "account_name",
    "container_name",
)
"""Options that send the work to a cloud."""

DEFAULTS = {
    "r": ("lora_r 64", "fewer parameters learn the tasks of this course as well"),
    "lora_alpha": ("lora_alpha 16", "it goes with the rank"),
    "learning_rate": ("2e-4, constant", "small models learn faster; the rate falls along a cosine"),
    "batch_size": ("1 row × 16 micro-batches", "packed rows of this size fit into 2 GB"),
    "max_length": ("1024 tokens, rows joined and cut", "a row stays whole and by itself"),
    "gradient_checkpointing": ("true", "small models have the memory; it costs 40 % more time"),
    "precision": ("bfloat16", "on many processors bfloat16 is slower; it is measured"),
    "seed": ("42", "the seed of every run here"),
}  # fmt: skip
"""Settings whose default is another one in Olive: what it is there, and why it differs."""

MASKED = (
    "The loss counts the completion only (what follows the last fixed text of the template); Olive "
    "trains on every token, the prompt too."
)

TASK_NAMES = {
    "text-generation": "auto",
    "text-classification": "classification",
    "summarization": "summarisation",
}
"""Tasks by Hugging Face's names."""


@dataclass
class Training:
    """A fine-tuning as it is put together."""

    standins: StandIns
    notes: Notes = field(default_factory=Notes)
    settings: dict[str, Any] = field(default_factory=dict)

    def take(self, name: str, value: Any) -> bool:  # noqa: ANN401 - as pasted
        """Put one option in; tell whether it is known."""
        if name in SPECIAL:
            SPECIAL[name](self, name, _value(value))
        elif name in SAME:
            self.settings[name] = _text(value) if name == "text_template" else _value(value)
        elif name in RENAMED:
            self.settings[RENAMED[name]] = _value(value)
            if RENAMED[name] != name:
                self.notes.add("renamed", f"{name} is {RENAMED[name]} here.")
        elif name in NOT_NEEDED:
            self.notes.add("not needed", f"{name}: {NOT_NEEDED[name]}")
        elif name in REMOTE:
            raise SpecError(
                f"labkit submits no work to a cloud; got {name}.",
                hint="Leave it out to train here, or write the job's file: labkit job azureml RUN",
            )
        else:
            return False
        return True

    def finish(self, *, task: str = "") -> dict[str, Any]:
        """Return the settings, with what is not named, and remarks on what differs."""
        values, notes = self.settings, self.notes
        for kind, key in ((MODEL, MODEL), (DATA, DATA)):
            if kind in values:
                before = str(values[kind])
                values[kind] = self.standins.of(before, notes)
                self._cut_splits(kind, before, values[kind])
            else:
                values[kind] = self.standins.missing(key, task if kind == DATA else "", notes)
        self._batch()
        if values.get("gradient_checkpointing") is False:
            values.pop("gradient_checkpointing")
        for name, (there, why) in DEFAULTS.items():
            taken = METHODS[values.get("method", "lora")].defaults
            given = name in values or (name == "seed" and "seed" in values)
            own = getattr(FinetuneSpec.__dataclass_fields__.get(name), "default", None)
            if not given and (name in taken or own is not None):
                ours = taken.get(name, own)
                notes.add("default", f"{name} is {_said(ours)} (Olive: {there}): {why}.")
        notes.add("default", MASKED)
        return values

    def layers(self, value: Any) -> Any:  # noqa: ANN401 - a name, names, or a pattern
        """Return names of layers, each by its stand-in."""
        names = value.split(",") if isinstance(value, str) else list(value)
        taken = [
            part for name in names for part in self.standins.of(str(name), self.notes).split("+")
        ]
        return (
            taken[0] if isinstance(value, str) and len(taken) == 1 else tuple(dict.fromkeys(taken))
        )

    def _batch(self) -> None:
        """Turn rows of a micro-batch into rows of a step."""
        rows = self.settings.pop("per_device_train_batch_size", None)
        parts = self.settings.get("gradient_accumulation_steps", 1)
        if rows is None and parts == 1:
            return
        self.settings["batch_size"] = (rows or 1) * parts
        self.notes.add(
            "renamed",
            f"per_device_train_batch_size counts rows of a micro-batch, batch_size here those of a "
            f"step: {rows or 1} × {parts} = {(rows or 1) * parts}.",
        )

    def _cut_splits(self, kind: str, before: str, after: str) -> None:
        """Leave out parts that count rows of another data set than the one that is taken."""
        if kind != DATA or before == after:
            return
        for name in ("split", "eval_split"):
            part = str(self.settings.get(name, ""))
            if "[" in part and "%" not in part:
                del self.settings[name]
                text = f"{name} {part} counts rows of {before}; {after} keeps its own."
                self.notes.add("changed", text)


def read_options(given: Mapping[str, Any], standins: StandIns) -> tuple[Training, dict[str, Any]]:
    """Return a fine-tuning with all options put in, and those that no fine-tuning has.

    Args:
        given: Values by option.
        standins: What is taken for names.
    """
    made, rest = Training(standins), {}
    for name, value in given.items():
        if not made.take(name, value):
            rest[name] = value
    return made, rest


def unknown(name: str, where: str) -> SpecError:
    """Return the error for an option that nobody knows."""
    known = [*SAME, *RENAMED, *NOT_NEEDED, *SPECIAL]
    return SpecError(
        f"{where} has no option {name!r} that is known here.",
        hint=near(name, known, f"Known are {listed(sorted(set(known)), 'and')}."),
    )


def _precision(made: Training, name: str, value: Any) -> None:  # noqa: ANN401
    asked = str(value).lower()
    on = {"fp16": "fp16", "bf16": "bf16"}.get(name) if value is True else asked
    if on in ("false", None):
        return
    if on in ("fp16", "float16"):
        made.notes.add(
            "changed",
            f"{name}: float16 needs a GPU and a scaled loss; precision auto takes the faster of "
            "fp32 and bf16 on this machine.",
        )
    elif on in ("bf16", "bfloat16", "fp32", "float32"):
        made.settings["precision"] = "bf16" if on.startswith("b") else "fp32"
        made.notes.add("renamed", f"{name} is precision here.")
    else:
        raise SpecError(
            f"{name} must be float32, bfloat16 or float16; got {value!r}.", hint="See precision."
        )


def _task(made: Training, name: str, value: Any) -> None:  # noqa: ANN401
    task = TASK_NAMES.get(str(value), str(value))
    if task not in ("auto", *TASKS):
        raise SpecError(
            f"{name} must be one of {listed(TASKS)}; got {value!r}.",
            hint=near(str(value), TASKS, "Leave it out: the task is seen from the rows."),
        )
    if task != "auto":
        made.settings["task"] = task
        made.notes.add("renamed", f"{name} is task here (today's Olive has none).")


def _data(made: Training, name: str, value: Any) -> None:  # noqa: ANN401
    first, *more = value.split(",") if isinstance(value, str) else list(value)
    if more:
        raise SpecError(
            f"{name} takes one file here; got {len(more) + 1}.",
            hint="Put the files into a folder and name it.",
        )
    if name == "data_name" and DATA in made.settings:
        return  # files were named, and this is their kind
    made.settings[DATA] = str(first).strip()
    made.notes.add("renamed", f"{name} is data here.")


def _model(made: Training, name: str, value: Any) -> None:  # noqa: ANN401
    made.settings[MODEL] = str(value)
    if name != MODEL:
        made.notes.add("renamed", f"{name} is model here.")


def _targets(made: Training, name: str, value: Any) -> None:  # noqa: ANN401
    made.settings[name] = made.layers(value)


def _text_field(made: Training, name: str, value: Any) -> None:  # noqa: ANN401
    made.settings["text_template"] = f"{{{value}}}"
    made.notes.add("renamed", f"{name} {value} is text_template '{{{value}}}' here.")


def _share(made: Training, name: str, value: Any) -> None:  # noqa: ANN401
    if not 0 < float(value) < 1:
        raise SpecError(
            f"{name} must be a share below 1 here; got {value!r}.",
            hint="Or name rows: eval_split train[-50:]",
        )
    made.settings["eval_share"] = float(value)
    made.notes.add("renamed", f"{name} is eval_share here.")


def _warmup(made: Training, name: str, value: Any) -> None:  # noqa: ANN401
    steps = made.settings.get("max_steps")
    if not steps:
        raise SpecError(
            f"{name} needs max_steps before it; got {value!r}.", hint="Or give warmup_ratio."
        )
    made.settings["warmup_ratio"] = float(value) / float(steps)
    made.notes.add("renamed", f"{name} is warmup_ratio here, a share of the steps.")


def _rows(made: Training, name: str, value: Any) -> None:  # noqa: ANN401
    made.settings[name] = int(value)


def _optimizer(made: Training, name: str, value: Any) -> None:  # noqa: ANN401
    if str(value).startswith("paged_adamw"):
        made.notes.add(
            "changed",
            f"{value} moves its state to and from a GPU; adamw_torch computes the same steps.",
        )
        value = "adamw_torch"
    made.settings[name] = value


SPECIAL: Mapping[str, Callable[[Training, str, Any], None]] = {
    "model_name_or_path": _model, "model_path": _model, "task": _task, "task_name": _task,
    "data_name": _data, "data_files": _data, "fp16": _precision, "bf16": _precision,
    "torch_dtype": _precision, "target_modules": _targets, "modules_to_save": _targets,
    "text_field": _text_field, "text_cols": _text_field, "eval_dataset_size": _share,
    "warmup_steps": _warmup, "per_device_train_batch_size": _rows, "optim": _optimizer,
}  # fmt: skip
"""Options that become something else here, by the function that puts them in."""


def _value(value: Any) -> Any:  # noqa: ANN401 - as pasted
    """Return a shell's text as YAML 1.2 reads it, in which 1e-6 is a number."""
    if not isinstance(value, str) or ":" in value or "#" in value or "{" in value or "[" in value:
        return value
    return parse_yaml(f"value: {value}").get("value", value) if value.strip() else value


def _text(value: Any) -> str:  # noqa: ANN401 - as pasted
    return str(value).replace("\\n", "\n").replace("\\t", "\t")


def _said(value: Any) -> str:  # noqa: ANN401 - any setting
    return str(value).lower() if isinstance(value, bool) else f"{value}"
