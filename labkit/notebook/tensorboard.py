"""TensorBoard in a notebook: the logs of one run, or of all."""

from ..errors import RunError, extra
from ..run import Run, runs_folder


def show_tensorboard(name: str) -> None:
    """Show TensorBoard under the cell, on a run's logs or on those of every run.

    Raises:
        RunError: The run has written no logs.
        MissingExtra: TensorBoard is not installed.
    """
    folder = Run(name).path / "tensorboard" if name else runs_folder()
    if not any(folder.glob("**/events.out.tfevents.*")):
        raise RunError(
            f"There are no TensorBoard logs in {folder}.",
            hint="Fine-tune with report_to: tensorboard.",
        )
    with extra("tensorboard"):
        from tensorboard import notebook
    notebook.start(f'--logdir "{folder}"')
