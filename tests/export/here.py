"""The steps of an export done in this process: an import of torch for each would be most of it.

That they run as children, end with their parent and tell what went wrong is shown elsewhere.
"""

import json
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory

from labkit import machine


class Here:
    """What `labkit.export.work` calls; remembers which steps were done."""

    def __init__(self):
        self.done = []

    def call(self, module, function, *, log, **arguments):
        self.done.append(f"{module}.{function}")
        step = getattr(import_module(f"labkit.export.{module}"), function)
        return as_json(step(**as_json(arguments))), machine.peak_bytes()

    def follow(self, module, function, told, *, log, **arguments):
        with TemporaryDirectory() as folder:
            progress = Path(folder) / "progress.json"
            found = self.call(module, function, log=log, **arguments, progress=str(progress))
            told(*json.loads(progress.read_text(encoding="utf-8")))
        return found

    def put(self, patch):
        """Let steps run here for as long as the patch holds."""
        patch.setattr("labkit.export.work.call", self.call)
        patch.setattr("labkit.export.work.follow", self.follow)
        return self


def as_json(values):
    """Return values as they come out of a pipe between two processes."""
    return json.loads(json.dumps(values))
