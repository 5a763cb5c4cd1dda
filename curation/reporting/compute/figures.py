"""Computing every figure of the report, once."""

from curation.reporting.compute.cleaning import cleaning_of
from curation.reporting.compute.distances import SEED
from curation.reporting.compute.examples import examples_of
from curation.reporting.compute.histograms import distances_of
from curation.reporting.compute.maps import MapPoints, map_of
from curation.reporting.compute.migration import migration_of
from curation.reporting.compute.origins import sources_of
from curation.reporting.compute.selection import selection_of
from curation.reporting.compute.series import DISTANCE_SUBSET
from curation.reporting.compute.sets import Sets, make_sets
from curation.reporting.compute.training import training_of
from curation.reporting.compute.words import history_notes, notes, verdict
from curation.reporting.contents.report import ChangedParameter, Configuration, Datapool, Iteration, Report, Savings
from curation.reporting.contents.selection import Selection
from curation.reporting.inputs import ReportInputs


def compute_figures(inputs: ReportInputs, sets: Sets | None = None) -> tuple[Report, MapPoints]:
    """Compute all figures of an iteration.

    Args:
        inputs: the iteration.
        sets: of its samples, where they have been made.
    """
    sets = sets or make_sets(inputs)
    map_figures, points = map_of(sets, inputs.settings.umap_neighbours)
    selection = selection_of(inputs, sets)
    training = training_of(inputs)
    cleaning = cleaning_of(inputs)
    datapool = datapool_of(inputs)
    iteration = int(inputs.iterations["iteration"].max()) if len(inputs.iterations) else 0
    report = Report(
        title=inputs.settings.title,
        iteration=iteration,
        verdict=verdict(selection, datapool),
        notes=(*notes(cleaning, training, selection), *history_notes(inputs)),
        cleaning=cleaning,
        training=training,
        without_embedding=len(inputs.without_embedding),
        migration=migration_of(inputs),
        selection=selection,
        distances=distances_of(sets),
        map=map_figures,
        sources=sources_of(inputs, sets),
        datapool=datapool,
        examples=examples_of(inputs, sets),
        savings=savings_of(inputs, selection),
        configuration=Configuration(
            changed=tuple(changed_parameters(inputs)),
            parameters=inputs.parameters,
            base_datapools=inputs.base_datapools,
            base_commits=inputs.base_commits,
            fingerprint=inputs.fingerprint,
            checkpoint_sha256=inputs.checkpoint_sha256,
        ),
        subset_seed=SEED,
        distance_subset=DISTANCE_SUBSET,
    )
    return report, points


def datapool_of(inputs: ReportInputs) -> Datapool:
    """Return the datapool's size before and after, and its log."""
    rows = inputs.iterations.to_dict("records")
    columns = Iteration.model_fields
    return Datapool(
        size_before=len(inputs.base_samples),
        size_after=len(inputs.datapool_samples),
        united=len(inputs.base_datapools),
        iterations=tuple(Iteration(**{str(key): row[key] for key in row if key in columns}) for row in rows),
    )


def savings_of(inputs: ReportInputs, selection: Selection) -> Savings:
    """Estimate what is saved by labelling the selection instead of all candidates."""
    left_out = selection.candidates - selection.selected
    settings = inputs.settings
    return Savings(
        samples_left_out=left_out,
        share_left_out=left_out / selection.candidates if selection.candidates else None,
        labelling_cost_per_sample=settings.labelling_cost_per_sample,
        currency=settings.currency,
        co2_kg_per_sample=settings.co2_kg_per_sample,
        cost_saved=left_out * settings.labelling_cost_per_sample,
        cost_spent=selection.selected * settings.labelling_cost_per_sample,
        co2_kg_saved=left_out * settings.co2_kg_per_sample,
    )


def changed_parameters(inputs: ReportInputs) -> list[ChangedParameter]:
    """Return the parameters that differ from the template's, in the order of `params.yaml`."""
    defaults = inputs.default_parameters
    return [
        ChangedParameter(key=key, value=value, default=defaults[key])
        for key, value in inputs.parameters.items()
        if key in defaults and defaults[key] != value
    ]
