"""What is to be known of a data set before it is trained on."""

from typing import TYPE_CHECKING, Any

from ..spec import FinetuneSpec
from .staging import checked_spec, staged

if TYPE_CHECKING:
    from ..report.data_report import DataReport


def data_report(
    spec: Any = None,  # noqa: ANN401 - a spec, a name, a path or rows
    **settings: Any,  # noqa: ANN401 - the fields of FinetuneSpec
) -> "DataReport":
    """Inspect a data set as a run would see it; nothing is trained and no model is loaded.

    Args:
        spec: Settings; or the data alone: a name, a path, a list of dicts, a DataFrame or a
            `datasets.Dataset`.
        settings: Fields of `FinetuneSpec` that change single ones, such as `text_template`.

    Returns:
        What is off, each with its rows and the next step; labels, lengths, differences of the
        splits. It shows itself in a notebook and prints as text.

    Raises:
        SpecError, CatalogError: A setting is wrong.
        DataError: There is no such data. Rows that a run would refuse are reported, not raised.
    """
    from ..data.quality import inspect_data
    from ..report.data_report import DataReport

    given = spec if isinstance(spec, FinetuneSpec) else None
    if spec is not None and given is None:
        settings = {"data": spec, **settings}
    with staged(settings) as ready:
        return DataReport(inspect_data(checked_spec(given, ready)))
