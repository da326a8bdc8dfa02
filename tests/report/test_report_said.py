"""What a model is saying grows where it is read, and stands there once in the end."""

import io

import pytest

from labkit.recorder import Recorder
from labkit.report import SilentView, TextAnswers, answers_view
from labkit.report.said import NotebookAnswers, said
from labkit.run import create
from labkit.spec import GenerateSpec


@pytest.fixture
def run(tmp_path):
    return create("said", "generate", GenerateSpec(run="x", prompts=("a", "b")), root=tmp_path)


@pytest.fixture
def speak(run):
    """Record what a worker does; a text is a piece, a tuple the whole answer."""
    emit = Recorder(run.path).emit

    def speak(*words):
        for word in words:
            kind = "answer" if isinstance(word, tuple) else "piece"
            emit(kind, text=word[0] if isinstance(word, tuple) else word)

    return speak


def test_an_answer_is_its_pieces_until_it_is_there_as_a_whole(run, speak):
    assert said(run) == []
    speak("He", "llo")
    assert said(run) == ["Hello"]
    speak(("Hello!",))
    assert said(run) == ["Hello!"]
    speak("B")
    assert said(run) == ["Hello!", "B"]
    speak(("Bye",), ("",))
    assert said(run) == ["Hello!", "Bye", ""]


def test_a_stream_gets_each_piece_once_and_ends_as_the_answers_printed(run, speak):
    out = io.StringIO()
    view = TextAnswers(out)
    seen = []
    for words in (["He", "llo"], [], [("Hello!",), "B"], [("Bye",)]):
        speak(*words)
        view.update(run)
        seen.append(out.getvalue())
    Recorder(run.path).emit("end", status="done")
    view.close(run)
    assert seen == ["Hello", "Hello", "Hello!\nB", "Hello!\nBye"]
    assert out.getvalue() == "Hello!\nBye\n"


def shown(captured):
    """Return what the cell's outputs were, one after another, and whether each was an update."""
    return [(one["data"]["text/plain"], bool(one.get("update"))) for one in captured]


@pytest.mark.parametrize(("status", "last"), [("done", ""), ("stopped", "Hello!\nBy")])
def test_one_output_of_a_cell_grows_and_stays_where_there_is_no_result(
    run, speak, shell, monkeypatch, status, last
):
    from IPython.core.displaypub import CapturingDisplayPublisher

    publisher = shell.display_pub = CapturingDisplayPublisher()
    monkeypatch.setattr(type(shell), "_instance", shell)
    view = NotebookAnswers()
    view.update(run)
    for words in (["He"], [], [("Hello!",), "By"]):
        speak(*words)
        view.update(run)
    Recorder(run.path).emit("end", status=status)
    view.close(run)
    wanted = [("He", False), ("Hello!\nBy", True), *[(last, True)] * (status == "done")]
    assert shown(publisher.outputs) == wanted


def test_outside_a_kernel_the_result_is_enough():
    assert isinstance(answers_view(), SilentView)
