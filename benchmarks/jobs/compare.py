"""Azure ML's client validates the job file of a prepared run, and refuses a spoiled one."""

import os
import subprocess
import tempfile
from pathlib import Path

from azure.ai.ml import load_job
from marshmallow.exceptions import ValidationError

LABKIT = Path(__file__).resolve().parents[2] / ".venv" / "bin" / "labkit"
SPOILED = ("uri_folder", "uri_foldr")


def main() -> None:
    """Print what the client says; end with an error where it should say otherwise."""
    with tempfile.TemporaryDirectory() as folder:
        own = {**os.environ, "LABKIT_RUNS": folder}
        for words in (
            ["finetune", "--data", "phrases", "--processes", "2", "--name", "tone", "--prepare"],
            ["job", "azureml", "tone"],
        ):
            subprocess.run([str(LABKIT), *words], env=own, check=True, stdout=subprocess.DEVNULL)
        file = Path(folder) / "tone" / "job" / "azureml.yaml"
        found = load_job(file)._validate()
        print(f"azureml.yaml: passed {found.passed}, {len(found.error_messages)} errors")
        assert found.passed, found.error_messages
        file.write_text(file.read_text().replace(*SPOILED))
        try:
            load_job(file)
        except ValidationError as error:
            said = str(error)
        else:
            raise SystemExit("The client accepts a wrong type of output: this proves nothing.")
        if SPOILED[1] not in said:
            raise SystemExit(f"The client refuses something else: {said}")
        print("with a wrong type of output it is refused, as it should be")


if __name__ == "__main__":
    main()
