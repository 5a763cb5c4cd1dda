"""Images embedded per second: this project's stage, beside the loops that people write. All figures are from one run.

`python -m benchmarks.embed --images FOLDER`; without `--images`, with 1080p photographs from a seed,
since the loops decode the original images, and this project decodes them in the stage `clean`.

Every program embeds the same images with the same weights in a process of its own, with all cores:

- plain: the original files through Pillow, torchvision's transforms and a DataLoader into the eager network in fp32;
- lightly: `lightly.embedding.SelfSupervisedEmbedding.embed` on a `LightlyDataset`, as lightly's own command does;
- ours: from the proxies that the stage `clean` has written, in fp32 and in bf16, and 1 % of the images alone.

Start-up (imports, which all of them need) is not counted, reading the checkpoint is. Of 1 % of the images alone, it is
also told what remains without reading the checkpoint and preparing the network, which is timed by embedding nothing.
`forward` is the network alone on prepared pixels, one thread, in images per second of processor time: the networks take
turns, and each has its best.
"""

import multiprocessing
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage
from tempfile import TemporaryDirectory
from typing import Any

import click
import numpy as np
import torch
from lightly.data import LightlyDataset
from lightly.embedding import SelfSupervisedEmbedding
from numpy.typing import NDArray
from PIL import Image, ImageOps
from torch import nn
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from benchmarks.decode import processor_seconds, scene
from curation.core.cores import available_cores
from curation.image.decode import decode_image
from curation.image.proxies import ProxyReader, ShardWriter, member_name
from curation.model.architecture import Architecture
from curation.model.embedding import decoded, embed_proxies, load_backbone, normalised
from curation.model.inference import InferenceNetwork
from curation.model.networks.packaged import PACKAGED
from curation.model.training.fit import TrainingSettings, fit_projection, initial_model
from curation.model.training.method import network_weights
from curation.model.weights import save_checkpoint

BATCH_SIZE = 16
SHARD = "all.zip"
FORWARD_BATCH_SIZES = (8, 16)
MAX_PIXELS = 100_000_000
PHOTOGRAPH = (1920, 1080)
ROUNDS = 9
BATCHES_A_TURN = 3
ALONE_ROUNDS = 3


@dataclass(frozen=True)
class Task:
    """The task of every program.

    Attributes:
        folder: original images.
        files: their names, relative to it, in order.
        proxies: folder with one shard of proxies.
        members: shard and member of each image.
        checkpoint: of the model.
    """

    folder: Path
    files: tuple[str, ...]
    proxies: Path
    members: tuple[tuple[str, str], ...]
    checkpoint: Path


@dataclass(frozen=True)
class Result:
    """The figures of a program.

    Attributes:
        seconds: wall-clock time.
        processor: seconds of processor time, its workers included.
        memory: peak of it and its workers, MiB.
        embeddings: (n, d), unit length.
    """

    seconds: float
    processor: float
    memory: float
    embeddings: NDArray[np.float32]


def plain(task: Task) -> NDArray[np.float32]:
    """Embed with the loop that one writes first."""
    architecture, backbone = load_backbone(task.checkpoint)
    loader: DataLoader[Any] = DataLoader(
        _Originals(task.folder, task.files, architecture.input_size, (architecture.mean, architecture.std)),
        batch_size=BATCH_SIZE,
        num_workers=available_cores(),
        multiprocessing_context="fork",
    )
    with torch.no_grad():
        return torch.cat([backbone(images) for images in loader]).numpy()


class _Originals(Dataset[Any]):
    """The original files, decoded and transformed."""

    def __init__(self, folder: Path, files: Sequence[str], side: int, statistics: tuple[Any, Any]) -> None:

        self._paths = [folder / file for file in files]
        steps = [transforms.Resize((side, side)), transforms.ToTensor(), transforms.Normalize(*statistics)]
        self._transform = transforms.Compose(steps)

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, index: int) -> Any:
        with Image.open(self._paths[index]) as image:
            return self._transform(ImageOps.exif_transpose(image).convert("RGB"))


def lightly(task: Task) -> NDArray[np.float32]:
    """Embed as `lightly-embed` does."""
    architecture, backbone = load_backbone(task.checkpoint)
    side = architecture.input_size
    steps = [transforms.Resize((side, side)), transforms.ToTensor()]
    transform = transforms.Compose([*steps, transforms.Normalize(architecture.mean, architecture.std)])
    dataset = LightlyDataset(str(task.folder), transform=transform)
    loader = DataLoader(dataset, BATCH_SIZE, num_workers=available_cores(), multiprocessing_context="fork")
    encoder = SelfSupervisedEmbedding(_Model(backbone), None, None, None)
    embeddings, _, names = encoder.embed(loader, torch.device("cpu"))
    row_of = {name: row for row, name in enumerate(names)}
    return np.asarray(embeddings, np.float32)[[row_of[file] for file in task.files]]


class _Model(nn.Module):
    """A backbone as lightly's class wants it."""

    def __init__(self, backbone: nn.Module) -> None:
        super().__init__()
        self.backbone = backbone


def ours(task: Task, precision: str) -> NDArray[np.float32]:
    """Embed as the stage does."""
    return embed_proxies(ProxyReader(task.proxies), task.members, task.checkpoint, BATCH_SIZE, precision=precision)


def ours_fp32(task: Task) -> NDArray[np.float32]:
    """Embed as the stage does, in fp32."""
    return ours(task, "fp32")


def ours_bf16(task: Task) -> NDArray[np.float32]:
    """Embed as the stage does, in bf16."""
    return ours(task, "bf16")


def timed(program: Callable[[Task], NDArray[np.float32]], task: Task) -> Result:
    """Run a program once."""
    torch.set_num_threads(available_cores())
    wall, processor = time.perf_counter(), processor_seconds()
    embeddings = program(task)
    seconds, processor = time.perf_counter() - wall, processor_seconds() - processor
    memory = (getrusage(RUSAGE_SELF).ru_maxrss + getrusage(RUSAGE_CHILDREN).ru_maxrss) / 1024
    return Result(seconds, processor, memory, embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True))


def in_new_process(function: Callable[..., Any], *arguments: object) -> Any:
    """Call a function in a new process, so that its peak memory is its own."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def write_proxies(folder: Path, files: Sequence[str], proxies: Path) -> list[str]:
    """Write one shard with the proxies of all images; return their members."""
    with ShardWriter(proxies / SHARD) as shard:
        for index, file in enumerate(files):
            proxy = decode_image(folder / file, max_pixels=MAX_PIXELS, proxy_size=256).proxy
            shard.add(member_name(index), proxy)
    return [member_name(index) for index in range(len(files))]


def write_checkpoint(path: Path, proxies: Path, members: Sequence[str], backbone: str, side: int) -> None:
    """Write a checkpoint fitted to the images: of the weights of a package, else of random ones.

    The batch norms of random ones have seen some of the images, so that values are in a usual range.
    """
    architecture = Architecture.of(backbone, 32, 128, side)
    settings = TrainingSettings("simclr", 1, None, 16, 1e-3, 0.5, 1, 0, "cpu", pretrained=backbone in PACKAGED)
    model = initial_model(architecture, settings)
    reader = ProxyReader(proxies)
    if not settings.pretrained:
        pixels = np.stack([decoded(reader.jpeg(SHARD, member), side) for member in members[:64]])
        with torch.no_grad():
            for batch in torch.split(normalised(torch.from_numpy(pixels), architecture), BATCH_SIZE):
                model.backbone(batch)
    fit_projection(model, architecture, reader, [(SHARD, member) for member in members])
    save_checkpoint(path, architecture, network_weights(model))


def forward_speed(task: Task, batch_size: int) -> list[tuple[str, float]]:
    """Time the network alone, on one thread and one batch: name, and images per second of processor time."""
    torch.set_num_threads(1)
    architecture, backbone = load_backbone(task.checkpoint)
    side = architecture.input_size
    images = torch.randn(batch_size, 3, side, side, generator=torch.Generator().manual_seed(0))
    laid_out = images.contiguous(memory_format=torch.channels_last)
    networks = [("eager fp32", backbone, images)]
    for precision in ("fp32", "bf16"):
        network: Any = InferenceNetwork(backbone.trunk_for_inference(), backbone.head(), precision, torch.device("cpu"))
        networks.append((f"ours {precision}", network, laid_out))
    times: dict[str, list[float]] = {name: [] for name, _, _ in networks}
    with torch.no_grad():
        for _ in range(ROUNDS + 1):
            for name, network, batch in networks:
                start = time.process_time()
                for _ in range(BATCHES_A_TURN):
                    network(batch)
                times[name].append(time.process_time() - start)
    return [(name, BATCHES_A_TURN * batch_size / min(its[1:])) for name, its in times.items()]


@click.command()
@click.option("--images", default=None, type=click.Path(path_type=Path, exists=True), help="Folder of JPEG images.")
@click.option("--photographs", default=100, show_default=True, help="How many to make where no folder is given.")
@click.option("--limit", default=None, type=int, help="Images at most.")
@click.option("--repeat", default=1, show_default=True, help="How often the list of images is gone through.")
@click.option("--backbone", default="efficientnet-lite0", show_default=True, help="As train.backbone.")
@click.option("--input-size", default=224, show_default=True, help="As train.input_size.")
def main(images: Path | None, photographs: int, limit: int | None, repeat: int, backbone: str, input_size: int) -> None:
    """Time the programs and print one table."""
    os.environ["TQDM_DISABLE"] = "1"  # lightly shows a bar in all circumstances
    with TemporaryDirectory() as name:
        if images is None:
            in_new_process(write_photographs, Path(name), photographs)
        compare(images or Path(name), limit, repeat, backbone, input_size)


def write_photographs(folder: Path, count: int) -> None:
    """Write JPEG files from seeds."""
    for seed in range(count):
        Image.fromarray(scene(*PHOTOGRAPH, seed, grain=6)).save(folder / f"{seed:04d}.jpg", quality=90)


def compare(images: Path, limit: int | None, repeat: int, backbone: str, input_size: int) -> None:
    """Time the programs on images and print one table."""
    files = sorted(path.relative_to(images).as_posix() for path in images.rglob("*.jpg"))[:limit]
    with TemporaryDirectory() as name:
        originals, proxies, checkpoint = Path(name) / "originals", Path(name), Path(name) / "random.ckpt"
        for file in files:
            (originals / file).parent.mkdir(parents=True, exist_ok=True)
            (originals / file).symlink_to((images / file).resolve())
        members = in_new_process(write_proxies, images, files, proxies)
        in_new_process(write_checkpoint, checkpoint, proxies, members, backbone, input_size)
        everything = Task(originals, tuple(files), proxies, tuple((SHARD, member) for member in members), checkpoint)
        task = Task(originals, everything.files * repeat, proxies, everything.members * repeat, checkpoint)
        few = max(1, round(len(task.files) / 100))
        hundredth = Task(originals, task.files[:few], proxies, task.members[:few], checkpoint)
        programs = {"plain": plain, "lightly": lightly, "ours fp32": ours_fp32, "ours bf16": ours_bf16}
        results = {
            # lightly's dataset holds a file once.
            title: in_new_process(timed, program, everything if program is lightly else task)
            for title, program in programs.items()
        }
        nothing = Task(originals, (), proxies, (), checkpoint)
        ours_alone = [(title, program) for title, program in programs.items() if title.startswith("ours")]
        alone = {
            title: [
                min(in_new_process(timed, program, each).seconds for _ in range(ALONE_ROUNDS))
                for each in (hundredth, nothing)
            ]
            for title, program in ours_alone
        }
        forward = {size: in_new_process(forward_speed, task, size) for size in FORWARD_BATCH_SIZES}
    click.echo(f"{backbone} at {input_size} pixels, {len(task.files)} images, {available_cores()} cores")
    _print_table(results)
    for title, (seconds, start) in alone.items():
        whole = results[title].seconds
        click.echo(
            f"{title}, {few} new images alone: {seconds:.2f} s, {seconds / whole:.1%} of all of them; "
            f"{start:.2f} s of it prepare the network, the rest is {(seconds - start) / (whole - start):.1%} of theirs"
        )
    for size, speeds in forward.items():
        for title, speed in speeds:
            ratio = speed / speeds[0][1]
            click.echo(f"forward of {size}, {title}: {speed:.1f} images/s a core, {ratio:.2f} times eager fp32")


def _print_table(results: dict[str, Result]) -> None:
    """Print a line for each program."""
    columns = f"{'':<12}{'images/s':>10}{'ratio':>8}{'cpu ms':>8}{'ratio':>8}{'peak MiB':>10}"
    click.echo(f"{columns}  cosine to ours fp32 (least, mean)")
    first = results["plain"]
    for title, result in results.items():
        cosines = (result.embeddings * results["ours fp32"].embeddings[: len(result.embeddings)]).sum(axis=1)
        click.echo(
            f"{title:<12}{_speed(result):>10.1f}{_speed(result) / _speed(first):>8.2f}"
            f"{_processor_ms(result):>8.1f}{_processor_ms(first) / _processor_ms(result):>8.2f}{result.memory:>10.0f}  "
            f"{cosines.min():.6f} {cosines.mean():.6f}"
        )


def _speed(result: Result) -> float:
    return len(result.embeddings) / result.seconds


def _processor_ms(result: Result) -> float:
    return 1000 * result.processor / len(result.embeddings)


if __name__ == "__main__":
    main()
