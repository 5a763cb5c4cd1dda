"""A headless Chromium, driven through its debugging pipe: no further package and no port is needed.

The messages are those of the Chrome DevTools Protocol, https://chromedevtools.github.io/devtools-protocol/.
"""

import base64
import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
SWITCHES = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars", "--mute-audio",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions",
    "--disable-dev-shm-usage", "--force-device-scale-factor=1",
)  # fmt: skip
PATIENCE_S = 60


def find_chromium() -> str | None:
    """Return the path of a Chromium or Chrome; None where there is none."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


class Browser:
    """One page of a headless browser, and everything that it complained about or asked of a network."""

    def __init__(
        self, executable: str, profile: Path, *, width: int = 1400, height: int = 1000, switches: Sequence[str] = ()
    ) -> None:
        to_browser, self._out = os.pipe()
        self._in, from_browser = os.pipe()
        # The browser reads its file descriptor 3 and writes to 4.
        command = 'exec 3<&"$1" 4>&"$2"; shift 2; exec "$@"'
        arguments = [executable, *SWITCHES, *switches, f"--window-size={width},{height}", f"--user-data-dir={profile}"]
        self._process = subprocess.Popen(
            ["bash", "-c", command, "bash", str(to_browser), str(from_browser), *arguments, "--remote-debugging-pipe"],
            pass_fds=(to_browser, from_browser),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(to_browser)
        os.close(from_browser)
        self._number, self._pending = 0, b""
        self._session: str | None = None
        self._loaded = False
        self.complaints: list[str] = []
        self.requests: list[str] = []
        target = self.send("Target.createTarget", {"url": "about:blank"})
        attached = self.send("Target.attachToTarget", {"targetId": target["targetId"], "flatten": True})
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.send(f"{domain}.enable")
        self.resize(width, height)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._in)
        os.close(self._out)

    @property
    def pid(self) -> int:
        """The number of the browser's first process."""
        return self._process.pid

    def send(self, method: str, parameters: Mapping[str, object] | None = None) -> dict[str, Any]:
        """Send a command and return its result."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": dict(parameters or {})}
        if self._session:
            message["sessionId"] = self._session
        content = json.dumps(message).encode() + b"\0"
        while content:
            content = content[os.write(self._out, content) :]
        while True:
            answer = self._receive()
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                result: dict[str, Any] = answer["result"]
                return result

    def resize(self, width: int, height: int) -> None:
        """Give the page another size, in pixels."""
        self.send(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False},
        )

    def open(self, page: Path) -> None:
        """Load a file, and wait until it and what it loads are there."""
        self.visit(page.resolve().as_uri())

    def visit(self, url: str) -> None:
        """Load an address, and wait until it and what it loads are there."""
        self._loaded = False
        self.send("Page.navigate", {"url": url})
        while not self._loaded:
            self._receive()

    def evaluate(self, expression: str) -> Any:
        """Return the value of a JavaScript expression; promises are awaited."""
        found = self.send("Runtime.evaluate", {"expression": expression, "returnByValue": True, "awaitPromise": True})
        if "exceptionDetails" in found:
            raise RuntimeError(json.dumps(found["exceptionDetails"]))
        return found["result"].get("value")

    def wait_for(self, expression: str) -> None:
        """Wait until an expression is true."""
        end = time.monotonic() + PATIENCE_S
        while not self.evaluate(f"Boolean({expression})"):
            if time.monotonic() > end:
                raise TimeoutError(expression)
            time.sleep(0.02)

    def mouse(self, kind: str, x: float, y: float) -> None:
        """Move the mouse, or press or release its button; `kind` is Moved, Pressed or Released."""
        held = kind != "Moved"
        self.send(
            "Input.dispatchMouseEvent",
            {
                "type": f"mouse{kind}", "x": x, "y": y, "button": "left" if held else "none",
                "buttons": int(kind == "Pressed"), "clickCount": int(held),
            },
        )  # fmt: skip

    def drag(self, *corners: tuple[float, float]) -> None:
        """Press the button at the first corner, move through the others, and release it at the last."""
        self.mouse("Pressed", *corners[0])
        for x, y in corners[1:]:
            self.send(
                "Input.dispatchMouseEvent", {"type": "mouseMoved", "x": x, "y": y, "button": "left", "buttons": 1}
            )
        self.mouse("Released", *corners[-1])

    def screenshot(self) -> bytes:
        """Return a PNG of what is seen."""
        found = self.send("Page.captureScreenshot", {"format": "png"})
        return base64.b64decode(found["data"])

    def _receive(self) -> dict[str, Any]:
        """Return the next message; take note of events on the way."""
        while b"\0" not in self._pending:
            ready, _, _ = select.select([self._in], [], [], PATIENCE_S)
            if not ready:
                raise TimeoutError("the browser does not answer")
            content = os.read(self._in, 1 << 20)
            if not content:
                raise RuntimeError("the browser has ended")
            self._pending += content
        text, _, self._pending = self._pending.partition(b"\0")
        message: dict[str, Any] = json.loads(text)
        parameters = message.get("params", {})
        match message.get("method"):
            case "Page.loadEventFired":
                self._loaded = True
            case "Runtime.exceptionThrown":
                self.complaints.append(json.dumps(parameters["exceptionDetails"]))
            case "Runtime.consoleAPICalled":
                self.complaints.append(json.dumps(parameters["args"]))
            case "Log.entryAdded":
                self.complaints.append(parameters["entry"]["text"])
            case "Network.requestWillBeSent":
                self.requests.append(parameters["request"]["url"])
        return message
