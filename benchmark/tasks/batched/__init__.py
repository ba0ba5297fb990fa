"""The tasks of the table for many latents at once, on a torch device."""

from benchmark.tasks.batched.batched_scores import WIDEST, Batchable, batched_scores, can_batch, has_batched_form

__all__ = ["WIDEST", "Batchable", "batched_scores", "can_batch", "has_batched_form"]
