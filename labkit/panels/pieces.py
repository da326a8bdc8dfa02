"""Small widgets that all panels share; each has a label that a screen reader says."""

from collections.abc import Callable
from html import escape
from typing import Any

from ..report import fragment
from ..report.blocks import Block


def labelled(kind: Any, name: str, text: str, **options: Any) -> Any:  # noqa: ANN401 - widgets
    """Return a widget with a label and, as its tooltip, what it means."""
    widget = kind(description=name, tooltip=text, **options)
    widget.layout.width = "100%"
    widget.style.description_width = "190px"
    return widget


def button(text: str, tip: str, press: Callable[[], None], *, style: str = "") -> Any:  # noqa: ANN401
    """Return a button; `style` is "primary", "success", "warning" or "danger"."""
    from ipywidgets import Button

    found = Button(description=text, tooltip=tip, button_style=style)
    found.layout.width = "auto"
    found.on_click(lambda _: press())
    return found


def row(*widgets: Any) -> Any:  # noqa: ANN401 - widgets
    """Return widgets side by side, in as many lines as the page needs."""
    from ipywidgets import Box

    found = Box(list(widgets))
    found.add_class("labkit-row")
    return found


def text(html: str = "") -> Any:  # noqa: ANN401 - a widget
    """Return a place for HTML."""
    from ipywidgets import HTML

    return HTML(html)


def problem(said: str) -> Any:  # noqa: ANN401 - a widget
    """Return a place that says what is wrong, aloud too; empty for ""."""
    inside = f'<div class="labkit-problem">✗ {escape(said)}</div>' if said else ""
    return text(f'<div role="alert">{inside}</div>')


def drawn(blocks: list[Block]) -> str:
    """Return blocks as a `text` holds them."""
    return fragment(blocks)


def copyable(name: str, said: str) -> Any:  # noqa: ANN401 - a widget
    """Return text that can be selected and copied with the keyboard, and not be changed."""
    from ipywidgets import Textarea

    found = labelled(Textarea, name, "Select all and copy", value=said)
    found.layout.height = "8em"
    return found


def put(area: Any, said: str) -> None:  # noqa: ANN401 - a widget of `copyable`
    """Put text into a `copyable`; what a person types there is taken back."""
    area.unobserve_all("value")
    area.value = said
    area.observe(lambda _: put(area, said), "value")


def link_place() -> Any:  # noqa: ANN401 - a widget
    """Return a place for links to files; in HTML they would start from the page's address."""
    from ipywidgets import Output

    return Output()


def put_links(place: Any, html: str) -> None:  # noqa: ANN401 - a widget of `link_place`
    """Put links into their place; nothing for ""."""
    data = {"output_type": "display_data", "data": {"text/html": html}, "metadata": {}}
    if place.outputs != ((data,) if html else ()):
        place.outputs = (data,) if html else ()


def visible(said: str, longest: int) -> str:
    """Return a text as HTML, line ends to be seen, without the middle of a long one.

    Args:
        said: The text.
        longest: Characters that are kept at each end.
    """
    if len(said) > 2 * longest:
        said = f"{said[:longest]} … {len(said) - 2 * longest} characters … {said[-longest:]}"
    return escape(said).replace("\n", '<span style="opacity:0.5">↵</span>\n')
