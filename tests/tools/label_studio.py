"""An export in Label Studio itself: `python -m tests.tools.label_studio PICTURES TASKS --server label-studio`.

PICTURES is the folder of `curate export images`, TASKS that of `curate export label-studio --images local-files:NAME`,
where NAME is the name of PICTURES. The server (`pip install 'label-studio==1.23.*'`, in an environment of its own) is
started on the loopback interface. Tasks are imported by its API, every picture is fetched where its task says, and one
labelling page is looked at with Chromium, if there is one: its canvas holds the picture. It takes two minutes, most of
them for the database of the server. Exit status 1: a picture could not be opened.
"""

import http.cookiejar
import io
import json
import os
import secrets
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from PIL import Image

from tests.browser import Browser, find_chromium

USER = "check@example.org"
PATIENCE_S = 600


class Server:
    """A running Label Studio, as one user sees it."""

    def __init__(self, address: str, token: str) -> None:
        self.address, self._token = address, token

    def call(self, path: str, content: object = None) -> Any:
        """Call the API and return its answer."""
        body = None if content is None else json.dumps(content).encode()
        return json.loads(self.get(path, body))

    def get(self, path: str, body: bytes | None = None) -> bytes:
        """Return what lies at a path of the server.

        Raises:
            RuntimeError: it answers with an error.
        """
        headers = {"Authorization": f"Token {self._token}", "Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.address}{path}", body, headers)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return bytes(answer.read())
        except urllib.error.HTTPError as error:
            raise RuntimeError(f"{path}: {error.code} {error.read()[:500]!r}") from None


@contextmanager
def running(executable: str, document_root: Path, data: Path, password: str) -> Iterator[Server]:
    """Run a server of its own on a free port, whose local files are those below a folder."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token = secrets.token_hex(20)
    settings = {
        "LABEL_STUDIO_BASE_DATA_DIR": str(data),
        "LABEL_STUDIO_LOCAL_FILES_SERVING_ENABLED": "true",
        "LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT": str(document_root),
        "LABEL_STUDIO_ENABLE_LEGACY_API_TOKEN": "true",
        "COLLECT_ANALYTICS": "False",
        "LATEST_VERSION_CHECK": "False",
    }
    command = [executable, "start", "--no-browser", "--internal-host", "127.0.0.1", "--port", str(port)]
    command += ["--username", USER, "--password", password, "--user-token", token]
    with (data / "server.log").open("w") as log:
        process = subprocess.Popen(command, env=os.environ | settings, stdout=log, stderr=log, cwd=data)
    server = Server(f"http://127.0.0.1:{port}", token)
    try:
        end = time.monotonic() + PATIENCE_S
        while not _answers(server):
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"Label Studio did not start:\n{(data / 'server.log').read_text()[-2000:]}")
            time.sleep(1)
        yield server
    finally:
        process.terminate()
        process.wait(30)


def _answers(server: Server) -> bool:
    try:
        server.get("/health")
    except (OSError, RuntimeError):
        return False
    return True


def imported(server: Server, pictures: Path, tasks: Path) -> int:
    """Make a project with the exported interface and tasks, as the guide does, and return its number."""
    interface = (tasks / "labelling.xml").read_text(encoding="utf-8")
    project = int(server.call("/api/projects/", {"title": "Check", "label_config": interface})["id"])
    server.call("/api/storages/localfiles/", {"project": project, "path": str(pictures), "use_blob_urls": True})
    answer = server.call(
        f"/api/projects/{project}/import", json.loads((tasks / "tasks.json").read_text(encoding="utf-8"))
    )
    click.echo(f"imported {answer['task_count']} tasks with {answer['prediction_count']} predictions")
    return project


def unopened(server: Server, project: int) -> dict[str, str]:
    """Fetch the picture of each task where the task says, and return why for each that is not right."""
    wrong: dict[str, str] = {}
    tasks = server.call(f"/api/tasks/?project={project}&page_size=100000&fields=all")["tasks"]
    for task in tasks:
        try:
            with Image.open(io.BytesIO(server.get(task["data"]["image"]))) as picture:
                picture.load()
                if picture.size != (task["data"]["width"], task["data"]["height"]):
                    wrong[task["data"]["image"]] = f"it is {picture.size}"
        except (OSError, RuntimeError) as error:
            wrong[task["data"]["image"]] = str(error)
    click.echo(f"opened {len(tasks) - len(wrong)} of {len(tasks)} pictures")
    return wrong


def seen(server: Server, project: int, password: str, screenshot: Path | None) -> str:
    """Look at a task in a browser, one with a prediction if there is any, and say what it shows."""
    chromium = find_chromium()
    if chromium is None:
        return "no Chromium is installed"
    jar = http.cookiejar.CookieJar()
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
    opener.open(f"{server.address}/user/login/", timeout=60).read()
    form = {"email": USER, "password": password, "csrfmiddlewaretoken": _cookie(jar, "csrftoken")}
    opener.open(f"{server.address}/user/login/", urllib.parse.urlencode(form).encode(), timeout=60).read()
    shown = "Array.from(document.images).find(each => each.src.includes('local-files') && each.naturalWidth > 0)"
    with tempfile.TemporaryDirectory() as profile, Browser(chromium, Path(profile)) as browser:
        cookie = {"name": "sessionid", "value": _cookie(jar, "sessionid"), "url": server.address}
        browser.send("Network.setCookie", cookie)
        tasks = server.call(f"/api/tasks/?project={project}&page_size=100000&fields=all")["tasks"]
        task = max(tasks, key=lambda task: task["total_predictions"])
        browser.send("Page.navigate", {"url": f"{server.address}/projects/{project}/data?task={task['id']}"})
        browser.wait_for(shown)
        time.sleep(3)
        if screenshot is not None:
            screenshot.write_bytes(browser.screenshot())
        size = browser.evaluate(f"(each => `${{each.naturalWidth}} x ${{each.naturalHeight}}`)({shown})")
        chosen = browser.evaluate("document.querySelectorAll('input[type=checkbox]:checked').length")
        return f"a picture of {size}, and {chosen} predicted classes that are chosen already"


def _cookie(jar: http.cookiejar.CookieJar, name: str) -> str:
    return next(str(cookie.value) for cookie in jar if cookie.name == name)


@click.command()
@click.argument("pictures", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("tasks", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--server", "executable", default="label-studio", help="The program `label-studio`.")
@click.option("--screenshot", type=click.Path(path_type=Path), help="Where to write what the labelling page shows.")
def main(pictures: Path, tasks: Path, executable: str, screenshot: Path | None) -> None:
    """Load an export into Label Studio, and look whether its pictures open."""
    pictures, password = pictures.resolve(), secrets.token_hex(16)
    with (
        tempfile.TemporaryDirectory() as data,
        running(executable, pictures.parent, Path(data), password) as server,
    ):
        project = imported(server, pictures, tasks)
        wrong = unopened(server, project)
        for image, reason in wrong.items():
            click.echo(f"  {image}: {reason}")
        click.echo(f"the labelling page shows {seen(server, project, password, screenshot)}")
    raise SystemExit(1 if wrong else 0)


if __name__ == "__main__":
    main()
