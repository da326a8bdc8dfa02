"""What a run left that can be looked at: its record, its results, its rows.

Nothing is computed by a model, and only what is named here is read.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from .. import catalog, data
from ..data.row_tokenizer import RowTokenizer
from ..errors import DataError, LabError, SpecError
from ..files import read_json
from ..recorder import Event
from ..run import Run
from ..spec import METHODS, FinetuneSpec

BETTER = "The tuned model is better"
"""How a comparison begins that the tuned model wins by more than chance."""

Point = tuple[int, float]
"""A step and a loss (nats per token)."""


@dataclass(frozen=True)
class Evidence:
    """The record and the rows of a fine-tuning."""

    run: Run
    spec: FinetuneSpec

    @classmethod
    def of(cls, run: Run) -> "Evidence":
        """Return what a run left.

        Raises:
            SpecError: The run is no fine-tuning.
        """
        spec = run.spec
        if not isinstance(spec, FinetuneSpec) or run.job != "finetune":
            raise SpecError(
                f"A diagnosis is of a fine-tuning; {run.name!r} is the job {run.job}.",
                hint="Name the run of %%finetune; its exports are looked at with it.",
            )
        return cls(run, spec)

    @property
    def learns_text(self) -> bool:
        """Whether answers are tokens: not the numbers of a head, not embeddings."""
        return not self.spec.head and not self.spec.embeds

    @cached_property
    def steps(self) -> list[Event]:
        """What each optimizer step measured."""
        return self.run.of("step")

    @cached_property
    def train(self) -> list[Point]:
        """Training losses."""
        return [(event["step"], float(event["loss"])) for event in self.steps]

    @cached_property
    def validation(self) -> list[Point]:
        """Validation losses."""
        return [(event["step"], float(event["eval_loss"])) for event in self.run.of("eval")]

    @cached_property
    def signs(self) -> dict[str, str]:
        """What the loss curve said while it was drawn, by name."""
        return {note["sign"]: note["text"] for note in self.run.of("note") if "sign" in note}

    @cached_property
    def metrics(self) -> dict[str, Any]:
        """Results; empty for a run that did not come to its end."""
        return self.run.metrics

    @property
    def is_better(self) -> bool:
        """Whether the tuned model was better than the base by more than chance."""
        said = str(self.metrics.get("comparison", {}).get("sentence", ""))
        return said.startswith(BETTER)

    @property
    def moves(self) -> bool:
        """Whether any step had a gradient."""
        return any(float(step["grad_norm"]) > 0 for step in self.steps)

    @property
    def learns(self) -> Event | None:
        """What the training was given: rows, targets, how many rows end as a turn does."""
        return self.run.last("learns")

    @property
    def problem(self) -> str:
        """What the run said when it failed; empty for one that did not."""
        end = self.run.last("end") or {}
        return str(end.get("problem", "")) if end.get("status") == "failed" else ""

    @property
    def usual_rate(self) -> float:
        """The learning rate that the method has by default."""
        return float(METHODS[self.spec.method].defaults["learning_rate"])

    @property
    def highest_rate(self) -> float:
        """The highest learning rate that a step took."""
        return max((float(event["learning_rate"]) for event in self.steps), default=0.0)

    @cached_property
    def prints(self) -> dict[str, list[str]]:
        """Fingerprints of the prompts that were learned, and of the others, by split."""
        return read_json(self.run.path / "rows.json")

    @cached_property
    def place(self) -> Path:
        """Folder that the run's relative paths start from."""
        return Path(self.run.events()[0]["cwd"])

    @cached_property
    def splits(self) -> data.Splits | None:
        """The rows that the settings name; None where they cannot be read here and now."""
        name = self.spec.data
        if data.is_hub_id(name, self.place / name) or not catalog.data_at_hand(name):
            return None
        try:
            return data.load(self.spec, base=self.place)
        except (DataError, SpecError, OSError):
            return None

    @cached_property
    def tokenizer(self) -> RowTokenizer | None:
        """The base model's tokenizer; None where the model is not on this machine."""
        try:
            folder = catalog.model_at_hand(self.spec.model)
            return RowTokenizer(folder) if folder else None
        except LabError:
            return None

    @cached_property
    def tokens(self) -> list[data.Tokens] | None:
        """The training rows as tokens, whole; None where rows or tokenizer are not at hand."""
        return self.tokens_of("train")

    def tokens_of(self, split: str) -> list[data.Tokens] | None:
        """Return the rows of a split as tokens, whole; None where they cannot be had."""
        if self.splits is None or self.tokenizer is None:
            return None
        try:
            most = 2**30  # nothing is cut: what was cut is one of the questions
            tokenize = data.tokenize_for(self.spec)
            return tokenize(getattr(self.splits, split), self.tokenizer, max_length=most)[0]
        except DataError:
            return None

    def unseen(self) -> list[str]:
        """Return what could not be looked at, as sentences."""
        said = []
        if not self.metrics:
            said.append("The run did not come to its end, so its answers were not looked at.")
        if self.splits is None:
            said.append(f"The rows of {self.spec.data} are not at hand and were not looked at.")
        elif self.tokenizer is None:
            said.append(f"The tokenizer of {self.spec.model} is not at hand; targets not counted.")
        return said
