"""Studies: the datasets, models, seeds, readouts, tasks and contrasts of a run."""
