"""Make the pictures of panels that the docs show: `python scripts/pictures.py`, a few minutes.

The default model is fetched if it is not in the cache, and trained for some steps.
"""

import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "browser"))

from lab import FLAGS, Notebook, chromium, jupyterlab, until  # noqa: E402

from labkit.run import Run  # noqa: E402

CELL = "%%finetune tone --panel\nmodel: smollm2-135m\ndata: phrases\nmax_steps: 64\neval_steps: 16"
LEARNED = 40
"""Steps after which the picture is taken."""


def main() -> None:
    """Start a training from its panel and take its picture while it learns."""
    with tempfile.TemporaryDirectory() as made, sync_playwright() as play:
        folder = Path(made) / "work"
        folder.mkdir()
        browser = play.chromium.launch(executable_path=chromium(), headless=False, args=list(FLAGS))
        with jupyterlab(folder, Path(made) / "jupyter") as address:
            take(Notebook(browser, address, folder, "tone", ["%load_ext labkit", CELL]), folder)
        browser.close()


def take(notebook: Notebook, folder: Path) -> None:
    """Press Start, wait, take the picture, press Stop."""
    notebook.page.set_viewport_size({"width": 1330, "height": 3000})
    for at in range(2):
        notebook.run(at)
    panel = notebook.panel("finetune", "ready")
    panel.get_by_role("button", name="Start", exact=True).click()
    notebook.panel("follow", "running")
    run = Run(folder / "runs" / "tone")
    until(lambda: (run.last("step") or {"step": 0})["step"] >= LEARNED, seconds=900)
    panel.locator(".labkit-follow").get_by_role("img").nth(1).wait_for()
    panel.screenshot(path=str(ROOT / "docs" / "pictures" / "finetune-panel.png"))
    panel.get_by_role("button", name="Stop", exact=True).first.click()
    notebook.panel("follow", "stopped")


if __name__ == "__main__":
    main()
