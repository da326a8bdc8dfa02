"""Make the project's environment: `python scripts/environment.py .venv`.

Only the standard library is needed. Where there is no NVIDIA GPU, PyTorch's CPU build is taken:
it has the same version and is ten times smaller.
"""

import shutil
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TORCH_CPU = "https://download.pytorch.org/whl/cpu"


def main(folder: Path) -> None:
    """Make the environment in `folder`, with everything that the tests need."""
    venv.create(folder, with_pip=True, clear=True)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "--disable-pip-version-check"]
    install = [*pip, "install", "-q", "-c", str(ROOT / "constraints.txt")]
    if sys.platform == "linux" and not shutil.which("nvidia-smi"):
        small = ["torch", "--index-url", TORCH_CPU, "--retries", "0", "--timeout", "15"]
        # Where that address does not answer, the next command takes what the index has.
        subprocess.run([*install, *small], stderr=subprocess.DEVNULL, check=False)
    subprocess.run([*install, "-e", f"{ROOT}[dev]"], check=True)
    subprocess.run([*pip, "check"], check=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
