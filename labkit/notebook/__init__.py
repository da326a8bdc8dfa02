"""The Jupyter front: magics, completion, and how a run is shown there."""
