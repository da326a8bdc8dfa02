"""What all pictures share: colours that read on light and dark, a blank figure, how it is saved."""

import base64
import re
import threading
import warnings
from io import BytesIO
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, RED, GREY = "#4c78a8", "#e45756", "#777777"

_lock = threading.Lock()


def data_uri(picture: bytes) -> str:
    """Return SVG or PNG bytes as the address of an `<img>` that needs no file."""
    kind = "png" if picture.startswith(b"\x89PNG") else "svg+xml"
    return f"data:image/{kind};base64,{base64.b64encode(picture).decode()}"


def blank(width: float, height: float) -> tuple["Figure", "Axes"]:
    """Return a transparent figure (inches) with grey axes; pyplot would share it with others."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained", facecolor="none")
    axes = figure.add_subplot()
    styled(axes)
    return figure, axes


def styled(axes: "Axes") -> None:
    """Make axes grey on nothing, so that they read on light and dark."""
    axes.set_facecolor("none")
    axes.tick_params(colors=GREY, labelsize=10)
    axes.xaxis.label.set(color=GREY, fontsize=11)
    axes.yaxis.label.set(color=GREY, fontsize=11)
    axes.spines[:].set_color(GREY)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(visible=True, color=GREY, alpha=0.25, linewidth=0.6)
    axes.set_axisbelow(True)


def legend(figure: "Figure") -> None:
    """Name the lines above the axes, where no line runs through the names."""
    style: dict[str, Any] = {"frameon": False, "labelcolor": GREY, "fontsize": 9}
    figure.legend(loc="outside upper right", ncols=2, **style)


def saved(figure: "Figure", kind: str) -> bytes:
    """Return the file; letters stay letters in SVG, and equal figures give equal bytes."""
    from matplotlib import rcParams

    ours: Any = {"svg.fonttype": "none", "svg.hashsalt": "labkit"}
    out = BytesIO()
    with _lock:
        before: Any = {key: rcParams[key] for key in ours}
        rcParams.update(ours)
        bare = dict.fromkeys(("Date", "Creator", "Format", "Type")) if kind == "svg" else None
        try:
            with warnings.catch_warnings():  # a letter our font lacks is drawn with the browser's
                warnings.filterwarnings("ignore", message="Glyph")
                figure.savefig(out, format=kind, dpi=100, metadata=bare)
        finally:
            rcParams.update(before)
    return _trimmed(out.getvalue()) if kind == "svg" else _few_colours(out)


def _few_colours(png: BytesIO) -> bytes:
    """Return the same drawing with 64 colours, a third of the size."""
    from PIL import Image

    out = BytesIO()
    Image.open(png).quantize(64, method=Image.Quantize.FASTOCTREE).save(out, "png", optimize=True)
    return out.getvalue()


def _trimmed(svg: bytes) -> bytes:
    """Return the same drawing without comments and indentation."""
    return re.sub(rb"<!--.*?-->|(?<=\n) +", b"", svg, flags=re.DOTALL)
