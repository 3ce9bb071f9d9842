"""A headless Chromium that tests drive: real keys and touches, and what a page shows.

Speaks the DevTools protocol over a pair of pipes: NUL-terminated JSON on the browser's
file descriptors 3 and 4 (`--remote-debugging-pipe`).
"""

from __future__ import annotations

import base64
import json
import os
import pathlib
import select
import shutil
import subprocess
import sys
import time

import numpy as np
import pytest

from salcomp.files import images

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_PATIENCE = 60  # seconds
# Puts two descriptors at 3 and 4, wherever they were, and becomes the browser.
_LAUNCH = (
    "import fcntl, os, sys\n"
    "ends = [fcntl.fcntl(int(a), fcntl.F_DUPFD, 10) for a in sys.argv[1:3]]\n"
    "os.dup2(ends[0], 3), os.dup2(ends[1], 4)\n"
    "os.execv(sys.argv[3], sys.argv[3:])"
)
_KEYS = {"ArrowLeft": 37, "ArrowRight": 39, "Enter": 13, "Tab": 9, "End": 35, " ": 32}
_KEYS |= {"+": 187, "0": 48, "s": 83, "ArrowDown": 40}


def path() -> str:
    """Of the browser; skips the test where there is none."""
    for found in filter(None, map(shutil.which, _NAMES)):
        return found
    pytest.skip(f"needs a browser: {', '.join(_NAMES)}")


class Browser:
    """A browser with one page.

    Attributes:
      requests: URLs that the page asked for since `open`.
      problems: exceptions and console errors of the page since `open`.
    """

    def __init__(self, profile: pathlib.Path):
        """Starts it; what it keeps goes into `profile`, an empty folder."""
        command = path()
        commands, self._commands = os.pipe()
        self._answers, answers = os.pipe()
        self._browser = subprocess.Popen(
            [sys.executable, "-c", _LAUNCH, str(commands), str(answers), command]
            + ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
            + ["--disable-dev-shm-usage", "--no-first-run", "--remote-debugging-pipe"]
            + [f"--user-data-dir={profile}", "about:blank"],
            pass_fds=(commands, answers),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(commands)
        os.close(answers)
        self.requests: list[str] = []
        self.problems: list[str] = []
        self._buffer = b""
        self._calls = 0
        self._session = None
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def open(self, url: str, width: int, height: int) -> None:
        """Opens a page afresh, in a window of so many CSS pixels.

        Below 600 wide it is that of a phone, with touch and reduced motion.
        """
        phone = width < 600
        motion = {"name": "prefers-reduced-motion", "value": "reduce" if phone else ""}
        self.call("Emulation.setEmulatedMedia", features=[motion])
        self.call("Emulation.setTouchEmulationEnabled", enabled=phone)
        window = {"width": width, "height": height, "mobile": phone}
        window["deviceScaleFactor"] = 2 if phone else 1
        self.call("Emulation.setDeviceMetricsOverride", **window)
        self.call("Page.navigate", url="about:blank")
        self.wait("location.href === 'about:blank'")
        self.requests.clear()
        self.problems.clear()
        self.call("Page.navigate", url=url)
        self.wait(f"location.href === {json.dumps(url)}")
        self.wait("document.readyState === 'complete'")

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, *_) -> None:
        self._browser.terminate()
        self._browser.wait(_PATIENCE)
        os.close(self._commands)
        os.close(self._answers)

    def call(self, method: str, **params) -> dict:
        """The result of a method of the protocol."""
        self._calls += 1
        message = {"id": self._calls, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._read()
            if answer.get("id") == self._calls:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                return answer["result"]

    def _read(self) -> dict:
        while b"\0" not in self._buffer:
            if not select.select([self._answers], [], [], _PATIENCE)[0]:
                raise TimeoutError("the browser does not answer")
            data = os.read(self._answers, 2**20)
            if not data:
                raise ConnectionError("the browser has ended")
            self._buffer += data
        message, self._buffer = self._buffer.split(b"\0", 1)
        message = json.loads(message)
        method, params = message.get("method"), message.get("params", {})
        if method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
        elif method == "Runtime.exceptionThrown":
            self.problems.append(params["exceptionDetails"]["text"])
        elif method == "Log.entryAdded" and params["entry"]["level"] == "error":
            self.problems.append(params["entry"]["text"])
        return message

    def value(self, expression: str):
        """The JSON value of an expression of JavaScript; promises are awaited."""
        options = {"returnByValue": True, "awaitPromise": True}
        result = self.call("Runtime.evaluate", expression=expression, **options)
        if "exceptionDetails" in result:
            raise RuntimeError(f"{expression}: {result['exceptionDetails']}")
        return result["result"].get("value")

    def wait(self, condition: str) -> None:
        """Until an expression of JavaScript holds."""
        end = time.monotonic() + _PATIENCE
        while not self.value(condition):
            if time.monotonic() > end:
                raise TimeoutError(condition)
            time.sleep(0.02)

    def press(self, key: str, modifiers: int = 0) -> None:
        """Presses and releases a key, as a keyboard does."""
        event = {"key": key, "code": key, "windowsVirtualKeyCode": _KEYS[key]}
        event["modifiers"] = modifiers
        text = {"text": "\r"} if key == "Enter" else {}
        for kind, extra in (("keyDown", text), ("keyUp", {})):
            self.call("Input.dispatchKeyEvent", type=kind, **event, **extra)

    def middle(self, selector: str) -> tuple[float, float]:
        """Where the middle of an element is in the window, which shows it."""
        x, y = self.value(
            f"(() => {{ const e = document.querySelector({json.dumps(selector)});"
            "e.scrollIntoView({block: 'nearest'}); const r = e.getBoundingClientRect();"
            "return [r.x + r.width / 2, r.y + r.height / 2]; })()"
        )
        return x, y

    def tap(self, selector: str) -> None:
        """Touches the middle of an element."""
        self.touch([self.middle(selector)])

    def touch(self, *moments: list[tuple[float, float]]) -> None:
        """Puts fingers down at the places of the first moment, and moves them on."""
        for i, places in enumerate([*moments, []]):
            kind = "touchMove" if i else "touchStart"
            points = [{"x": x, "y": y, "id": n} for n, (x, y) in enumerate(places)]
            kind = kind if places else "touchEnd"
            self.call("Input.dispatchTouchEvent", type=kind, touchPoints=points)

    def drag(self, *places: tuple[float, float]) -> None:
        """Presses the mouse at the first place, and lets go at the last."""
        kinds = ["mousePressed", *["mouseMoved"] * (len(places) - 1)]
        for kind, (x, y) in zip([*kinds, "mouseReleased"], [*places, places[-1]]):
            button = {"button": "left", "buttons": 1, "clickCount": 1}
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, **button)

    def wheel(self, place: tuple[float, float], down: float, modifiers: int = 0):
        """Turns the mouse's wheel at a place, by so many pixels."""
        x, y = place
        turn = {"deltaX": 0, "deltaY": down, "modifiers": modifiers}
        self.call("Input.dispatchMouseEvent", type="mouseWheel", x=x, y=y, **turn)

    def screenshot(self) -> np.ndarray:
        """What the window shows, uint8 [H, W, 3]."""
        data = self.call("Page.captureScreenshot", format="png")["data"]
        return images.decode_image(base64.b64decode(data), "screenshot").rgb
