"""Files that start a run somewhere else: Azure ML, Slurm, Kubernetes. Nothing is submitted."""

import shlex
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path

from ..errors import RunError, SpecError, listed
from ..files import write_text
from ..report import Plain
from ..run import Run
from ..spec import FinetuneSpec
from ..yaml import write_yaml

IMAGE = "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04"
"""Image that Azure ML puts the environment on."""


def job_file(kind: str, run: str | Run, *, processes: int | None = None) -> Plain:
    """Write the file that runs a fine-tuning's worker elsewhere, and say how it is submitted.

    It lies in the run's folder: `job/azureml.yaml`, `job/slurm.sh` or `job/k8s.yaml`. The run is
    one that `--prepare` made, or one that has begun and goes on there from its last checkpoint.

    Args:
        kind: `azureml`, `slurm` or `k8s`.
        run: The run.
        processes: Processes there, one for each GPU; left out, those of the settings.

    Raises:
        SpecError: There is no such kind.
        RunError: It is no fine-tuning, it is done, or its rows or model lie where only this machine
            sees them.
    """
    if kind not in KINDS:
        raise SpecError(
            f"A job file is one of {listed([*KINDS])}; got {kind!r}.", hint="labkit job slurm RUN"
        )
    tuned = run if isinstance(run, Run) else Run(run)
    spec = tuned.spec
    if tuned.job != "finetune" or not isinstance(spec, FinetuneSpec) or tuned.status == "done":
        raise RunError(
            f"A job trains a fine-tuning that is not done; {tuned.name!r} is {tuned.job}, "
            f"{tuned.status}.",
            hint="Make one that is not begun: labkit finetune spec.yaml --name NAME --prepare",
        )
    name, made, how = KINDS[kind]
    if kind == "azureml":
        _require_portable(tuned, spec)
    file = tuned.path / "job" / name
    file.parent.mkdir(exist_ok=True)
    write_text(file, made(tuned, processes or spec.processes))
    submit = how.format(file=shlex.quote(str(file)))
    return Plain(f"{file}\n\nSubmit it with your own client:\n\n    {submit}\n\n{SEEN[kind]}")


def _azureml(run: Run, processes: int) -> str:
    """Return a command job of Azure ML: the run's folder goes there and comes back as an output."""
    folder = "${{outputs.run}}"
    worker = f"torchrun --standalone --nproc_per_node {processes} -m labkit.worker"
    environment = {
        "name": "labkit",
        "channels": ["conda-forge"],
        "dependencies": ["python=3.11", "pip", {"pip": [f"labkit=={version('labkit')}"]}],
    }
    return write_yaml(
        {
            "$schema": "https://azuremlschemas.azureedge.net/latest/commandJob.schema.json",
            "type": "command",
            "display_name": run.name,
            "experiment_name": "labkit",
            "code": "..",
            "command": f'cp -r . "{folder}" && {worker} "{folder}" --resume',
            "environment": {"image": IMAGE, "conda_file": environment},
            "compute": "azureml:NAME-OF-YOUR-CLUSTER",
            "outputs": {"run": {"type": "uri_folder", "mode": "rw_mount"}},
            "resources": {"instance_count": 1},
        }
    )


def _slurm(run: Run, processes: int) -> str:
    """Return a batch script: one launcher on each node, which all see the folder."""
    return f"""#!/bin/bash
#SBATCH --job-name={run.name}
#SBATCH --nodes=1 --ntasks-per-node=1 --gpus-per-node={processes} --time=04:00:00
#SBATCH --requeue
first=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)
srun torchrun --nnodes "$SLURM_NNODES" --nproc_per_node {processes} --rdzv_backend c10d \\
    --rdzv_endpoint "$first:29500" --rdzv_id "$SLURM_JOB_ID" \\
    -m labkit.worker {shlex.quote(str(run.path))} --resume
"""


def _kubernetes(run: Run, processes: int) -> str:
    """Return a TrainJob of the Kubeflow trainer; its runtime mounts the folder at /shared."""
    command = ["torchrun", "-m", "labkit.worker", f"/shared/runs/{run.path.name}", "--resume"]
    return write_yaml(
        {
            "apiVersion": "trainer.kubeflow.org/v1alpha1",
            "kind": "TrainJob",
            "metadata": {"name": run.path.name.lower().replace("_", "-").replace(".", "-")},
            "spec": {
                "runtimeRef": {"name": "torch-distributed"},
                "trainer": {
                    "image": f"registry.example.com/labkit:{version('labkit')}",
                    "numNodes": 1,
                    "numProcPerNode": processes,
                    "command": command,
                },
            },
        }
    )


KINDS: Mapping[str, tuple[str, Callable[[Run, int], str], str]] = {
    "azureml": ("azureml.yaml", _azureml, "az ml job create --file {file}"),
    "slurm": ("slurm.sh", _slurm, "sbatch {file}"),
    "k8s": ("k8s.yaml", _kubernetes, "kubectl apply -f {file}"),
}
"""By name: the file, what writes it, and the command that submits it."""

SEEN: Mapping[str, str] = {
    "azureml": "Put the name of your cluster into it. The run's folder goes there and comes "
    "back as the output `run`: az ml job download --name JOB --output-name run",
    "slurm": "All nodes must see the run's folder, and labkit must be installed there.",
    "k8s": "Put the name of your image into it; its runtime mounts the runs' folder: /shared/runs.",
}


def _require_portable(run: Run, spec: FinetuneSpec) -> None:
    """Refuse rows and models that lie beside the run, where only this machine sees them.

    Raises:
        RunError: There are some.
    """
    for name in ("model", "data"):
        path = Path(str(getattr(spec, name)))
        if path.exists() and run.path not in path.resolve().parents:
            raise RunError(
                f"The machine there does not see the {name} {path}.",
                hint=_portable_hint(name),
            )


def _portable_hint(name: str) -> str:
    if name == "model":
        return "Name the model as the catalogue or the hub does."
    return "Hand the rows over as objects (data=list of dicts); then they lie in the run's folder."
