"""Stage `select`: choose the samples that join the datapool.

Reads params.yaml (select, train.retrain, and what decodes and embeds images that are queries), data/base (the samples
selected before, and the embeddings of all that was processed before), data/train/checkpoint.ckpt (its hash tells which
embeddings belong together; it embeds images and texts that are queries), data/embed/embeddings (the new embeddings) and
data/embed/objects (those of objects), data/clean/samples.parquet (which samples are new), data/embed/marks.csv (what a
file of given embeddings says of them), and the files that section select names.
Writes data/select/selection.csv (the chosen samples in order), data/select/candidates.parquet (what became of every
candidate, and which selected sample covers it), data/select/budget_curve.csv (what fewer samples would have covered),
data/select/comparison.csv (the chosen rule beside greedy k-center and chance) and data/select/contributions.csv (how
much each strategy speaks for each pick).
"""

import click
import pandas as pd

from curation.core.hashing import sha256_of_file
from curation.datapool.store import EMBEDDINGS_FOLDER, OBJECTS_FOLDER
from curation.execution.choice import engine_of
from curation.params.schema import Params
from curation.pipeline import paths
from curation.pipeline.command import stage_command
from curation.selection.candidates import find_candidates, find_units, known_samples
from curation.selection.chosen import chosen_before, with_chosen
from curation.selection.contributions import picked_last
from curation.selection.described import described, tell_names
from curation.selection.embedded import measures_in_use, read_embeddings
from curation.selection.objects import objects_in_words, read_object_embeddings
from curation.selection.outcome import for_choosing, require_selected, select_units, summary
from curation.selection.outcome_tables import Sides
from curation.selection.queries import queries_of
from curation.selection.sharded.coreset import coreset_on, told
from curation.tables.embeddings import MARKS
from curation.tables.files import read_csv, read_parquet, write_csv, write_parquet
from curation.tables.memory import give_back
from curation.tables.selection import BUDGET_CURVE, CANDIDATES, COMPARISON, CONTRIBUTIONS, SELECTION


def run(params: Params) -> str:
    r"""Choose the samples that join the datapool.

    \b
    Reads  data/base, data/train/checkpoint.ckpt, data/embed/embeddings, data/embed/objects,
           data/clean/samples.parquet, data/embed/marks.csv, the files that select names
    Writes data/select/selection.csv, data/select/candidates.parquet,
           data/select/budget_curve.csv, data/select/comparison.csv,
           data/select/contributions.csv
    """
    checkpoint_hash = sha256_of_file(paths.CHECKPOINT)
    measures = measures_in_use(params.select.strategies)
    processed, embeddings = read_embeddings(
        paths.BASE / EMBEDDINGS_FOLDER, paths.EMBEDDINGS, paths.CHECKPOINT, checkpoint_hash, measures
    )
    samples, marks = read_parquet(paths.SAMPLES, columns=["filename", "is_new"]), read_csv(paths.MARKS, MARKS)
    known = known_samples(samples, embeddings.names, paths.BASE, marks, retrain=params.train.retrain)
    del samples
    give_back(len(processed))
    base, chosen = known.base, known.chosen
    base_embeddings = embeddings.by_name(base)
    found = find_candidates(known, embeddings, base_embeddings, params.select, paths.BASE)
    about = described(processed, params.select)
    for line in tell_names(about, params.select):
        click.echo(f"select: {line}", err=True)
    units = find_units(found.names, about, params.select, may_be_empty=known.may_be_empty)
    candidate_embeddings = embeddings.by_name(found.names)
    queries = queries_of(params, embeddings, paths.BASE, paths.SELECTION.parent)
    objects = read_object_embeddings(
        *(paths.BASE / OBJECTS_FOLDER, paths.OBJECT_EMBEDDINGS, checkpoint_hash),
        tasks=params.select.object_tasks,
        names=[*found.names, *base],
    )
    # Only where there are some: it takes the base's embeddings once more.
    chosen_rows = chosen_before(chosen, known.accepted, embeddings) if chosen else None
    may_be_empty = known.may_be_empty
    about, units = about.for_choosing(params.select), for_choosing(units, params.select)
    names, held_out, dropped = pd.Series(found.names, dtype=str), found.held_out, found.dropped
    del embeddings, processed, known, found  # all that is needed of them was copied
    give_back(len(names))  # the search has use for it
    if line_of_cluster := told(params.execution, params.select):
        click.echo(f"select: {line_of_cluster}", err=True)
    sides = Sides(names, candidate_embeddings, base, base_embeddings)
    choice = select_units(
        *(sides, units, about, params.select, queries, objects), coreset_on(lambda: engine_of(params.execution))
    )
    if not may_be_empty:
        require_selected(choice, params.select)
    line = summary(choice.selection, choice.candidates, len(base), units, params.select, held_out)
    if chosen_rows is not None:
        choice = with_chosen(choice, chosen_rows)
    del sides, base_embeddings, candidate_embeddings
    give_back(len(names))  # writing has use for it
    write_csv(choice.selection, SELECTION, paths.SELECTION)
    write_parquet(choice.candidates, CANDIDATES, paths.CANDIDATES)
    write_csv(choice.curve, BUDGET_CURVE, paths.BUDGET_CURVE)
    write_csv(choice.comparison, COMPARISON, paths.COMPARISON)
    write_csv(choice.contributions, CONTRIBUTIONS, paths.CONTRIBUTIONS)
    reviewed = f"; {dropped} dropped by the review" if params.select.review_file is not None else ""
    before = f"; {len(chosen)} more were chosen before (embed.embeddings_file)" if chosen else ""
    last = picked_last(choice.contributions, params.select.strategies)
    of_objects = objects_in_words(objects, names.tolist(), base) if objects else ""
    return line + last + of_objects + reviewed + before


main = stage_command(run)

if __name__ == "__main__":
    main()
