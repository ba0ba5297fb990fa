"""The figures about why a latent loses."""

from __future__ import annotations

from benchmark.report.figures.best_predictor import best_predictor
from benchmark.report.figures.decoded_readouts import decoded_readouts
from benchmark.report.figures.drawing import Chart
from benchmark.report.figures.equal_signal import equal_signal_differences
from benchmark.report.figures.kinds import families_of_models, kinds_of_data
from benchmark.report.figures.noise_retention import noise_by_hand
from benchmark.report.figures.serves_at_all import serves_at_all
from benchmark.report.figures.source_stories import source_stories
from benchmark.report.figures.theory_points import theory_points
from benchmark.report.found import Found
from benchmark.report.mechanism import FEW_LABELS


def mechanism_charts(found: Found) -> tuple[Chart | None, ...]:
    """Draw the figures of ``sections.explanations`` in their order; None for a figure without data."""
    numbers, law, words = found.mechanism, found.study.analysis.law, found.study.analysis.words
    families, kinds = families_of_models(found.units), kinds_of_data(found.units)
    datasets, models = found.datasets, found.study.models
    return (
        best_predictor(found.law, law.confirmed),
        noise_by_hand(numbers.curves, numbers.curves_over, law.tasks, kinds),
        equal_signal_differences(numbers.interventions, numbers.interventions_over, law.tasks, words, families),
        decoded_readouts(numbers.decoded_beside, families, law.tasks, datasets),
        theory_points(numbers.theory, families, kinds, law.informative, FEW_LABELS),
        serves_at_all(numbers.serves, found.declared, families, models, datasets, words),
        source_stories(numbers.story_cells, numbers.story_verdicts, families, kinds, words.share),
    )
