"""The rooms import only rooms before them, and what a notebook loads stays light."""

import ast
import functools
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

import labkit
from labkit.notebook.magics import MAGIC_METHODS
from labkit.settings import docs_of
from labkit.spec import FinetuneSpec, GenerateSpec, OptimizeSpec

ROOT = Path(labkit.__file__).parent
ORDER = [
    "errors",
    "yaml",
    "typed",
    "setting_types",
    "settings",
    "spec",
    "files",
    "sent",
    "cgroup",
    "machine",
    "resources",
    "kernel",
    "recorder",
    "run",
    "search",
    "flags",
    "options",
    "translator",
    "catalog",
    "data",
    "runtime",
    "training",
    "faults",
    "evaluation",
    "export",
    "diagnosis",
    "report",
    "program",
    "jobs",
    "worker",
    "staying",
    "supervisor",
    "launch",
    "api",
    "serve",
    "panels",
    "course",
    "notebook",
    "demo",
    "cli",
]
HEAVY = [
    "torch",
    "transformers",
    "peft",
    "onnx",
    "onnxruntime",
    "IPython",
    "ipywidgets",
    "matplotlib",
    "pandas",
    "pyarrow",
    "datasets",
    "huggingface_hub",
    "ruamel",
    "optuna",
]
MIB = 2**20


def room_of(file):
    """Return the room a file of the package belongs to."""
    return file.relative_to(ROOT).parts[0].removesuffix(".py")


def imported_rooms(file):
    """Return the rooms that a file imports, at its top or inside a function, with the line."""
    package = ("labkit", *file.relative_to(ROOT).parts[:-1])
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom):
            start = package[: len(package) - node.level + 1] if node.level else ()
            module = [*start, *(node.module or "").split(".")] if node.module else list(start)
            names = [[*module, name.name] for name in node.names]
        elif isinstance(node, ast.Import):
            names = [name.name.split(".") for name in node.names]
        else:
            continue
        for parts in names:
            if parts[0] == "labkit" and len(parts) > 1:
                yield parts[1], node.lineno


FILES = sorted(path for path in ROOT.rglob("*.py") if path.parent != ROOT or path.stem[0] != "_")


def test_every_room_has_its_place_in_the_order():
    assert {room_of(file) for file in FILES} == set(ORDER)


@pytest.mark.parametrize("room", ORDER)
def test_a_room_imports_only_rooms_before_it(room):
    wrong = [
        f"{file.relative_to(ROOT)}:{line} imports {other}"
        for file in FILES
        if room_of(file) == room
        for other, line in imported_rooms(file)
        if other in ORDER and ORDER.index(other) > ORDER.index(room)
    ]
    assert wrong == []


def fresh(code):
    """Run code in a new interpreter and return what it printed, read as JSON."""
    # Compiled files as after an installation, whatever this environment says of them.
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=env)
    return json.loads(done.stdout)


def test_importing_the_package_loads_nothing_heavy():
    loaded = fresh("import sys, json, labkit; print(json.dumps(sorted(sys.modules)))")
    assert {name.split(".")[0] for name in loaded} & set(HEAVY) == set()


@functools.cache
def slowness():
    """How much longer than 0.35 s this processor takes for some plain Python; 1 where less."""
    code = """
import time
start = time.process_time()
sum(i * i for i in range(5_000_000))
print(time.process_time() - start)
"""
    return max(1.0, min(fresh(code) for _ in range(3)) / 0.35)


def test_importing_the_package_takes_at_most_300_ms_of_processor_time():
    code = """
import time
start = time.process_time()
import labkit
print(time.process_time() - start)
"""
    assert min(fresh(code) for _ in range(3)) <= 0.3 * slowness()


def test_loading_the_extension_takes_at_most_500_ms_of_processor_time():
    code = """
import time
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config
shell = InteractiveShell(config=Config(HistoryManager={"enabled": False}))
start = time.process_time()
shell.run_line_magic("load_ext", "labkit")
print(time.process_time() - start)
"""
    assert min(fresh(code) for _ in range(3)) <= 0.5 * slowness()


def test_an_idle_kernel_with_the_package_takes_at_most_120_mib(tmp_path):
    from jupyter_client.manager import KernelManager

    manager = KernelManager()
    manager.start_kernel(cwd=str(tmp_path), env=os.environ | {"IPYTHONDIR": str(tmp_path)})
    client = manager.client()
    try:
        client.start_channels()
        client.wait_for_ready(timeout=60)
        reply = client.execute_interactive("%load_ext labkit", timeout=60)
        assert reply["content"]["status"] == "ok"
        time.sleep(0.2)
        assert psutil.Process(manager.provisioner.pid).memory_info().rss <= 120 * MIB
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
        manager.cleanup_resources()


def test_what_the_package_offers_is_what_it_says():
    names = fresh(
        "import json, labkit, types\n"
        "print(json.dumps([name for name, value in vars(labkit).items()"
        " if not name.startswith('_') and not isinstance(value, types.ModuleType)]))"
    )
    hooks = {"load_ipython_extension", "unload_ipython_extension", "Any"}
    assert set(labkit.__all__) == set(names) - hooks
    assert sorted(labkit.__all__) == labkit.__all__


def test_every_setting_and_magic_is_documented():
    repository = ROOT.parent
    pages = [repository / "README.md", *sorted((repository / "docs").rglob("*.md"))]
    text = "\n".join(page.read_text() for page in pages if page.exists())
    settings = {
        name for spec in (FinetuneSpec, OptimizeSpec, GenerateSpec) for name in docs_of(spec)
    }
    magics = {f"%{name}" for kind in ("line", "cell") for name in MAGIC_METHODS[kind]}
    words = set(text.replace("`", " ").replace(":", " ").replace(",", " ").split())
    assert sorted(settings - words) == []
    assert sorted(name for name in magics if name not in text) == []
