"""Filled rating forms, read and unblinded."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..errors import RunError
from .forms import read_form
from .rated import RatingResults, rating_results


def ratings(*files: str | Path, key: str | Path | None = None) -> RatingResults:
    """Read filled forms, unblind them and say what the raters found.

    Args:
        files: The filled CSV forms, one a rater, or the folder that they lie in.
        key: The key that `rate` wrote; left out: `key.json` beside the first form.

    Raises:
        DataError: A cell is empty or none of what may stand there; row and column are named.
        RunError: The key is not there, or form and key are not of one rating.
    """
    forms = _filled(files)
    place = Path(key) if key is not None else forms[0].parent / "key.json"
    if not place.is_file():
        raise RunError(
            f"There is no key {str(place)!r}, so nobody knows which answer is whose.",
            hint="Put the forms into the folder that rate made, or name its key.json with key=.",
        )
    known = json.loads(place.read_text(encoding="utf-8"))
    judgements = {form.stem.removeprefix("form-"): read_form(form) for form in forms}
    for form, found in zip(forms, judgements.values(), strict=True):
        _check_items(form, [one.item for one in found], known["items"])
    return rating_results(known, judgements)


def _filled(files: Sequence[str | Path]) -> list[Path]:
    """Return the paths of the forms; a folder stands for all the forms in it."""
    paths = [
        path
        for file in map(Path, files)
        for path in (sorted(file.glob("form-*.csv")) if file.is_dir() else [file])
    ]
    if not paths:
        raise RunError(
            f"There is no form in {', '.join(map(str, files)) or 'nothing'}.",
            hint="Name the folder that rate made, or the filled CSV files.",
        )
    names = [path.stem for path in paths]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise RunError(
            f"Each rater must hand in one form; there are two named {twice!r}.",
            hint="Name one of them after another rater, or leave it out.",
        )
    return paths


def _check_items(form: Path, names: Sequence[str], known: dict[str, Any]) -> None:
    """Refuse a form of another rating, and one with items left out or twice."""
    strange = next((name for name in names if name not in known), None)
    if strange is not None:
        raise RunError(
            f"The form {form.name} has the item {strange!r}, which is not in the key.",
            hint="Forms and key must come from one call of rate.",
        )
    odd = next((name for name in known if names.count(name) != 1), None)
    if odd is not None:
        raise RunError(
            f"The form {form.name} must have every item once; it has {odd!r} "
            f"{names.count(odd)} times.",
            hint="Ask the rater for the whole form.",
        )
