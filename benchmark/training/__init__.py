"""Training: inputs, posteriors, phases and the loop."""
