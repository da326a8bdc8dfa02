"""The rating form in Chromium, opened from the disk: marks are kept, checked and saved."""

import pytest

from labkit.api.forms import CHOICES, CRITERIA, MARKS, read_form
from labkit.report import rating_page

pytestmark = pytest.mark.browser

ITEMS = [(f"x-{at:02d}", f"Prompt {at}", "right", ("one\nanswer", "</b>other")) for at in (1, 2)]


@pytest.fixture
def page(browser, tmp_path):
    file = tmp_path / "form-anna.html"
    file.write_text(rating_page("anna", ITEMS, CRITERIA, CHOICES))
    page = browser.new_page(viewport={"width": 400, "height": 800})
    page.faults = []
    page.on("pageerror", lambda error: page.faults.append(str(error)))
    page.goto(file.as_uri())
    yield page
    assert page.faults == []
    page.close()


def mark_all(page, value):
    for group in page.query_selector_all("fieldset"):
        group.query_selector_all("input")[value].check()


def test_an_unfinished_form_is_not_saved_and_says_how_much_is_missing(page):
    page.click("button")
    assert page.text_content("[role=status]").startswith(
        f"{2 * (len(MARKS) + 1)} marks are missing"
    )
    assert page.evaluate("document.activeElement.name") == "x-01|helpful A"


def test_marks_outlive_the_page_and_become_a_form_that_can_be_read(page, tmp_path):
    mark_all(page, 1)
    page.wait_for_timeout(300)  # the browser writes its store in a process of its own
    page.reload()
    with page.expect_download() as saved:
        page.click("button")
    assert saved.value.suggested_filename == "form-anna.csv"
    saved.value.save_as(tmp_path / "form-anna.csv")
    found = read_form(tmp_path / "form-anna.csv")
    assert [(one.item, set(one.marks.values()), one.preferred) for one in found] == [
        ("x-01", {2}, "B"), ("x-02", {2}, "B"),
    ]  # fmt: skip


def test_the_form_fits_a_phone(page):
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
