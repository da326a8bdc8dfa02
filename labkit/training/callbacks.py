"""When a run evaluates, saves and stops, beyond what the Trainer's own schedule does.

Everything is decided from the Trainer's saved state, so a resumed run decides the same.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments


class Conductor(TrainerCallback):
    """Evaluate at the last step, save what is best or last, and stop when asked to.

    Args:
        should_stop: Asked after every step; True ends the run, with a checkpoint.
        patience: Evaluations without a better loss that end the run; 0 never does.
        evaluates: Whether there are rows to evaluate on.
    """

    def __init__(self, should_stop: Callable[[], bool], *, patience: int, evaluates: bool) -> None:
        self._should_stop = should_stop
        self._patience = patience
        self._evaluates = evaluates
        self.stopped = False

    def on_train_begin(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **_: Any,  # noqa: ANN401
    ) -> None:
        """Find the best checkpoint again where the run's folder was moved or copied."""
        best = Path(str(args.output_dir)) / f"checkpoint-{state.best_global_step}"
        state.best_model_checkpoint = str(best) if best.is_dir() else None

    def on_step_end(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **_: Any,  # noqa: ANN401
    ) -> None:
        """Evaluate and save at the last step; save and stop when asked to."""
        if state.global_step >= state.max_steps:
            control.should_evaluate = self._evaluates
            control.should_save = True
        elif self._should_stop():
            self.stopped = True
            control.should_save = control.should_training_stop = True

    def on_evaluate(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **values: Any,  # noqa: ANN401
    ) -> None:
        """Save the best so far; save and stop when the patience is at its end."""
        loss = values["metrics"]["eval_loss"]
        if state.best_metric is None or loss < state.best_metric:
            control.should_save = True
        elif is_impatient(state.log_history, state.best_global_step, self._patience):
            control.should_save = control.should_training_stop = True


def is_impatient(history: list[dict[str, float]], best_step: int | None, patience: int) -> bool:
    """Tell whether `patience` evaluations after the best one have come without a better loss."""
    since = sum("eval_loss" in entry and entry["step"] > (best_step or 0) for entry in history)
    return 0 < patience <= since
