"""The Olive translator: what the course's commands and configurations come to here.

`read` understands shell, `config` configurations; both give `Understood` jobs, which
`labkit.api.olive` carries out. Nothing is run here, and nothing is taken for another thing that
nobody asked for.
"""

from . import today
from .asked import Asked, asked, asked_line
from .commands import COMMANDS, read
from .explained import HELP, Explanation
from .places import deliver, find_run, remember, require_run, tuned_by
from .standins import StandIns, read_standins
from .understood import Remark, Understood, named_after

__all__ = [
    "COMMANDS",
    "HELP",
    "Asked",
    "Explanation",
    "Remark",
    "StandIns",
    "Understood",
    "asked",
    "asked_line",
    "deliver",
    "find_run",
    "named_after",
    "read",
    "read_standins",
    "remember",
    "require_run",
    "today",
    "tuned_by",
]
