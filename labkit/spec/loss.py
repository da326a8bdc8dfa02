"""What a fine-tuning makes small: the loss and the settings that it alone takes."""

import dataclasses
from dataclasses import dataclass

from ..errors import SpecError, listed, near
from ..settings import Spec
from .losses import LOSSES, loss_defaults, losses_with
from .method import by_method


@dataclass(frozen=True, kw_only=True)
class LossSettings(Spec):
    """The loss and its settings; one that the loss does not take is None."""

    loss: str = "cross_entropy"
    """What is made small: `cross_entropy`, `focal`, `unlikelihood`, `distillation`, or the name of
    a function of your own, `(model_output, batch)` to a number: in a cell, or `losses.py:mine`."""

    label_smoothing_factor: float = by_method(at_least=0, at_most=0.99, unit="probability")
    """Cross-entropy: probability that is spread over all tokens, away from the right one."""

    class_weights: str | tuple[str, ...] = by_method()
    """Classification: how much a row of each label counts: `balanced` (rows of a rare label count
    more) or `label=weight`, as `anger=2,joy=0.5`; a label that is not named counts once."""

    focal_gamma: float = by_method(at_least=0, at_most=20, unit="power")
    """Focal loss: a token of probability p counts `(1 - p) ** focal_gamma`; 0 is cross-entropy."""

    unlikelihood_alpha: float = by_method(at_least=0, at_most=100, unit="weight")
    """Unlikelihood: weight of the penalty for the tokens that the answer had before."""

    teacher: str = by_method()
    """Distillation: the model to learn from: a run's name, or a model with the same tokenizer."""

    temperature: float = by_method(above=0, at_most=100, unit="divides the logits")
    """Distillation: above 1 shows more of what the teacher holds for nearly as likely."""

    teacher_weight: float = by_method(at_least=0, at_most=1, unit="share of the loss")
    """Distillation: share of the teacher's part; the rest is the cross-entropy of the rows."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.loss not in LOSSES and not self.loss.isidentifier():
            raise SpecError(
                f"loss must be one of {', '.join(LOSSES)} or the name of a function; "
                f"got {self.loss!r}.",
                hint=near(self.loss, LOSSES, "The default is 'cross_entropy'."),
            )
        for item in dataclasses.fields(LossSettings):
            if item.name != "loss":
                self._settle_loss(item.name)
        if self.loss == "distillation" and self.teacher is None:
            raise SpecError(
                "The loss distillation needs a teacher; got none.",
                hint="Name a run of a larger or longer training: teacher: my-run.",
            )

    def default_hint(self, name: str) -> str:
        """Return the sentence that says what a setting is when it is left out."""
        if name == "loss" or name not in LossSettings.__dataclass_fields__:
            return super().default_hint(name)
        defaults = loss_defaults(self.loss)
        if name not in defaults:
            return f"The loss {self.loss} has no such setting."
        return f"The default is {defaults[name]!r}."

    def _settle_loss(self, name: str) -> None:
        """Give a setting its loss's default, or refuse it where the loss has no such."""
        defaults, value = loss_defaults(self.loss), getattr(self, name)
        if name not in defaults and value is not None:
            raise SpecError(
                f"The loss {self.loss} has no setting {name}; got {value!r}.",
                hint=f"Leave it out, or take {listed(losses_with(name))}; {self.loss} has "
                f"{', '.join(defaults) or 'none'}.",
            )
        if value is None:
            object.__setattr__(self, name, defaults.get(name))
