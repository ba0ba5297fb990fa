"""Summaries, paired contrasts and words of scores. Every function takes a frame and returns a frame."""

from benchmark.statistics.average_ranks import average_ranks, critical_difference
from benchmark.statistics.contrasts import (
    CONTRAST_COLUMNS,
    CORRECTED,
    DERIVED,
    FAMILY,
    PAIRED,
    QUESTION,
    REAL,
    contrasts,
)
from benchmark.statistics.dataset_means import dataset_means
from benchmark.statistics.equal_noise import (
    GAP_COLUMNS,
    GAPS_OVER_DATASETS_COLUMNS,
    Comparison,
    chance_of,
    equal_noise,
    gaps_over_datasets,
    noise_of_units,
)
from benchmark.statistics.gates import (
    POINT,
    RELIABILITY_COLUMNS,
    TRAINED_COLUMNS,
    judge_units,
    scores_alive,
    scores_as_chance,
    trains_at_all,
)
from benchmark.statistics.inference import fieller, interval_of_mean
from benchmark.statistics.interventions import INTERVENTION_COLUMNS, equal_signal
from benchmark.statistics.judged_law import JudgedLaw, judge_law
from benchmark.statistics.law import law_cells
from benchmark.statistics.law_of_frames import law_of_frames
from benchmark.statistics.law_to_ship import law_to_ship
from benchmark.statistics.means import (
    CORRELATION_COLUMNS,
    SERVES_COLUMNS,
    SHARE_COLUMNS,
    Twins,
    correlations_over_datasets,
    rank_correlations,
    serves,
    shares,
)
from benchmark.statistics.over_datasets import (
    FEWEST_DATASETS,
    LEFT_OUT_COLUMNS,
    OVERALL_COLUMNS,
    POOLED,
    leave_one_out,
    over_datasets,
)
from benchmark.statistics.pairwise import blocks_of_datasets, blocks_of_seeds, complete, indistinguishable, pairwise
from benchmark.statistics.power import needed, power
from benchmark.statistics.predictors import averaged, with_predictors
from benchmark.statistics.ranking import RANKING_COLUMNS, kendall_tau_b, ranking
from benchmark.statistics.retention import MEAN, RETENTION_COLUMNS, retentions
from benchmark.statistics.scores import ARM, CELL, HOLE_COLUMNS, IDENTITY, SCORE_COLUMNS, check_scores, holes, summarise
from benchmark.statistics.seen_rows import RATE, RECONSTRUCTION, SEEN_COLUMNS, seen_and_unseen
from benchmark.statistics.signal import ABOVE, NO_SIGNAL, NOT_JUDGED, SIGNAL
from benchmark.statistics.stability import STABILITY_COLUMNS, stability
from benchmark.statistics.steps import WATERFALL_COLUMNS, waterfall
from benchmark.statistics.two_runs import (
    AGREE,
    AGREEMENT_COLUMNS,
    DIFFER,
    ONLY_FIRST,
    ONLY_SECOND,
    TWO_RUNS_COLUMNS,
    agreement,
    two_runs,
)
from benchmark.statistics.variance import VARIANCE_COLUMNS, variance_split
from benchmark.statistics.words import NO_WORD, SIDES, UNDECIDED, WORDS, Word, word

__all__ = [
    "ABOVE",
    "AGREE",
    "AGREEMENT_COLUMNS",
    "ARM",
    "CELL",
    "CONTRAST_COLUMNS",
    "CORRECTED",
    "CORRELATION_COLUMNS",
    "DERIVED",
    "DIFFER",
    "FAMILY",
    "FEWEST_DATASETS",
    "GAPS_OVER_DATASETS_COLUMNS",
    "GAP_COLUMNS",
    "HOLE_COLUMNS",
    "IDENTITY",
    "INTERVENTION_COLUMNS",
    "LEFT_OUT_COLUMNS",
    "MEAN",
    "NOT_JUDGED",
    "NO_SIGNAL",
    "NO_WORD",
    "ONLY_FIRST",
    "ONLY_SECOND",
    "OVERALL_COLUMNS",
    "PAIRED",
    "POINT",
    "POOLED",
    "QUESTION",
    "RANKING_COLUMNS",
    "RATE",
    "REAL",
    "RECONSTRUCTION",
    "RELIABILITY_COLUMNS",
    "RETENTION_COLUMNS",
    "SCORE_COLUMNS",
    "SEEN_COLUMNS",
    "SERVES_COLUMNS",
    "SHARE_COLUMNS",
    "SIDES",
    "SIGNAL",
    "STABILITY_COLUMNS",
    "TRAINED_COLUMNS",
    "TWO_RUNS_COLUMNS",
    "UNDECIDED",
    "VARIANCE_COLUMNS",
    "WATERFALL_COLUMNS",
    "WORDS",
    "Comparison",
    "JudgedLaw",
    "Twins",
    "Word",
    "agreement",
    "average_ranks",
    "averaged",
    "blocks_of_datasets",
    "blocks_of_seeds",
    "chance_of",
    "check_scores",
    "complete",
    "contrasts",
    "correlations_over_datasets",
    "critical_difference",
    "dataset_means",
    "equal_noise",
    "equal_signal",
    "fieller",
    "gaps_over_datasets",
    "holes",
    "indistinguishable",
    "interval_of_mean",
    "judge_law",
    "judge_units",
    "kendall_tau_b",
    "law_cells",
    "law_of_frames",
    "law_to_ship",
    "leave_one_out",
    "needed",
    "noise_of_units",
    "over_datasets",
    "pairwise",
    "power",
    "rank_correlations",
    "ranking",
    "retentions",
    "scores_alive",
    "scores_as_chance",
    "seen_and_unseen",
    "serves",
    "shares",
    "stability",
    "summarise",
    "trains_at_all",
    "two_runs",
    "variance_split",
    "waterfall",
    "with_predictors",
    "word",
]
