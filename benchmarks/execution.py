"""The stages `clean` and `embed` on a Ray cluster of this machine's cores, beside the local engine on the same cores.

`python -m benchmarks.execution FOLDER`, with photographs and videos in FOLDER; see docs/guides/cluster.md for Ray.

Both engines decode the same files, and embed their proxies by the same network of random weights, in turns; each has
its best round. Processor time is that of this process and of all processes below it, ended ones included: on a machine
that does other things as well, it says more than the clock. Start-up is told apart: the cluster, and the comparison of
its nodes. A first, small round of each engine, for which processes start and import, does not count. Ends with a
non-zero exit status where the engines differ in a byte, or where Ray takes more than 1.15 times the processor time.
"""

import hashlib
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import psutil

from curation.cleaning.decode_file import DecodedFile, Settings
from curation.cleaning.spread import decode_with
from curation.cleaning.tasks import Task, tasks_of
from curation.core.kinds import IMAGE, VIDEO
from curation.execution.choice import engine_of
from curation.execution.engine import Engine
from curation.execution.local import HERE
from curation.image.proxies import ProxyReader
from curation.model.architecture import Architecture
from curation.model.spread_embedding import embed_with
from curation.model.training.fit import TrainingSettings, initial_model
from curation.model.training.method import network_weights
from curation.model.weights import save_checkpoint
from curation.params.clean import CleanParams
from curation.params.execution import ExecutionParams
from curation.params.ingest import IngestParams
from curation.raw.listing import extension_of
from curation.video.declared import declared_frames_of

BAR = 1.15
SETTINGS = Settings.of(CleanParams())
Round = Callable[[Engine], str]
"""Does the work once, and returns a digest of what came out."""


def processor_seconds() -> float:
    """Return the processor time of this process and of all below it so far, those that were waited for included."""
    this = psutil.Process()
    times = [process.cpu_times() for process in (this, *this.children(recursive=True)) if process.is_running()]
    return sum(sum(each[:4]) for each in times)  # user and system, its own and of its ended children


@contextmanager
def timed(into: list[tuple[float, float]]) -> Iterator[None]:
    """Add the seconds of processor time and by the clock."""
    cpu, clock = processor_seconds(), time.perf_counter()
    yield
    into.append((processor_seconds() - cpu, time.perf_counter() - clock))


def listed(folder: Path) -> list[Task]:
    """Return the tasks of a folder's images and videos."""
    known = dict.fromkeys(IngestParams().image_extensions, IMAGE) | dict.fromkeys(
        IngestParams().video_extensions, VIDEO
    )
    paths = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    media = {path: known[extension_of(path)] for path in paths if extension_of(path) in known}
    videos = [path for path, kind in media.items() if kind == VIDEO]
    frames = declared_frames_of([folder / path for path in videos])
    return tasks_of((path, kind, frames.get(folder / path, 1)) for path, kind in media.items())


def write_checkpoint(path: Path) -> None:
    """Write the default network with random weights."""
    architecture = Architecture.of("efficientnet-lite0", 32, 128, 224)
    settings = TrainingSettings("simclr", 1, None, 16, 1e-3, 0.5, 1, 0, "cpu", pretrained=False)
    save_checkpoint(path, architecture, network_weights(initial_model(architecture, settings)))


def digest_of(folder: Path, decoded: list[DecodedFile]) -> str:
    """Return a digest of all shards, and of all that is known of the files."""
    digest = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        digest.update(path.name.encode() + path.read_bytes())
    for file in decoded:
        digest.update(repr((file.path, file.reason, file.shard, list(file.samples))).encode())
    return digest.hexdigest()


def compared(engines: dict[str, Engine], work: Round, rounds: int, what: str) -> bool:
    """Let engines take turns, show their best rounds, and return whether they agree and Ray keeps to the bar."""
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in engines}
    digests = set()
    for _ in range(rounds):
        for name, engine in engines.items():
            with timed(taken[name]):
                digests.add(work(engine))
    (here, here_clock), (there, there_clock) = (tuple(map(min, zip(*each, strict=True))) for each in taken.values())
    click.echo(
        f"{what}: local {here:.1f} s of processor time ({here_clock:.1f} s by the clock), Ray {there:.1f} "
        f"({there_clock:.1f}): {there / here:.2f} times ({there_clock / here_clock:.2f}); "
        f"{'equal bytes' if len(digests) == 1 else 'OTHER BYTES'}"
    )
    return len(digests) == 1 and there <= BAR * here


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--rounds", default=3, show_default=True, help="Rounds of each engine.")
def main(folder: Path, rounds: int) -> None:
    """Compare the engines on the files of FOLDER."""
    root, start = folder.resolve(), list[tuple[float, float]]()
    tasks = listed(root)
    click.echo(f"{sum(len(task.paths) for task in tasks)} files, {sum(task.declared for task in tasks)} frames")
    with TemporaryDirectory() as name, ExitStack() as stack:
        scratch = Path(name)
        with timed(start):
            ray = stack.enter_context(engine_of(ExecutionParams(engine="ray")))
            slots = ray.slots  # the first use connects
        click.echo("start-up of Ray: {:.1f} s of processor time ({:.1f} s by the clock)".format(*start[0]))

        def decode(engine: Engine, shards: Path) -> list[DecodedFile]:
            shards.mkdir()
            return decode_with(engine, tasks, root, shards, SETTINGS, slots)

        def clean(engine: Engine) -> str:
            with TemporaryDirectory(dir=scratch) as temporary:
                return digest_of(Path(temporary) / "shards", decode(engine, Path(temporary) / "shards"))

        engines = {"local": HERE, "ray": ray}
        images = [task for task in tasks if task.media == IMAGE][:1]
        for engine in engines.values():
            with TemporaryDirectory(dir=scratch) as temporary:
                decode_with(engine, images, root, Path(temporary), SETTINGS, slots)
        is_well = compared(engines, clean, rounds, "clean")
        files = decode(HERE, scratch / "proxies")
        members = [(file.shard, sample.member) for file in files for sample in file.samples if sample.member]
        write_checkpoint(scratch / "random.ckpt")
        with ProxyReader(scratch / "proxies") as source:

            def embed(engine: Engine) -> str:
                values = embed_with(engine, source, members, scratch / "random.ckpt", 16, "cpu", "fp32")
                return hashlib.sha256(values.tobytes()).hexdigest()

            for engine in engines.values():
                embed_with(engine, source, members[: 64 * slots], scratch / "random.ckpt", 16, "cpu", "fp32")
            is_well &= compared(engines, embed, rounds, f"embed, {len(members)} samples")
    sys.exit(not is_well)


if __name__ == "__main__":
    main()
