"""A million samples in a browser: how long until the first picture, and how much memory. Also a check that it works.

`python -m benchmarks.explore --rows 1000000`

A table of invented samples is written as `curate explore` writes it, each with a picture of its own of about a
kilobyte; a server shows it, and a headless Chromium without a graphics card opens the page, waits for the map and the
first picture, and chooses one iteration. The page must ask nothing of any other address. `--own-server` measures
until Embedding Atlas' own server answers with the same table, which needs all packages that it names. All figures are
from one run; memory is the proportional share (PSS) of all processes.
"""

import io
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
import psutil
import pyarrow as pa
from numpy.typing import NDArray
from PIL import Image

from curation.explore.samples import KNOWN
from curation.explore.schema import ITERATION_KEY, MAP_KEY, table_schema
from curation.explore.writing import Pictures, write_table
from tests.browser import Browser, find_chromium

ITERATIONS, CLUSTERS, PORT = 8, 40, 5056
SWITCHES = ("--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--disable-quic")
"""WebGL is drawn by the processor."""

PICTURE = "[...document.querySelectorAll('img')].some(img => img.complete && img.naturalWidth > 0)"
TEXT = "document.body.innerText.replace(/\\s+/g, ' ')"
MAP = f"document.querySelector('canvas') && /([0-9,]+) \\/ \\1 points/.test({TEXT})"
ROW_OF_ITERATION = """(() => {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let inside = false;
  for (let node; (node = walker.nextNode()); ) {
    const box = node.parentElement.getBoundingClientRect(), text = node.textContent.trim();
    if (box.x < innerWidth * 0.7) continue;
    if (text === 'iteration') inside = true;
    else if (inside && text === '3') return [box.x + box.width / 2, box.y + box.height / 2];
  }
  return null;
})()"""
"""The place of iteration 3 in the list of counts, which is on the right."""


@dataclass(frozen=True)
class Usage:
    """What processes have used.

    Attributes:
        seconds: of the processors.
        megabytes: of memory, at the moment.
    """

    seconds: float
    megabytes: float


def invented(rows: int, rng: np.random.Generator) -> tuple[pa.Table, dict[str, NDArray[np.float32]]]:
    """Return samples of several iterations, most of them not selected, and their places around some centres."""
    number = np.arange(rows)
    names = pa.array([f"day{row * 40 // rows:02d}/clip-{row // 300:05d}-{row % 300:03d}-mp4.png" for row in number])
    state = np.array(["selected", "not selected", "dropped"])[rng.choice(3, rows, p=(0.05, 0.9, 0.05))]
    columns: dict[str, object] = {
        "filename": names,
        "state": state,
        "iteration": number * ITERATIONS // rows + 1,
        "rank": pa.array(number % 1000, pa.int32(), mask=state != "selected"),
        "label_name": [f"day{row * 40 // rows:02d}" for row in number],
        "distance": rng.random(rows),
        "covered_by": names,
        "raw_path": [f"day{row * 40 // rows:02d}/clip-{row // 300:05d}.mp4" for row in number],
        "frame": number % 300,
        "time_s": number % 300 / 30,
        "width": np.full(rows, 960),
        "height": np.full(rows, 540),
        "luma_mean": rng.random(rows) * 255,
        "sharpness": rng.random(rows) * 900,
    }
    arrays = [
        pa.array(columns[field.name], field.type) if field.name in columns else pa.nulls(rows, field.type)
        for field in KNOWN
    ]
    centres = rng.normal(size=(CLUSTERS, 2)) * 4
    places = (centres[rng.integers(0, CLUSTERS, rows)] + rng.normal(size=(rows, 2))).astype(np.float32)
    return pa.table(arrays, schema=KNOWN), {"x": places[:, 0], "y": places[:, 1]}


def pictures_of(rng: np.random.Generator) -> Pictures:
    """Return what makes pictures: a few, each with bytes of its own behind it, so that no two are equal."""
    small = []
    for _ in range(50):
        buffer = io.BytesIO()
        coarse = Image.fromarray(rng.integers(0, 255, (4, 5, 3), dtype=np.uint8))
        coarse.resize((64, 48), Image.Resampling.BICUBIC).save(buffer, "JPEG", quality=50)
        small.append(buffer.getvalue())

    def make(names: Sequence[str]) -> list[bytes | None]:
        return [small[place % len(small)] + rng.bytes(100) for place in range(len(names))]

    return make


def usage(pid: int) -> Usage:
    """Return what a process and those that it has started use."""
    seconds, memory = 0.0, 0
    with suppress(psutil.Error):
        process = psutil.Process(pid)
        for each in (process, *process.children(recursive=True)):
            with suppress(psutil.Error):
                times = each.cpu_times()
                seconds += times.user + times.system
                memory += each.memory_full_info().pss
    return Usage(seconds, memory / 1e6)


@contextmanager
def server(command: Sequence[str]) -> Iterator[subprocess.Popen[bytes]]:
    """Start a server, and end it."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


def wait_for_server(process: "subprocess.Popen[bytes]", patience_s: float) -> float:
    """Wait until a server answers; return the most memory that it took meanwhile, in megabytes."""
    most, end = 0.0, time.monotonic() + patience_s
    while process.poll() is None and time.monotonic() < end:
        most = max(most, usage(process.pid).megabytes)
        with suppress(OSError), urllib.request.urlopen(f"http://localhost:{PORT}/data/metadata.json", timeout=5):
            return most
        time.sleep(0.1)
    raise click.ClickException("the server did not start: is Embedding Atlas installed (requirements-explore.lock)?")


def measure(
    command: Sequence[str], rows: int, screenshot: Path | None, *, with_browser: bool
) -> list[tuple[str, float, float, float]]:
    """Return what was reached, seconds since the start, seconds of the processors, and megabytes.

    Raises:
        click.ClickException: the page does not do what it should.
    """
    chromium = find_chromium()
    if chromium is None:
        raise click.ClickException("there is no Chromium: apt-get install chromium")
    reached: list[tuple[str, float, float, float]] = []
    start = time.monotonic()
    with server(command) as process, tempfile.TemporaryDirectory() as profile:
        most = wait_for_server(process, 600)
        now = usage(process.pid)
        reached.append(("the server answers", time.monotonic() - start, now.seconds, max(most, now.megabytes)))
        if not with_browser:
            return reached
        with Browser(chromium, Path(profile), width=1500, height=950, switches=SWITCHES) as browser:

            def note(what: str) -> None:
                parts = usage(process.pid), usage(browser.pid)
                seconds, megabytes = (sum(getattr(part, name) for part in parts) for name in ("seconds", "megabytes"))
                reached.append((what, time.monotonic() - start, seconds, megabytes))

            browser.visit(f"http://localhost:{PORT}/")
            browser.wait_for(PICTURE)
            note("the first picture")
            browser.wait_for(MAP)
            browser.screenshot()
            note("the map")
            browser.wait_for(ROW_OF_ITERATION)
            place = None
            while place != (place := browser.evaluate(ROW_OF_ITERATION)):  # charts above it still grow
                time.sleep(0.5)
            for kind in ("Moved", "Pressed", "Released"):
                browser.mouse(kind, *place)
            chosen = sum(number * ITERATIONS // rows == 2 for number in range(rows))
            browser.wait_for(f"{TEXT}.includes('{chosen:,} / {rows:,} points') && {PICTURE}")
            note("one iteration chosen")
            if screenshot is not None:
                time.sleep(2)
                screenshot.write_bytes(browser.screenshot())
            strangers = [
                url for url in browser.requests if not url.startswith((f"http://localhost:{PORT}/", "data:", "blob:"))
            ]
            if strangers:
                raise click.ClickException(f"the page asks other addresses: {strangers[:3]}")
    return reached


@click.command()
@click.option("--rows", type=click.IntRange(1000), default=1_000_000, show_default=True)
@click.option("--own-server", is_flag=True, help="Measure Embedding Atlas' own server, too.")
@click.option("--screenshot", type=click.Path(path_type=Path), help="Write a picture of the page to this PNG file.")
def main(rows: int, own_server: bool, screenshot: Path | None) -> None:
    """Measure a table of invented samples in a browser, and check that the page works without a network."""
    with tempfile.TemporaryDirectory() as folder:
        table, rng = Path(folder) / "explore.parquet", np.random.default_rng(0)
        samples, places = invented(rows, rng)
        schema = table_schema().with_metadata({ITERATION_KEY: str(ITERATIONS), MAP_KEY: "x y"})
        start = time.process_time()
        write_table(table, samples, places, schema, pictures_of(rng))
        click.echo(
            f"{rows:,} samples written in {time.process_time() - start:.0f} processor seconds, "
            f"{table.stat().st_size / 1e6:.0f} MB\n"
        )
        del samples
        ours = [sys.executable, "-m", "curate", "explore", str(table), "--show-only", "--port", str(PORT)]
        ways = {"curate explore": ours}
        if own_server:
            ways["embedding-atlas"] = [
                sys.executable,
                "-c",
                "from embedding_atlas.cli import main; main()",
                str(table),
                "--x",
                "x",
                "--y",
                "y",
                "--image",
                "thumbnail",
                "--port",
                str(PORT),
            ]
        click.echo("| server | reached | seconds | processor seconds | MB |\n| --- | --- | --- | --- | --- |")
        for name, command in ways.items():
            for what, seconds, processor, megabytes in measure(command, rows, screenshot, with_browser=command is ours):
                click.echo(f"| {name} | {what} | {seconds:.1f} | {processor:.1f} | {megabytes:.0f} |")


if __name__ == "__main__":
    main()
