"""What a fine-tuning learns from: the base model, the rows, the task and the templates."""

from dataclasses import dataclass

from ..errors import SpecError
from ..settings import Spec, setting

TASKS = ("classification", "generation", "extraction", "summarisation")
"""What can be learned."""


@dataclass(frozen=True, kw_only=True)
class SourceSettings(Spec):
    """The base model, the rows and how they read."""

    model: str = "smollm2-135m"
    """Base model: a name from `labkit models`, a local folder, or a Hugging Face id."""

    data: str = "phrases"
    """Data set: a name from `labkit data`, a file (JSONL, JSON, CSV, Parquet), a folder, a Hugging
    Face id; in a cell also `{{name}}` for a list of dicts, a DataFrame or a Dataset."""

    split: str = "train"
    """Rows to train on: `train`, `train[:4096]`, `train[10%:50%]`, `train+validation`."""

    eval_split: str | None = None
    """Rows to validate on, in the same form; left out: the data's own, or a share of the rows."""

    test_split: str | None = None
    """Rows for the final comparison; left out: the data's own test rows, else validation."""

    eval_share: float = setting(0.15, at_least=0.01, at_most=0.5, unit="share of the rows")
    """Share of the rows kept for validation when the data brings none."""

    group_by: str | None = None
    """Column whose equal values never stand on both sides of a split (a document, a person)."""

    task: str = setting("auto", choices=("auto", *TASKS))
    """What is learned; `auto` takes the data set's own task, else sees classification where few
    short completions repeat, extraction where all are JSON objects, and generation in the rest."""

    head: bool = False
    """Classification by a new head on the last token instead of the label's likelihood."""

    text_template: str | None = None
    """One text with `{column}` places; what follows the last fixed text is the completion."""

    prompt_template: str | None = None
    """Prompt with `{column}` places; goes with `completion_template`."""

    completion_template: str | None = None
    """Completion with `{column}` places; goes with `prompt_template`."""

    limit: int | None = setting(None, at_least=2, unit="rows")
    """Use at most this many training rows."""

    max_length: int = setting(512, at_least=8, at_most=131072, unit="tokens")
    """Longest row, in tokens; a longer one loses the start of its prompt, never its completion."""

    augment: tuple[str, ...] | None = None
    """Changes that make more training rows: names from `labkit.data.augment`, as `drop_words`."""

    augment_copies: int = setting(1, at_least=1, at_most=20, unit="changed copies of each row")
    """Changed copies of each training row; used with `augment`."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_templates()
        if self.head and self.task not in ("auto", "classification"):
            raise SpecError(
                f"head must be false for task {self.task!r}; got true.",
                hint="A head on the last token can only choose among labels.",
            )

    def _check_templates(self) -> None:
        if (self.prompt_template is None) != (self.completion_template is None):
            raise SpecError(
                "prompt_template and completion_template go together; got only one of them.",
                hint="Give both, or text_template alone.",
            )
        if self.text_template is not None and self.prompt_template is not None:
            raise SpecError(
                "text_template and prompt_template exclude each other; got both.",
                hint="Keep the one that fits your data.",
            )
