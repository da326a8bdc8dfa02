"""`SHA256SUMS`: what every file of a folder was when it was written, as `sha256sum -c` reads it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ...files import sha256_of, write_text

FILE = "SHA256SUMS"

LINE = re.compile(r"([0-9a-f]{64}) [ *](.+)")


@dataclass(frozen=True)
class Differences:
    """How a folder differs from its checksums; names are relative, in order."""

    n_files: int
    """Files that the checksums name."""

    missing: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()

    @property
    def touched(self) -> frozenset[str]:
        """Every file that is not as it was written."""
        return frozenset((*self.missing, *self.changed, *self.extra))

    @property
    def sentence(self) -> str:
        """What differs, in words."""
        parts = (("missing", self.missing), ("changed", self.changed), ("not listed", self.extra))
        found = [f"{word}: {', '.join(names)}" for word, names in parts if names]
        return "; ".join(found) if found else f"{self.n_files} files are as they were written"


def seal(folder: Path) -> None:
    """Write the checksums of everything that lies in a folder; the last thing done to it."""
    lines = (f"{sha256_of(folder / name)}  {name}\n" for name in _names(folder))
    write_text(folder / FILE, "".join(lines))


def differences(folder: Path) -> Differences:
    """Return how a folder differs from its checksums.

    Raises:
        FileNotFoundError: It has none.
    """
    text = (folder / FILE).read_text(encoding="utf-8", errors="replace")
    wanted = {found[2]: found[1] for line in text.splitlines() if (found := LINE.fullmatch(line))}
    there = list(_names(folder))
    return Differences(
        n_files=len(wanted),
        missing=tuple(name for name in wanted if name not in there),
        changed=tuple(
            name for name in there if name in wanted and sha256_of(folder / name) != wanted[name]
        ),
        extra=tuple(name for name in there if name not in wanted),
    )


def _names(folder: Path) -> Iterator[str]:
    """Yield the files below a folder; names with a dot in front are tools' own, as `.git`."""
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if path.is_file() and name.as_posix() != FILE and not any(p[0] == "." for p in name.parts):
            yield name.as_posix()
