"""What follows from settings, found out off the page: rows and plan, or a sentence."""

from ..api.staging import rehearsed
from ..errors import LabError
from ..report.blocks import Facts
from ..spec import FinetuneSpec
from .planned import plan
from .preview import Preview, previewed
from .said import sentence

Answer = tuple[Preview | None, Facts | None, str]
"""Rows, plan, and what is wrong with them."""


def answered(question: tuple[FinetuneSpec, int]) -> Answer:
    """Read the rows and count; what is wrong is a sentence.

    Args:
        question: The settings, and the place of the first row to show.
    """
    spec, seen = rehearsed(question[0]), None
    try:
        seen = previewed(spec, question[1])
        return seen, plan(spec, seen), ""
    except LabError as error:
        return seen, None, sentence(error)
    except Exception as error:  # noqa: BLE001 - in a thread, nobody would see it
        return seen, None, f"The rows cannot be shown: {error!r}."
