"""Functions of a notebook in another process, with all they use; what cannot go is named."""

import calendar
import subprocess
import sys
import threading

import pytest

from labkit import sent
from labkit.errors import RunFailed, SpecError
from labkit.spec import FinetuneSpec

CELLS = """
import math
FACTOR = 3
def doubled(x):
    return 2 * x
class Scaled:
    def __init__(self, by):
        self.by = by
    def __call__(self, x):
        return doubled(x) * self.by
    def same(self):
        return super().__hash__()
scaled = Scaled(FACTOR)
def mine(output, batch):
    return scaled(output) + math.floor(batch) + own_module.one()
"""


def cells(**names):
    """Return the variables of a notebook after its cells ran."""
    variables = {"__name__": "__main__"} | names
    exec(CELLS, variables)
    return variables


def test_a_working_folder_that_holds_python_itself_sends_nothing_of_it(monkeypatch):
    monkeypatch.chdir(sys.base_prefix)
    data = sent.pack(lambda output, batch: output + len(calendar.day_name[0]))
    assert len(data) < 2000  # by value the modules would come along


def test_a_function_goes_with_what_other_cells_and_modules_beside_it_define(
    tmp_path, monkeypatch, request
):
    (tmp_path / "own_module.py").write_text("def one():\n    return 1\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    import own_module

    request.addfinalizer(lambda: sys.modules.pop("own_module"))
    function = cells(own_module=own_module)["mine"]
    run = tmp_path / "run"
    run.mkdir()
    sent.keep(run, function, sent.pack(function))
    code = "import sys, pathlib; from labkit import sent; " \
           "print(sent.load(pathlib.Path(sys.argv[1]))(5, 2.5))"  # fmt: skip
    there = subprocess.run(
        [sys.executable, "-c", code, str(run)], cwd="/", capture_output=True, text=True, check=True
    )
    assert there.stdout.split() == [str(2 * 5 * 3 + 2 + 1)]


def test_what_cannot_be_sent_is_named_with_the_way_to_it():
    variables = cells(own_module=None)
    variables["scaled"].by = threading.Lock()
    with pytest.raises(SpecError) as found:
        sent.pack(variables["mine"])
    assert "mine, which uses scaled, which uses by (_thread.lock) cannot" in found.value.problem


def test_a_damaged_function_is_said(tmp_path):
    (tmp_path / sent.FILE).write_bytes(b"no")
    sent.trust(tmp_path)
    with pytest.raises(RunFailed, match="cannot be read"):
        sent.load(tmp_path)


def test_a_function_that_somebody_else_wrote_does_not_run_unless_it_is_trusted(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "somebody"))
    code = "def mine(x):\n    return x\nopen({!r}, 'w').close()\n"
    ran = tmp_path / "ran"

    class Harmful:
        def __reduce__(self):
            return exec, (code.format(str(ran)),)

    run = tmp_path / "run"
    run.mkdir()
    sent.keep(run, Harmful(), sent.pack(Harmful()))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "me"))
    for read in (sent.check, sent.load):
        with pytest.raises(RunFailed, match="was not written here by you") as found:
            read(run)
        assert "--trust-remote-code" in found.value.hint
    assert not ran.exists()
    sent.trust(run)
    sent.load(run)
    assert ran.exists()
    (run / sent.FILE).write_bytes(sent.pack(len))
    with pytest.raises(RunFailed, match="was not written"):
        sent.load(run)


def test_a_setting_that_a_loss_does_not_take_is_refused_with_those_that_do():
    assert FinetuneSpec(loss="focal").focal_gamma == 2
    assert FinetuneSpec(loss="focal", focal_gamma=1).changed() == {
        "loss": "focal",
        "focal_gamma": 1,
    }
    assert FinetuneSpec().label_smoothing_factor == 0
    with pytest.raises(SpecError, match="cross_entropy has no setting focal_gamma") as found:
        FinetuneSpec(focal_gamma=2)
    assert "take focal" in found.value.hint
    with pytest.raises(SpecError, match="mine has no setting class_weights"):
        FinetuneSpec(loss="mine", class_weights="balanced")
    with pytest.raises(SpecError, match="loss must be") as found:
        FinetuneSpec(loss="foc al")
    assert "focal" in found.value.hint
