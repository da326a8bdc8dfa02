"""Where an exported model can run: the execution providers of ONNX Runtime, by short names."""

import sys
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from ..errors import ExportError, listed, near
from ..spec.optimize import PRECISIONS

CPU = "CPUExecutionProvider"


@dataclass(frozen=True, kw_only=True)
class Target:
    """One execution provider, and what labkit knows of it."""

    name: str
    """As `--target` takes it."""

    provider: str
    """ONNX Runtime's name of it."""

    package: str
    """What pip installs to have it."""

    replaces: bool = False
    """Whether the package takes the place of `onnxruntime`, whose import name it has."""

    plugin: str | None = None
    """Module of a package that adds the provider to the `onnxruntime` that is there."""

    systems: tuple[str, ...]
    """Systems that the package is made for, as `sys.platform` names them."""

    precisions: tuple[str, ...]
    """Precisions of labkit that it has kernels for; with others it leaves work to the processor."""

    builder: str = "cpu"
    """`-e` of onnxruntime-genai's builder for graphs made for it alone; most have none."""

    proven: bool = False
    """Whether exported models were run and compared on it; else it is wired, and no more."""

    options: tuple[tuple[str, str], ...] = ()
    """Options of the provider, unless the model's folder has others."""

    note: str = ""
    """What a user should know before."""


_UNIX_AND_WINDOWS = ("linux", "win32")
_ALL = ("linux", "darwin", "win32")

TARGETS = (
    Target(
        name="cpu", provider=CPU, package="onnxruntime", systems=_ALL, precisions=PRECISIONS,
        proven=True, note="every node",
    ),
    Target(
        name="cuda", provider="CUDAExecutionProvider", package="onnxruntime-gpu", replaces=True,
        systems=_UNIX_AND_WINDOWS, precisions=PRECISIONS, builder="cuda",
        note="attention of an fp32 graph stays on the processor",
    ),
    Target(
        name="directml", provider="DmlExecutionProvider", package="onnxruntime-directml",
        replaces=True, systems=("win32",), precisions=("fp32", "int4"), builder="dml",
        note="no 8-bit weights",
    ),
    Target(
        name="qnn", provider="QNNExecutionProvider", package="onnxruntime-qnn",
        plugin="onnxruntime_qnn", systems=_UNIX_AND_WINDOWS, precisions=("fp32",),
        note="wants fixed shapes and QDQ, so most of labkit's graph stays on the processor",
    ),
    Target(
        name="openvino", provider="OpenVINOExecutionProvider", package="onnxruntime-openvino",
        replaces=True, plugin="onnxruntime_ep_openvino", systems=_UNIX_AND_WINDOWS,
        precisions=PRECISIONS, proven=True, options=(("device_type", "CPU"), ("precision", "FP32")),
        note="attention stays on the processor; int8 and int4 are slower than on cpu",
    ),
    Target(
        name="coreml", provider="CoreMLExecutionProvider", package="onnxruntime",
        systems=("darwin",), precisions=("fp32",),
        note="attention and quantised weights stay on the processor",
    ),
    Target(
        name="webgpu", provider="WebGpuExecutionProvider", package="onnxruntime-ep-webgpu",
        plugin="onnxruntime_ep_webgpu", systems=_ALL, precisions=PRECISIONS, builder="webgpu",
        note="needs a GPU; on Linux Vulkan's loader too",
    ),
)  # fmt: skip
"""All targets, in the order of `labkit targets`."""


def named(name: str) -> Target:
    """Return the target of a name, installed or not."""
    for target in TARGETS:
        if target.name == name:
            return target
    names = [target.name for target in TARGETS]
    hint = near(name, names, "labkit targets lists them.")
    raise ExportError(f"target must be one of {', '.join(names)}; got {name!r}.", hint)


def installed() -> list[Target]:
    """Return the targets that the installed ONNX Runtime, with its plug-ins, can open."""
    return [target for target in TARGETS if is_installed(target)]


def is_installed(target: Target) -> bool:
    """Tell whether ONNX Runtime has the provider, or its plug-in finds a device for it."""
    import onnxruntime

    return target.provider in onnxruntime.get_available_providers() or bool(devices(target))


def choose(name: str) -> Target:
    """Return the target of a name.

    Raises:
        ExportError: It is not installed; the sentences say what brings it and what is here.
    """
    target = named(name)
    if is_installed(target):
        return target
    here = listed([one.name for one in installed()], "and")
    if sys.platform not in target.systems:
        found = f"The target {name} exists on {_systems(target)} only; this is {sys.platform}."
        raise ExportError(found, f"Here there is: {here}.")
    if target.plugin and find_spec(target.plugin):
        found = f"The target {name} finds no device on this machine"
        raise ExportError(f"{found}; {target.plugin} is installed.", f"Here there is: {here}.")
    raise ExportError(
        f"The target {name} is not installed; its provider comes with the package "
        f"{target.package}{_manner(target)}. Installed: {here}.",
        hint=f"{_install_line(target)} and restart the kernel.",
    )


def devices(target: Target) -> list[Any]:
    """Return the devices that a target's plug-in finds; none where it is no plug-in or absent."""
    if target.plugin is None or find_spec(target.plugin) is None:
        return []
    import onnxruntime

    _register(target.plugin)
    return [one for one in onnxruntime.get_ep_devices() if one.ep_name == target.provider]


def targets_table() -> str:
    """Return every target with its provider, package and state, for `labkit targets`."""
    head = ("NAME", "PROVIDER", "PACKAGE", "PRECISIONS", "HERE", "PROVEN", "NOTE")
    rows = [head, *(_row(target) for target in TARGETS)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)
    return "\n".join(lines)


@cache
def _register(plugin: str) -> None:
    """Let ONNX Runtime load a plug-in's library, once a process."""
    import onnxruntime

    onnxruntime.register_execution_provider_library(
        plugin, import_module(plugin).get_library_path()
    )


def _row(target: Target) -> tuple[str, ...]:
    here = "yes" if is_installed(target) else "no"
    proven = "yes" if target.proven else "wired"
    precisions = ", ".join(target.precisions)
    return (
        target.name, target.provider, target.package, precisions, here, proven, target.note
    )  # fmt: skip


def _manner(target: Target) -> str:
    if target.replaces:
        return ", which replaces onnxruntime (both are imported by that name)"
    return ", beside onnxruntime" if target.plugin else ""


def _install_line(target: Target) -> str:
    if target.replaces:
        line = f"%pip uninstall -y onnxruntime, then %pip install {target.package}"
        return f"Best in an environment of its own, run {line}"
    return f"Run %pip install {target.package}"


def _systems(target: Target) -> str:
    names = {"linux": "Linux", "darwin": "macOS", "win32": "Windows"}
    return listed([names[system] for system in target.systems], "and")
