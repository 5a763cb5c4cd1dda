"""`verify`: whether the history of a datapool is what git says it is."""

import shlex
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import get_args

import click
from tqdm import tqdm

from curation.core.errors import BaseError
from curation.history import git
from curation.history.dvc_cache import Cache, open_cache
from curation.inspection.contradictions import lost_by_merge
from curation.inspection.recorded import recorded_commits
from curation.inspection.replay import Replay, Replayer
from curation.inspection.revision import Revision, revision
from curation.inspection.verify import Required, Verdict, sentence, verify


def revisions_of(name: str | None, cache: Cache) -> list[Revision]:
    """Return the revisions to verify, oldest first: of the whole history, of one commit, or of a range."""
    if name is None:
        return list(recorded_commits(revision(None, cache)))[::-1]
    if ".." in name:
        return [revision(commit, cache) for commit, _ in git.parents_in_range(name)]
    return [revision(name, cache)]


def replay_sentences(name: str, replay: Replay) -> list[str]:
    """Say what came of making an iteration again: the end of a revision's line, then a line for each lie."""
    parts = [f"{' and '.join(replay.stages)} came out the same"] if replay.stages else []
    parts += [f"but for the last digits in {', '.join(replay.rounded)}"] if replay.rounded else []
    return ["".join(f"; {part}" for part in [*parts, *replay.left_out]), *(f"{name}: {lie}" for lie in replay.lies)]


def problems_of(damaged: Collection[str], lies: int, unreadable: Collection[str]) -> list[str]:
    """Say what is wrong and what to do about it.

    Args:
        damaged: paths of the objects in the cache whose bytes are not what their names say.
        lies: number of statements of the history that are not true.
        unreadable: names of the revisions with files that cannot be read.
    """
    problems = []
    if damaged:
        listed = "".join(f"\n  rm -f {shlex.quote(path)}" for path in sorted(damaged))
        problems.append(
            f"{len(damaged)} objects of the DVC cache are damaged. Delete them, then `dvc fetch --all-commits` brings "
            f"them back where a remote holds them:{listed}"
        )
    if lies:
        problems.append(
            f"{lies} statements of the history are not true, see above. Compare the commits with those of a colleague "
            "or a backup; `git log -p dvc.lock base.json` says who changed what; `dvc repro` makes a new iteration"
        )
    if unreadable:
        problems.append(
            f"{len(unreadable)} revisions have files that cannot be read ({', '.join(unreadable)}): "
            "`python -m stages.resolve_base --check --range REV^!` says what to do about a commit"
        )
    return problems


@dataclass
class Coverage:
    """How much of what the revisions name was there to be checked.

    Attributes:
        required: how much must be.
        found: MD5 of each object's bytes by its name; None for those that the cache does not hold.
        lacking: names of the revisions that lack something of it.
        is_fetched: whether the remote was asked.
    """

    required: Required
    is_fetched: bool
    found: dict[str, str | None] = field(default_factory=dict)
    lacking: list[str] = field(default_factory=list)

    def add(self, verdict: Verdict) -> None:
        """Count what was checked of a revision."""
        if verdict.lacks(self.required):
            self.lacking.append(verdict.revision.name)

    def problem(self) -> str | None:
        """Say that too little could be checked, and how to get the rest; None where it was enough."""
        checked = sum(value is not None for value in self.found.values())
        missing = len(self.found) - checked
        if self.is_fetched:
            way = "whoever has the others in a cache can `dvc push --all-commits`"
        else:
            way = (
                "`dvc pull` brings what HEAD names, `dvc fetch --all-commits` what all commits do, and --fetch what is "
                "verified"
            )
        if self.required == "some" and self.found and not checked:
            return (
                f"nothing could be checked: the cache holds none of the {missing} objects that are named: {way}; "
                "--require none is content with that"
            )
        if not self.lacking:
            return None
        place = "neither cache nor remote" if self.is_fetched else "not in the cache"
        what = "objects" if self.required == "all" else "objects, some of them of a datapool,"
        return (
            f"{missing} {what} are {'in ' if self.is_fetched else ''}{place}, so that {', '.join(self.lacking[:5])} "
            f"could not be checked as --require {self.required} wants it: {way}"
        )

    def sentence(self, again: str) -> str:
        """Say what was found, and how much was checked where it was not all.

        Args:
            again: how many revisions were made again, as a part of the sentence.
        """
        checked = sum(value is not None for value in self.found.values())
        if checked == len(self.found):
            return f"nothing is damaged{again}"
        return (
            f"{checked} of {len(self.found)} objects checked, nothing of these is damaged{again}; the cache does not "
            "hold the other objects"
        )


@click.command(name="verify")
@click.argument("commits", required=False, metavar="[REV|A..B]")
@click.option("--quick", is_flag=True, help="Only read the cache; make nothing again.")
@click.option("--fetch", is_flag=True, help="Fetch what the cache lacks from the remote; what neither has is an error.")
@click.option(
    "--require",
    type=click.Choice(get_args(Required)),
    help="How much must be there to be checked: nothing, anything at all, the datapool of every revision, or all that "
    "the revisions name. Default: some; with --fetch: all.",
)
def command(commits: str | None, quick: bool, fetch: bool, require: Required | None) -> None:
    r"""Check that the history is what git says it is: every commit that changed dvc.lock, or the given ones.

    Every object of the DVC cache that a commit names is read again. DVC itself does not do so: it hands out one with
    flipped bits and says that it is up to date.

    Then the commit's datapool must build on that of its parents, and its selection and datapool are made again, in a
    temporary folder, with the code, parameters and inputs that the commit recorded: they must come out the same. This
    runs code of former commits, as `dvc repro` there would. The workspace's own dvc.lock is only read. Training and
    embedding are taken as recorded.

    \b
    python -m curate verify                           all of the history
    python -m curate verify main..HEAD                the commits of a branch
    python -m curate verify HEAD --quick              whether one commit's files are sound
    python -m curate verify HEAD --require datapool   in CI, after `dvc pull datapool`
    """
    damaged: set[str] = set()
    lies, checked, replayed, unreadable = 0, 0, 0, list[str]()
    replayer = Replayer()
    coverage = Coverage(require or ("all" if fetch else "some"), is_fetched=fetch)
    with open_cache() as cache, tqdm(desc="read", unit="B", unit_scale=True, disable=None, leave=False) as bar:
        found = revisions_of(commits, cache)
        for verdict in verify(found, bar.update, cache.fetch if fetch else None, coverage.found):
            name = verdict.revision.name
            end, wrong = "", list[str]()
            if verdict.faults:
                wrong = list(lost_by_merge(verdict.revision)) if verdict.revision.is_readable else []
            elif not quick and verdict.revision.commit and not verdict.lies:
                outcome = replayer.replay(verdict.revision)
                end, *wrong = replay_sentences(name, outcome)
                replayed += bool(outcome.stages)
            first, *others = sentence(verdict).splitlines()
            with tqdm.external_write_mode():
                click.echo("\n".join([first + end, *others, *wrong]))
            damaged |= {str(lie.path) for lie in verdict.lies}
            unreadable += [name] if verdict.faults else []
            lies += len(wrong)
            checked += 1
            coverage.add(verdict)
    lacking = coverage.problem()
    if problems := [*problems_of(damaged, lies, unreadable), *([lacking] if lacking else [])]:
        raise BaseError("\n".join(problems))
    again = "" if quick else f", {replayed} of them made again with the same outcome"
    earlier = (
        f"; earlier ones were not looked at: {missing}" if not commits and (missing := git.missing_history()) else ""
    )
    click.echo(f"verify: {checked} revisions, {coverage.sentence(again)}{earlier}")
