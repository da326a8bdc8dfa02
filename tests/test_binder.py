"""What Binder and a devcontainer install: pinned, with all that a lab fetches in the image."""

import json
import os
import re
from pathlib import Path

from labkit.catalog import data_entry, model_entry

ROOT = Path(__file__).resolve().parents[1]
FETCHES = (ROOT / "binder" / "postBuild").read_text(encoding="utf-8")
LABS = "\n".join(path.read_text(encoding="utf-8") for path in ROOT.glob("solutions/*.py"))


def test_what_is_installed_is_pinned_and_its_kernel_takes_messages_of_threads():
    lines = (ROOT / "binder" / "requirements.txt").read_text(encoding="utf-8").splitlines()
    assert {"-c ../constraints.txt", "."} <= set(lines)
    pins = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    major, minor = re.search(r"^ipykernel==(\d+)\.(\d+)", pins, re.MULTILINE).groups()
    assert (int(major), int(minor)) >= (7, 1)
    for name in ("torch", "jupyterlab"):
        assert name in lines
        assert re.search(rf"^{name}==", pins, re.MULTILINE)


def test_the_image_brings_each_model_and_data_set_that_a_lab_fetches():
    assert os.access(ROOT / "binder" / "postBuild", os.X_OK)
    models = set(re.findall(r"labkit models --fetch (\S+)", FETCHES))
    data = set(re.findall(r"labkit data (\S+)", FETCHES))
    assert all(model_entry(name) for name in models)
    assert all(data_entry(name) for name in data)
    assert {"smollm2-135m", *re.findall(r"^# model: ([a-z][\w.-]+)$", LABS, re.MULTILINE)} <= models
    asked = {*re.findall(r"data: (\w[\w-]*)", LABS), *re.findall(r"%data (\w+)\n", LABS)}
    fetched = {name for name in asked if (entry := data_entry(name)) and "package" in str(entry)}
    assert fetched <= data | {"phrases", "glossary", "tiny-code", "instructions"}


def test_the_devcontainer_makes_the_environment_as_the_readme_does():
    made = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text(encoding="utf-8"))
    assert "scripts/environment.py .venv" in made["postCreateCommand"]
    assert (ROOT / "scripts" / "environment.py").is_file()
