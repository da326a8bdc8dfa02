"""Questions one after another to a worker that keeps the models it has loaded."""

import os
import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .. import launch
from ..files import is_locked
from ..run import Run, create
from .generate import Answers, answers, asked


class Answerer:
    """Answers as `generate` does, the second time without loading.

    Its worker ends when this is closed, when this process ends, and after five minutes without a
    question; the next question starts another.
    """

    def __init__(self) -> None:
        self._place = tempfile.TemporaryDirectory(prefix="labkit-", ignore_cleanup_errors=True)
        self._n_asked = 0

    def generate(
        self,
        prompts: str | Sequence[str],
        *,
        run: str | Run,
        view: launch.View | None = None,
        **settings: Any,  # noqa: ANN401 - the fields of GenerateSpec
    ) -> Answers:
        """Answer prompts; arguments, result and errors are those of `generate`."""
        spec = asked(prompts, run, settings)
        self._n_asked += 1
        job = create(str(self._n_asked), "generate", spec, root=self._folder)
        try:
            self._hand_over(job)
            return answers(job, view)
        finally:
            shutil.rmtree(job.path, ignore_errors=True)

    def close(self) -> None:
        """Let the worker end and its memory go; it sees that the folder is gone."""
        self._place.cleanup()

    @property
    def _folder(self) -> Path:
        return Path(self._place.name)

    def _hand_over(self, job: Run) -> None:
        """Queue a job for the worker that stays; start one where there is none."""
        launch.queue(job)
        while is_locked(self._folder):
            if job.last("start"):
                return
            time.sleep(0.02)
        if not job.last("start"):
            launch.start(job, asker=os.getpid())
