"""Files that train a run elsewhere say what the run needs, and are what their readers take."""

import shutil
import subprocess

import pytest

import labkit
from labkit.cli import main
from labkit.errors import RunError, SpecError
from labkit.yaml import parse_yaml

PLAIN = {"data": "phrases", "max_steps": 3}


@pytest.fixture
def ready(workplace):
    return labkit.prepare(name="tone", processes=2, **PLAIN).run


def text(run, name):
    return (run.path / "job" / name).read_text(encoding="utf-8")


def test_azure_ml_gets_the_folder_and_gives_it_back(ready):
    said = str(labkit.job_file("azureml", ready))
    job = parse_yaml(text(ready, "azureml.yaml"))
    assert "az ml job create --file" in said
    assert job["type"] == "command"
    assert (ready.path / "job" / job["code"]).resolve() == ready.path
    assert "--nproc_per_node 2 -m labkit.worker" in job["command"]
    assert job["command"].count("${{outputs.run}}") == 2
    assert job["outputs"]["run"]["type"] == "uri_folder"
    *_, pip = job["environment"]["conda_file"]["dependencies"]
    assert pip["pip"][0].startswith("labkit==")


def test_slurm_gets_a_script_that_bash_reads(ready):
    labkit.job_file("slurm", ready, processes=8)
    script = text(ready, "slurm.sh")
    bash = shutil.which("bash")
    subprocess.run([bash, "-n"], input=script, text=True, check=True)
    assert f"-m labkit.worker {ready.path} --resume" in script
    assert "--nproc_per_node 8" in script


def test_kubernetes_gets_a_train_job(ready):
    labkit.job_file("k8s", ready)
    job = parse_yaml(text(ready, "k8s.yaml"))
    assert (job["kind"], job["metadata"]["name"]) == ("TrainJob", "tone")
    assert job["spec"]["trainer"]["command"][-2:] == ["/shared/runs/tone", "--resume"]


def test_what_cannot_be_trained_there_is_refused(ready, words):
    with pytest.raises(SpecError, match="azureml, slurm or k8s; got 'aws'"):
        labkit.job_file("aws", ready)
    rows = labkit.prepare(name="rows", data=str(words), text_template="{text}\n{kind}").run
    with pytest.raises(RunError, match="does not see the data"):
        labkit.job_file("azureml", rows)
    listed = [{"a": f"{n}", "b": f"{n + 1}"} for n in range(12)]
    with_them = labkit.prepare(name="with", data=listed, text_template="{a}\n{b}").run
    labkit.job_file("azureml", with_them)


def test_a_shell_writes_it_too(ready, capsys):
    main(["job", "slurm", "tone"])
    assert "sbatch" in capsys.readouterr().out
