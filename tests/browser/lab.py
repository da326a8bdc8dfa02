"""JupyterLab in Chromium, as a learner drives it: a notebook, its cells, its kernel.

Pages are kept as pictures in the folder `shots` of the checkout, or where LABKIT_SHOTS says.
"""

import os
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

ROOT = Path(__file__).parents[2]
SHOTS = Path(os.environ.get("LABKIT_SHOTS", ROOT / "shots"))
FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking")
PATIENCE = 240.0
"""Seconds that a state may take on a machine that does other things, too."""
SIZE = {"width": 1280, "height": 1100}
TALL = 5000
"""Pixels of a page that the longest panel fits in: a picture of one that does not is cut."""
BESIDE = 131
"""Pixels of a page that JupyterLab has beside an output."""
READ = """() => {
  const panel = window.jupyterapp.shell.currentWidget;
  return panel.content.model.sharedModel.cells.map(cell => cell.toJSON());
}"""
IS_IDLE = """() => {
  const kernel = window.jupyterapp.shell.currentWidget?.sessionContext.session?.kernel;
  return kernel?.status === 'idle' && kernel?.connectionStatus === 'connected';
}"""

DRAWN = """async () => {
  for (let n = 0; n < 3; n++) await new Promise(done => requestAnimationFrame(done));
  await Promise.all([...document.images].map(image => image.decode().catch(() => {})));
}"""
STICKS_OUT = """panel => {
  const area = panel.closest('.jp-OutputArea-output') ?? panel;
  const edge = area.getBoundingClientRect().right + 1;
  const isScrolled = node => node !== area
    && (getComputedStyle(node).overflowX !== 'visible' || isScrolled(node.parentElement));
  return [panel, ...panel.querySelectorAll('*')]
    .filter(node => node.getBoundingClientRect().right > edge && !isScrolled(node.parentElement))
    .map(node => `${node.tagName} ${node.className} ${node.getBoundingClientRect().right - edge}`);
}"""
"""What of a panel reaches beyond the right edge of its output, what scrolls within left out."""


def script(name):
    """Return a module of the folder scripts."""
    sys.path.insert(0, str(ROOT / "scripts"))
    try:
        return import_module(name)
    finally:
        sys.path.pop(0)


def chromium():
    return script("browser").find()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def until(holds, seconds=PATIENCE):
    """Wait for a state, not for time."""
    deadline = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return found


def is_up(address, path="/api?token=lab"):
    """Whether a server answers, be it that there is nothing at the path."""
    try:
        return urlopen(address + path, timeout=5).status == 200
    except HTTPError:
        return True
    except OSError:
        return False


def keep(seen, name):
    """Keep a picture of a page or of a part of it."""
    SHOTS.mkdir(parents=True, exist_ok=True)
    seen.screenshot(path=str(SHOTS / f"{name}.png"))


@contextmanager
def jupyterlab(folder, home):
    """Give the address of a JupyterLab of its own: notebooks in `folder`, settings in `home`."""
    port = free_port()
    kinds = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR",
             "JUPYTERLAB_SETTINGS_DIR", "JUPYTERLAB_WORKSPACES_DIR")  # fmt: skip
    places = {kind: str(home / kind.lower()) for kind in kinds}
    quiet = home / "jupyterlab_settings_dir" / "@jupyterlab" / "apputils-extension"
    quiet.mkdir(parents=True)
    (quiet / "notification.jupyterlab-settings").write_text('{"fetchNews": "false"}')
    with (home / "log.txt").open("wb") as log:
        process = subprocess.Popen(
            [
                sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root",
                "--ServerApp.port_retries=0", f"--ServerApp.port={port}",
                f"--ServerApp.root_dir={folder}", "--IdentityProvider.token=lab",
                "--LabApp.expose_app_in_browser=True", "--LabApp.news_url=None",
                "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
            ],
            env={**os.environ, **places, "LABKIT_RUNS": "runs"}, cwd=folder,
            stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    address = f"http://127.0.0.1:{port}"
    try:
        until(lambda: is_up(address))
        yield address
    finally:
        process.terminate()
        process.wait(30)


def errors(outputs):
    return [output for output in outputs if output["output_type"] == "error"]


class Notebook:
    """A notebook made of cells, open in JupyterLab."""

    def __init__(self, browser, server, folder, name, cells):
        import nbformat

        made = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_code_cell(text) for text in cells],
            metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}},
        )
        self.file = folder / f"{name}.ipynb"
        nbformat.write(made, self.file)
        self.browser, self.others = browser, []
        self.page = browser.new_page(viewport=SIZE)
        self.page.set_default_timeout(1000 * PATIENCE)
        self.page.goto(f"{server}/lab/tree/{name}.ipynb?token=lab&reset")
        self.ready()
        self.command("application:toggle-left-area")

    def ready(self):
        """Wait until the notebook is there and its kernel is idle."""
        self.page.wait_for_function("window.jupyterapp?.restored !== undefined")
        self.page.evaluate("async () => { await window.jupyterapp.restored; }")
        self.page.wait_for_function(IS_IDLE)

    def command(self, name):
        """Start a command of JupyterLab without waiting for its end."""
        self.page.evaluate(f"() => {{ window.jupyterapp.commands.execute('{name}'); }}")

    def start(self, at):
        """Run a cell without waiting for its end; a restart begins to count anew."""
        script = """at => {
          const notebook = window.jupyterapp.shell.currentWidget.content;
          notebook.activeCellIndex = at;
          notebook.model.sharedModel.cells[at].execution_count = null;
          window.jupyterapp.commands.execute('notebook:run-cell');
        }"""
        self.page.evaluate(script, at)

    def write(self, at, text):
        """Put text into a cell."""
        script = """([at, text]) => window.jupyterapp.shell.currentWidget.content
          .model.sharedModel.cells[at].setSource(text)"""
        self.page.evaluate(script, [at, text])

    def run(self, at):
        """Run a cell to its end and return its outputs."""
        self.start(at)
        return self.after(at)

    def after(self, at):
        """Return a cell's outputs once it has run."""
        until(lambda: self.cell(at)["execution_count"])
        self.page.wait_for_function(IS_IDLE)
        return self.cell(at)["outputs"]

    def cell(self, at):
        return self.page.evaluate(READ)[at]

    def kernel_restarted(self):
        """Restart the kernel through the menu's command and its dialogue."""
        self.command("kernelmenu:restart")
        self.page.locator(".jp-Dialog button.jp-mod-accept").click()
        self.page.wait_for_selector(".jp-Dialog", state="detached")

    def save(self):
        """Save the notebook, and wait until its outputs are in the file."""
        self.command("docmanager:save")
        until(lambda: "text/html" in self.file.read_text())

    def shot(self, name, selector=None, page=None):
        """Keep a picture of the page."""
        if selector:
            self.page.locator(selector).last.scroll_into_view_if_needed()
        keep(page or self.page, name)

    def other(self, address):
        """Return another page of the same browser; it is closed with this one."""
        self.others.append(self.browser.new_page(viewport=SIZE))
        self.others[-1].goto(address)
        return self.others[-1]

    def panel(self, kind, status=""):
        """Return the panel of a kind that is on the page, once it has a status."""
        found = f".labkit-{kind}"
        is_so = self.page.locator(found + (f".labkit-is-{status}" if status else ""))
        is_so.first.wait_for()
        return self.page.locator(found).first

    def shots(self, name, kind):
        """Keep pictures of a panel: light and dark, narrow and wide; nothing may stick out."""
        panel = self.panel(kind)
        for theme in ("JupyterLab Dark", "JupyterLab Light"):
            self.theme(theme)
            for width in (400, 1600):
                self.page.set_viewport_size({"width": width + BESIDE, "height": TALL})
                self.page.evaluate(DRAWN)
                keep(panel, f"{name}-{theme.split()[-1].lower()}-{width}")
                assert panel.evaluate(STICKS_OUT) == []
        self.page.set_viewport_size(SIZE)

    def theme(self, name):
        script = (
            "name => window.jupyterapp.commands.execute('apputils:change-theme', {theme: name})"
        )
        self.page.evaluate(script, name)
        self.page.wait_for_function(f"document.body.dataset.jpThemeName === '{name}'")

    def close(self):
        for page in (self.page, *self.others):
            page.close()
