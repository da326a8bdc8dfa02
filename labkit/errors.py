"""Errors a reader can act on: what is wrong, what was found, and the next step.

* LabError
  * SpecError      a setting is wrong; nothing was loaded
  * CatalogError   a model or data set cannot be found, fetched or trusted
  * DataError      a row of the data cannot be used
  * RunError       a run's folder cannot be used as asked
    * RunStopped   the run was asked to stop and did, its checkpoint whole
    * RunFailed    the worker ended without finishing: exception, memory, kill
  * ExportError    the exported model disagrees with the trained one
  * MissingExtra   an optional package is not installed
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from typing import Any


class LabError(Exception):
    """What is wrong, what was found, and the next step.

    Args:
        problem: One sentence: the thing, its rule, the value found.
        hint: One sentence: what to do next.
    """

    def __init__(self, problem: str, hint: str) -> None:
        super().__init__(problem, hint)  # both, or the error would not survive pickling

    @property
    def problem(self) -> str:
        """The sentence that says what is wrong."""
        return str(self.args[0])

    @property
    def hint(self) -> str:
        """The sentence that says what to do next."""
        return str(self.args[1])

    def as_record(self) -> dict[str, str]:
        """Return the error as values that JSON can hold; `from_record` makes it anew."""
        return {"error": type(self).__name__, "problem": self.problem, "hint": self.hint}

    def __str__(self) -> str:
        return f"{self.problem}\n  {self.hint}"

    def _render_traceback_(self) -> list[str]:
        """Lines IPython shows in place of a traceback: the mistake is in the cell."""
        return f"{type(self).__name__}: {self}".splitlines()


class SpecError(LabError):
    """A setting is wrong; nothing was loaded."""


class CatalogError(LabError):
    """A model or data set cannot be found, fetched or trusted."""


class DataError(LabError):
    """A row of the data cannot be used."""


class RunError(LabError):
    """A run's folder cannot be used as asked."""


class RunStopped(RunError):  # noqa: N818 - reads as the condition it reports
    """The run was asked to stop and did; its last checkpoint is whole."""


class RunFailed(RunError):  # noqa: N818 - reads as the condition it reports
    """The worker ended without finishing; the record up to there is kept."""


class ExportError(LabError):
    """The exported model disagrees with the trained one."""


class MissingExtra(LabError):  # noqa: N818 - reads as the condition it reports
    """An optional package is not installed."""


def from_record(values: Mapping[str, Any], default: type[LabError]) -> LabError:
    """Return the error of `as_record`, or a `default` one where its kind is not known here."""
    kind = globals().get(str(values.get("error")))
    known = kind if isinstance(kind, type) and issubclass(kind, LabError) else default
    return known(str(values["problem"]), hint=str(values["hint"]))


def near(name: str, known: Iterable[str], fallback: str) -> str:
    """Return a hint that offers the known name closest to `name`, or `fallback`."""
    match = get_close_matches(name, list(known), n=1)
    return f"Did you mean {match[0]!r}?" if match else fallback


def listed(names: Sequence[str], last: str = "or") -> str:
    """Return names as a person lists them: `a, b or c`."""
    return f" {last} ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


@contextmanager
def extra(name: str) -> Iterator[None]:
    """Wrap the imports of an optional feature, so that a missing one says what to install."""
    try:
        yield
    except ModuleNotFoundError as error:
        hint = f"Run %pip install 'labkit[{name}]' and restart the kernel."
        raise MissingExtra(f"{error.name} is not installed.", hint=hint) from error
