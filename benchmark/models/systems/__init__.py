"""The systems that models are instances of."""
