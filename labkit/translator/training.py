"""A fine-tuning as Olive's options put it together."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import SpecError, listed, near
from ..spec import FinetuneSpec
from ..yaml import parse_yaml
from .options import DEFAULTS, MASKED, NOT_NEEDED, REMOTE, RENAMED, SAME
from .special import SPECIAL
from .standins import DATA, MODEL, StandIns
from .understood import Notes


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
        for kind in (MODEL, DATA):
            if kind in values:
                before = str(values[kind])
                values[kind] = self.standins.of(before, notes)
                self._cut_splits(kind, before, values[kind])
            else:
                values[kind] = self.standins.missing(kind, task if kind == DATA else "", notes)
        self._batch()
        if values.get("gradient_checkpointing") is False:
            values.pop("gradient_checkpointing")
        usual = FinetuneSpec(method=values.get("method", "lora"))
        for name, (there, why) in DEFAULTS.items():
            ours = getattr(usual, name)
            if name not in values and ours is not None:
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


def _value(value: Any) -> Any:  # noqa: ANN401 - as pasted
    """Return a shell's text as YAML 1.2 reads it, in which 1e-6 is a number."""
    if not isinstance(value, str) or ":" in value or "#" in value or "{" in value or "[" in value:
        return value
    return parse_yaml(f"value: {value}").get("value", value) if value.strip() else value


def _text(value: Any) -> str:  # noqa: ANN401 - as pasted
    return str(value).replace("\\n", "\n").replace("\\t", "\t")


def _said(value: Any) -> str:  # noqa: ANN401 - any setting
    return str(value).lower() if isinstance(value, bool) else f"{value}"
