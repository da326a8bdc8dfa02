"""What a command or a configuration of Olive comes to here."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..settings import Spec
from ..spec import FinetuneSpec, OptimizeSpec, SweepSpec
from ..typed import flag

KINDS = ("stand-in", "renamed", "changed", "default", "not needed", "explained")
"""What a remark is about, in the order in which they are shown."""


@dataclass(frozen=True)
class Remark:
    """One thing to know about a translation."""

    kind: str
    """One of `KINDS`."""

    text: str


@dataclass
class Notes:
    """Remarks as they are found, each once."""

    found: list[Remark] = field(default_factory=list)

    def add(self, kind: str, text: str) -> None:
        """Keep a remark."""
        if (remark := Remark(kind, text)) not in self.found:
            self.found.append(remark)

    def ordered(self) -> tuple[Remark, ...]:
        """Return all, those of a kind together."""
        return tuple(sorted(self.found, key=lambda remark: KINDS.index(remark.kind)))


@dataclass(frozen=True)
class Understood:
    """One job here that a command or a configuration of Olive asks for."""

    said: str
    """What was pasted."""

    job: str
    """`finetune`, `optimize`, `sweep`, `help`; `none` where nothing is to be run."""

    settings: Mapping[str, Any] = field(default_factory=dict)
    """Its settings; of an export without `run`."""

    run: str | None = None
    """Of an export: the path or the name of what is exported; with adapters their base model, None
    for the one that they were trained on."""

    follows: bool = False
    """Whether what is exported is what the job before it leaves, wherever that lies."""

    rows: str | None = None
    """Of an export: the data set on which a model that no run here left is compared."""

    output: str | None = None
    """Folder that Olive would write."""

    remarks: tuple[Remark, ...] = ()
    """What to know about it."""

    today: str = ""
    """The same for today's Olive; empty where it has none."""

    @property
    def name(self) -> str | None:
        """A run's name after the folder that Olive would write."""
        return named_after(self.output) if self.output else None

    @property
    def spec(self) -> Spec | None:
        """The valid settings; None where nothing is run.

        Raises:
            SpecError: They do not go together.
        """
        if self.job == "finetune":
            return FinetuneSpec.from_mapping(self.settings)
        if self.job == "sweep":
            return SweepSpec.from_mapping(self.settings)
        if self.job == "optimize":
            adapters = [named_after(path) for path in self.settings.get("adapters", ())]
            named = {"adapters": tuple(adapters)} if adapters else {}
            run = named_after(self.run) if self.run else "the base model of the adapter"
            return OptimizeSpec.from_mapping({**self.settings, "run": run, **named})
        return None

    @property
    def command(self) -> str:
        """The same as a command of labkit."""
        if self.job == "sweep":
            return "labkit sweep spec.yaml"
        if self.job not in ("finetune", "optimize"):
            return ""
        spec = self.spec
        words = ["labkit", self.job]
        words += [spec.run] if isinstance(spec, OptimizeSpec) else []
        given = dict(self.settings) | (
            {"adapters": spec.adapters} if isinstance(spec, OptimizeSpec) and spec.adapters else {}
        )
        for name, value in given.items():
            words += flag(name, value)
        named = ["--name", self.name] if self.job == "finetune" and self.name else []
        return shlex.join([*words, *named])


def named_after(path: str) -> str:
    """Return a run's name after the folder that Olive would write, or a part of it."""
    parts = [part for part in path.replace("\\", "/").split("/") if part not in ("", ".", "..")]
    while len(parts) > 1 and parts[-1] in ("adapter", "model"):
        parts.pop()
    return "-".join(parts)
