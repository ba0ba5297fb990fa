"""The work of a job: train if need be, and score."""

from __future__ import annotations

from benchmark.running.context import Context
from benchmark.running.jobs import ScoreJob, TrainJob
from benchmark.running.outcome import Outcome, Scored, TrainingCost
from benchmark.running.score import score
from benchmark.running.score_batches import with_batched_scores
from benchmark.running.train import train


def run_job(job: TrainJob | ScoreJob, context: Context) -> Scored:
    """Do all work of a job: train the batch if need be, and score the latents."""
    context = context.of(job.batch.first.arm.model)
    return Scored.combine(score(outcome, job.wanted, context) for outcome in outcomes(job, context))


def outcomes(job: TrainJob | ScoreJob, context: Context) -> list[Outcome]:
    """Train the batch of a job, or take its kept latents, and score what is scored in batches."""
    trained = train(job, context) if isinstance(job, TrainJob) else [_kept(job)]
    return with_batched_scores(trained, job.wanted, context)


def _kept(job: ScoreJob) -> Outcome:
    """The kept latents of a job."""
    record, cost = job.record, TrainingCost(device_name=job.record.provenance.device_name)
    return Outcome(
        job.training,
        job.latents,
        "complete",
        cost=cost,  # the record has the rest already
        curve=record.curve,
        diagnostics={unit.unit: record.diagnostics for unit in job.training.units},
        latents_path=record.latents,
        generated_path=record.generated,
    )
