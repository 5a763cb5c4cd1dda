"""Scores of samples from what a model predicts of them, each from 0 to 1; the larger, the more there is to learn.

The uncertainties are those of B. Settles, Active Learning Literature Survey, 2009, section 3.1, scaled so that equal
probabilities give 1; with several objects the largest of them counts. Names and meanings are LightlyOne's
(https://docs.lightly.ai/docs/active-learning-scorers).
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from math import log

from curation.labels.given import Given, Label, LabelFileError

_FURTHER = 0.25
"""What each further object of a class counts beside its first, which counts 1."""
_TOLERANCE = 0.02
"""How far the scores of a picture's classes may sum to something else than 1, to be probabilities."""


def least_confidence(probabilities: Sequence[float]) -> float:
    """Return 1 - p of the most probable of c classes, divided by 1 - 1/c."""
    count = len(probabilities)
    return min(1.0, (1 - max(probabilities)) / (1 - 1 / count)) if count > 1 else 0.0


def margin(probabilities: Sequence[float]) -> float:
    """Return 1 - the difference between the two most probable classes."""
    if len(probabilities) < 2:
        return 0.0
    second, first = sorted(probabilities)[-2:]
    return 1 - (first - second)


def entropy(probabilities: Sequence[float]) -> float:
    """Return the entropy over c classes, divided by log c."""
    count = len(probabilities)
    found = -sum(p * log(p) for p in probabilities if p > 0)
    return min(1.0, found / log(count)) if count > 1 else 0.0


_UNCERTAINTIES: Mapping[str, Callable[[Sequence[float]], float]] = {
    "uncertainty_least_confidence": least_confidence,
    "uncertainty_margin": margin,
    "uncertainty_entropy": entropy,
}
_OF_OBJECTS = ("object_frequency", "objectness_least_confidence")
SCORERS = (*_UNCERTAINTIES, *_OF_OBJECTS)
"""All of them; `object_frequency` counts objects, further ones of a class a quarter, and divides by the largest count;
`objectness_least_confidence` is 1 - the mean score of the objects."""


def scores_of(given: Given, samples: Mapping[str, str], scorer: str) -> dict[str, float]:
    """Compute the score of every sample that has predictions.

    Args:
        given: predictions.
        samples: the sample that each of its names means; labels of other names don't count.
        scorer: one of `SCORERS`.

    Raises:
        LabelFileError: the file has not what the scorer needs.
    """
    found: dict[str, list[Label]] = defaultdict(list)
    for label in given.labels:
        if label.name in samples:
            found[samples[label.name]].append(label)
    if scorer in _OF_OBJECTS:
        if all(label.box is None for label in given.labels):
            raise LabelFileError(f"{scorer} is about objects, and there is no box")
        boxes = {sample: [label for label in labels if label.box is not None] for sample, labels in found.items()}
        return _frequencies(boxes) if scorer == "object_frequency" else _objectness(boxes)
    measure = _UNCERTAINTIES[scorer]
    return {sample: max(measure(each) for each in _probabilities(labels, scorer)) for sample, labels in found.items()}


def _frequencies(found: Mapping[str, Sequence[Label]]) -> dict[str, float]:
    counts = {
        sample: sum(1 + _FURTHER * (n - 1) for n in Counter(label.category for label in labels).values())
        for sample, labels in found.items()
    }
    largest = max(counts.values(), default=0) or 1
    return {sample: count / largest for sample, count in counts.items()}


def _objectness(found: Mapping[str, Sequence[Label]]) -> dict[str, float]:
    scores = {sample: [_from_0_to_1(label) for label in labels] for sample, labels in found.items()}
    return {sample: 1 - sum(each) / len(each) if each else 0.0 for sample, each in scores.items()}


def _from_0_to_1(label: Label) -> float:
    if label.score is None or not 0 <= label.score <= 1:
        raise LabelFileError(f"a prediction of {label.name!r} has no score from 0 to 1")
    return label.score


def _probabilities(labels: Sequence[Label], scorer: str) -> list[tuple[float, ...]]:
    """Return the probabilities of each object, or those of the whole picture.

    A picture whose classes are in rows of their own has their scores as probabilities, if these sum to 1.
    """
    given = [label.probabilities for label in labels if label.probabilities is not None]
    if len(given) == len(labels):
        return given
    scores = tuple(label.score for label in labels if label.box is None and label.score is not None)
    if len(scores) == len(labels) > 1 and min(scores) >= 0 and abs(sum(scores) - 1) <= _TOLERANCE:
        return [scores]
    raise LabelFileError(
        f"{scorer} needs the probabilities of all classes, which {labels[0].name!r} has not; where objects have scores "
        "alone, take objectness_least_confidence"
    )
