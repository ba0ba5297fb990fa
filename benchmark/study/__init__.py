"""A study: the datasets, models, seeds, readouts, tasks and contrasts that a run is asked for."""
