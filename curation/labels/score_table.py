"""All scores that predictions allow, one row a sample, for people to look at and to go on with."""

import pandas as pd

from curation.labels.given import Given, LabelFileError
from curation.labels.matching import Match
from curation.labels.scorers import SCORERS, scores_of


def score_table(given: Given, match: Match) -> tuple[pd.DataFrame, dict[str, str]]:
    """Compute the scores of all samples of which predictions say something.

    Args:
        given: predictions.
        match: the samples that its names mean.

    Returns:
        `filename`, sorted, and a float64 column for each scorer that the predictions suffice for, from 0 to 1; NaN for
        a sample without what it needs. And why each other scorer has no column.
    """
    columns, left_out = dict[str, dict[str, float]](), dict[str, str]()
    nothing = dict.fromkeys((match.samples[name] for name in given.empty if name in match.samples), 0.0)
    for scorer in SCORERS:
        try:
            columns[scorer] = nothing | scores_of(given, match.samples, scorer)
        except LabelFileError as error:
            left_out[scorer] = str(error)
    names = sorted(set().union(*columns.values()))
    table = pd.DataFrame({"filename": pd.Series(names, dtype=str)})
    return table.assign(**{scorer: table["filename"].map(found) for scorer, found in columns.items()}), left_out
