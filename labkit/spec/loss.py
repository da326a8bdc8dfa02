"""What a fine-tuning makes small: the loss and the settings that it alone takes."""

from dataclasses import dataclass

from ..errors import SpecError, near
from ..settings import Spec
from .dependent import default_hint, dependent, settle
from .losses import LOSSES, loss_defaults, losses_with


@dataclass(frozen=True, kw_only=True)
class LossSettings(Spec):
    """The loss and its settings; one that the loss does not take is None."""

    loss: str = "cross_entropy"
    """What is made small: `cross_entropy`, `focal`, `unlikelihood`, `distillation`, `dpo`,
    `contrastive` (encoders), or the name of a function of your own, `(model_output, batch)` to a
    number: in a cell, or `losses.py:mine`."""

    label_smoothing_factor: float = dependent(at_least=0, at_most=0.99, unit="probability")
    """Cross-entropy: probability that is spread over all tokens, away from the right one."""

    class_weights: str | tuple[str, ...] = dependent()
    """Classification: how much a row of each label counts: `balanced` (rows of a rare label count
    more) or `label=weight`, as `anger=2,joy=0.5`; a label that is not named counts once."""

    focal_gamma: float = dependent(at_least=0, at_most=20, unit="power")
    """Focal loss: a token of probability p counts `(1 - p) ** focal_gamma`; 0 is cross-entropy."""

    unlikelihood_alpha: float = dependent(at_least=0, at_most=100, unit="weight")
    """Unlikelihood: weight of the penalty for the tokens that the answer had before."""

    teacher: str = dependent()
    """Distillation: the model to learn from: a run's name, or a model with the same tokenizer."""

    temperature: float = dependent(above=0, at_most=100, unit="divides the logits")
    """Distillation: above 1 shows more of what the teacher holds for nearly as likely."""

    teacher_weight: float = dependent(at_least=0, at_most=1, unit="share of the loss")
    """Distillation: share of the teacher's part; the rest is the cross-entropy of the rows."""

    beta: float = dependent(above=0, at_most=10, unit="per nat")
    """DPO: how much a nat of difference from the base model counts; less lets it go further."""

    rejected_template: str = dependent()
    """DPO: the rejected completion with `{column}` places; the chosen one is the completion."""

    margin: float = dependent(above=0, at_most=2, unit="distance")
    """Contrastive: how far apart two sentences of different labels are to be; an embedding has
    length 1, so 2 is as far as there is."""

    @property
    def embeds(self) -> bool:
        """Whether embeddings are learned, those of an encoder."""
        return self.loss == "contrastive"

    @property
    def learns_pairs(self) -> bool:
        """Whether rows are preference pairs."""
        return self.loss == "dpo"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.loss not in LOSSES and not self.loss.isidentifier():
            raise SpecError(
                f"loss must be one of {', '.join(LOSSES)} or the name of a function; "
                f"got {self.loss!r}.",
                hint=near(self.loss, LOSSES, "The default is 'cross_entropy'."),
            )
        names = LossSettings.__dataclass_fields__
        settle(self, names, "loss", loss_defaults(self.loss), losses_with)
        if self.loss == "distillation" and self.teacher is None:
            raise SpecError(
                "The loss distillation needs a teacher; got none.",
                hint="Name a run of a larger or longer training: teacher: my-run.",
            )

    def default_hint(self, name: str) -> str:
        """Return the sentence that says what a setting is when it is left out."""
        names, defaults = LossSettings.__dataclass_fields__, loss_defaults(self.loss)
        own = default_hint(names, "loss", self.loss, defaults, name)
        return own or super().default_hint(name)
