import base64
import re
from html.parser import HTMLParser

import pytest
import report_samples as samples

from labkit.files import locked
from labkit.report import bundle, final, live, runs_table, write_report
from labkit.report.charts import confusion, f1_bars, loss_curve
from labkit.report.measured import Curve
from labkit.run import Run

KEPT = {  # what JupyterLab 4.6 keeps in a saved notebook that is not trusted
    "div", "span", "p", "h1", "h2", "h3", "h4", "table", "caption", "thead", "tbody", "tr", "th",
    "td", "figure", "figcaption", "img", "progress", "details", "summary", "ul", "li", "a",
}  # fmt: skip


class Page(HTMLParser):
    """All tags with their attributes and all text; checks that tags close in order."""

    def __init__(self, html):
        super().__init__()
        self.open, self.tags, self.words = [], [], ""
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in ("img", "meta"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words += data

    def of(self, tag):
        return [attrs for name, attrs in self.tags if name == tag]


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    return samples.done(tmp_path_factory.mktemp("done"), "tone", learning_rate=3e-4)


@pytest.fixture(scope="module")
def views(done, tmp_path_factory):
    root = tmp_path_factory.mktemp("runs")
    stopped = samples.going(root, "stopped", steps=40, status="stopped")
    failed = samples.going(root, "failed", steps=64)
    exports = [samples.optimized(root, "a"), samples.optimized(root, "b", status=None)]
    shown = [final(run) for run in (done, exports[0], stopped, failed)]
    shown += [live(samples.going(root, "live")), live(exports[1])]
    return [Page(html) for html in [*shown, runs_table([done])._repr_html_()]]


def test_every_view_is_made_of_tags_that_a_saved_notebook_keeps(views):
    for page in views:
        assert {tag for tag, _ in page.tags} <= KEPT


def test_every_picture_has_words_and_every_header_a_scope(views):
    for page in views:
        assert all(re.search(r"\d", image["alt"]) for image in page.of("img"))
        assert all(cell["scope"] in ("col", "row") for cell in page.of("th"))


def test_pictures_are_small_and_inside_the_fragment(views):
    images = views[0].of("img")
    assert len(images) == 5
    for image in images:
        kind, data = image["src"].split(",", 1)
        assert kind == "data:image/svg+xml;base64"
        assert len(base64.b64decode(data)) <= 25_000


def test_what_stands_in_the_data_is_never_markup(tmp_path):
    evil = '<script>alert("x")</script><img src=x onerror=y>&amp;'
    run = samples.going(tmp_path, steps=32, data="rows.csv", text_template=None)
    clock = samples.Clock(run.path)
    clock.at(0, "note", text=evil)
    clock.at(0, "sample", step=33, prompt=evil, expected=evil, answer=evil)
    clock.at(0, "example", prompt=evil, completion=evil, n_tokens=9, n_target_tokens=1)
    shown = [live(run)]
    metrics = samples.metrics() | {"labels": [evil, *samples.LABELS[1:]]}
    metrics["tuned"]["per_label"] = dict(
        zip(metrics["labels"], metrics["tuned"]["per_label"].values(), strict=True)
    )
    metrics["comparison"]["corrections"][0] |= {"text": evil, "gold": evil, "tuned": evil}
    samples.write(run.path / "metrics.json", metrics)
    clock.at(0, "end", status="failed", error=evil, problem=evil, hint=evil)
    shown += [final(run), write_report(run).read_text()]
    for html in shown:
        page = Page(html)
        assert page.of("script") == []
        assert all(image["src"].startswith("data:image/") for image in page.of("img"))
        assert 'alert("x")' in page.words


def test_the_live_view_shows_progress_numbers_answers_and_how_to_stop(tmp_path):
    run = samples.going(tmp_path, steps=97)
    with locked(run.path):
        page = Page(bundle(run)["text/html"])
    assert page.of("progress")[0]["value"] == "97"
    wanted = ["38 % · step 97/256", "1:40", "0.504", "✓ right: joy", "■ button", "%stop"]
    assert [word for word in wanted if word not in page.words] == []


def test_a_stage_is_shown_while_no_steps_are_taken(tmp_path):
    run = samples.going(tmp_path, steps=32)
    samples.Clock(run.path).at(1, "stage", name="evaluating the base model", done=60, total=120)
    with locked(run.path):
        page = Page(live(run))
    assert "evaluating the base model: 60 of 120" in page.words
    assert page.of("progress")[0]["value"] == "60"
    assert "time left" not in page.words


def test_a_run_that_was_asked_to_stop_says_so_and_nothing_about_stopping_it(tmp_path):
    run = samples.going(tmp_path, steps=32)
    run.stop()
    with locked(run.path):
        page = Page(live(run))
    assert "stopping after this step" in page.words
    assert "To stop" not in page.words


def test_the_bundle_of_a_finished_run_says_the_same_in_text_and_html(done):
    shown = bundle(done)
    words = Page(shown["text/html"]).words.replace("\u00a0", " ")
    for part in ("90.0 % [83.2, 94.2]", "74 answers became right", "1.22 GiB"):
        assert part in words
        assert part in shown["text/plain"]


def test_the_curve_says_its_numbers_in_words():
    curve = Curve(((1, 3.9), (2, 2.5)), ((1, 3.0), (2, 2.75)))
    assert curve.sentence == (
        "Training loss went from 3.900 at step 1 to 2.500 nats per token at step 2. "
        "The best validation loss is 2.750, at step 2."
    )


def test_equal_curves_give_equal_bytes_and_long_ones_stay_small():
    train = tuple((step, samples.loss_at(step)) for step in range(1, 5001))
    curve = Curve(train, tuple((step, 1.0) for step in range(500, 5001, 500)))
    assert loss_curve(curve) == loss_curve(curve)
    assert len(loss_curve(curve)) <= 25_000


@pytest.mark.parametrize("n", [2, 8, 12])
def test_a_confusion_picture_is_drawn_for_few_and_many_labels(n):
    labels = [f"label {at} $x$ 日本" for at in range(n)]
    counts = [[at * (at == other) for other in range(n)] for at in range(n)]
    picture = confusion(labels, counts)
    assert picture.startswith(b"<?xml" if n <= 8 else b"\x89PNG")
    assert n > 8 or all(f">{at}<" in picture.decode() for at in range(1, n))


def test_bars_are_told_apart_without_colour():
    picture = f1_bars(["joy"], {"base": {"joy": 0.25}, "tuned": {"joy": 0.75}}).decode()
    assert "<pattern" in picture  # the base model's bars are hatched
    assert "0.25" in picture
    assert "0.75" in picture


def test_the_page_opens_offline_follows_the_theme_and_marks_what_was_changed(done):
    html = write_report(done).read_text()
    page = Page(html)
    assert not re.search(r"(src|href)=[\"'](https?:)?//|@import|url\(", html)
    assert page.of("html")[0]["lang"] == "en"
    assert "width=device-width" in html
    assert "prefers-color-scheme: dark" in html
    assert len(page.of("h1")) == len(page.of("title")) == 1
    assert re.search(r"learning_rate0\.0003changed", page.words)
    assert re.search(r"lora_alpha32(?!changed)", page.words)
    assert "<mark> joy</mark>" in html
    assert "47 tokens; 2 carry the loss" in page.words


def test_the_page_holds_the_exports_of_the_run(tmp_path):
    run = samples.going(tmp_path, "tone", steps=2, status="done")
    export = samples.optimized(tmp_path, "tone/onnx")
    other = samples.optimized(tmp_path, "tone/onnx-npu", metrics=samples.accepted_metrics())
    for folder in (export.path / "int8", other.path / "int4"):
        folder.mkdir()
    words = Page(write_report(run).read_text()).words.replace("\u00a0", " ")
    assert "onnx/int8 ★✓ passed154 MiB10.7 ms0.004689.2 % [82.2, 94.2]" in words
    assert "onnx/int4✗ refused86.5 MiB–0.350" in words
    assert "onnx/fp32" not in words  # it was made on the way and lies in no folder
    assert "Export onnx-npu" in words
    assert "onnx-npu/int4 is beyond its gate and was kept with --accept: The mean KL" in words


def test_a_page_written_before_the_workers_last_word_shows_the_results(tmp_path):
    run = samples.going(tmp_path, steps=256)
    samples.write(run.path / "metrics.json", samples.metrics())
    with locked(run.path):
        words = Page(write_report(run).read_text()).words
    assert "✓ done" in words
    assert "To stop" not in words
    assert Run(run.path).status == "failed"  # this worker never said its last word
