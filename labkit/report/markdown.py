"""Blocks as Markdown, for a model card."""

from .blocks import Block, Box, Facts, Head, Lines, Picture, Table


def draw(block: Block) -> str:
    """Return one block as Markdown."""
    match block:
        case Head():
            return f"**{escaped(block.name)}**: {block.status} {escaped(block.line)}".strip()
        case Facts():
            return _table(block.title, ("", ""), block.items, "")
        case Table():
            return _table(block.title, block.header, block.rows, block.note)
        case Picture():
            return f"**{block.title}.** {escaped(block.alt)}"
        case Box():
            return "\n".join([f"**{block.title}** {escaped(block.problem)}", *block.steps])
        case Lines():
            return "\n".join(f"- {escaped(item)}" for item in block.items)


def fenced(code: str, language: str) -> str:
    """Return a code block whose fence is longer than any run of backticks in it."""
    fence = "```"
    while fence in code:
        fence += "`"
    return f"{fence}{language}\n{code}\n{fence}"


def escaped(text: str) -> str:
    """Return text that Markdown shows as it is, on one line."""
    flat = " ".join(text.split())
    for mark in "\\`*_[]<>#|":
        flat = flat.replace(mark, f"\\{mark}")
    return flat


def _table(
    title: str, header: tuple[str, ...], rows: tuple[tuple[str, ...], ...], note: str
) -> str:
    lines = [_row(header), "|" + " --- |" * len(header), *(_row(row) for row in rows)]
    top = f"**{escaped(title)}**\n\n" if title else ""
    return top + "\n".join(lines) + (f"\n\n{escaped(note)}" if note else "")


def _row(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(escaped(cell) for cell in cells) + " |"
