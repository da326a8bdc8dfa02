"""Options of Olive that become something else here: each with the function that puts it in."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ..errors import SpecError, listed, near
from ..spec import TASKS
from .options import TASK_NAMES
from .standins import DATA, MODEL

if TYPE_CHECKING:
    from .training import Training


def _precision(made: "Training", name: str, value: Any) -> None:  # noqa: ANN401
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


def _task(made: "Training", name: str, value: Any) -> None:  # noqa: ANN401
    task = TASK_NAMES.get(str(value), str(value))
    if task not in ("auto", *TASKS):
        raise SpecError(
            f"{name} must be one of {listed(TASKS)}; got {value!r}.",
            hint=near(str(value), TASKS, "Leave it out: the task is seen from the rows."),
        )
    if task != "auto":
        made.settings["task"] = task
        made.notes.add("renamed", f"{name} is task here (today's Olive has none).")


def _data(made: "Training", name: str, value: Any) -> None:  # noqa: ANN401
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


def _model(made: "Training", name: str, value: Any) -> None:  # noqa: ANN401
    made.settings[MODEL] = str(value)
    if name != MODEL:
        made.notes.add("renamed", f"{name} is model here.")


def _targets(made: "Training", name: str, value: Any) -> None:  # noqa: ANN401
    made.settings[name] = made.layers(value)


def _text_field(made: "Training", name: str, value: Any) -> None:  # noqa: ANN401
    made.settings["text_template"] = f"{{{value}}}"
    made.notes.add("renamed", f"{name} {value} is text_template '{{{value}}}' here.")


def _share(made: "Training", name: str, value: Any) -> None:  # noqa: ANN401
    if not 0 < float(value) < 1:
        raise SpecError(
            f"{name} must be a share below 1 here; got {value!r}.",
            hint="Or name rows: eval_split train[-50:]",
        )
    made.settings["eval_share"] = float(value)
    made.notes.add("renamed", f"{name} is eval_share here.")


def _warmup(made: "Training", name: str, value: Any) -> None:  # noqa: ANN401
    steps = made.settings.get("max_steps")
    if not steps:
        raise SpecError(
            f"{name} needs max_steps before it; got {value!r}.", hint="Or give warmup_ratio."
        )
    made.settings["warmup_ratio"] = float(value) / float(steps)
    made.notes.add("renamed", f"{name} is warmup_ratio here, a share of the steps.")


def _rows(made: "Training", name: str, value: Any) -> None:  # noqa: ANN401
    made.settings[name] = int(value)


def _optimizer(made: "Training", name: str, value: Any) -> None:  # noqa: ANN401
    if str(value).startswith("paged_adamw"):
        made.notes.add(
            "changed",
            f"{value} moves its state to and from a GPU; adamw_torch computes the same steps.",
        )
        value = "adamw_torch"
    made.settings[name] = value


SPECIAL: Mapping[str, Callable[["Training", str, Any], None]] = {
    "model_name_or_path": _model, "model_path": _model, "task": _task, "task_name": _task,
    "data_name": _data, "data_files": _data, "fp16": _precision, "bf16": _precision,
    "torch_dtype": _precision, "target_modules": _targets, "modules_to_save": _targets,
    "text_field": _text_field, "text_cols": _text_field, "eval_dataset_size": _share,
    "warmup_steps": _warmup, "per_device_train_batch_size": _rows, "optim": _optimizer,
}  # fmt: skip
"""Options that become something else here, by the function that puts them in."""
