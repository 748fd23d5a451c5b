"""Chromium with a hand on it: real uploads, keys and downloads, over its debugging pipe.

https://chromedevtools.github.io/devtools-protocol
"""

import base64
import contextlib
import json
import os
import pathlib
import subprocess
from collections.abc import Iterator
from typing import Any

from tests.chromium import CHROMIUM, QUIET


class Page:
    """A page; what its console says is kept in `said`."""

    def __init__(self, reads: int, writes: int):
        self._reads, self._writes = reads, writes
        self._number, self._left, self.said = 0, b"", []
        self._session: dict[str, str] = {}

    def open(self, url: str, downloads: pathlib.Path, width: int) -> None:
        allowed = {"behavior": "allow", "downloadPath": str(downloads)}
        self.call("Browser.setDownloadBehavior", **allowed)
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        how = {"targetId": target, "flatten": True}
        session = self.call("Target.attachToTarget", **how)["sessionId"]
        self._session = {"sessionId": session}
        for domain in ("Page", "Runtime", "DOM", "Log"):
            self.call(f"{domain}.enable")
        self.resize(width)
        self.call("Page.navigate", url=url)
        self.until(
            "document.readyState == 'complete' && location.href != 'about:blank'"
        )

    def resize(self, width: int) -> None:
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        self.call("Emulation.setDeviceMetricsOverride", **size)

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """What the browser answers."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        os.write(self._writes, json.dumps(message | self._session).encode() + b"\0")
        while True:
            found = self._message()
            if found.get("id") == self._number:
                assert "error" not in found, found
                return found["result"]
            if found.get("method") in ("Runtime.exceptionThrown", "Log.entryAdded"):
                self.said.append(found["params"])

    def _message(self) -> dict[str, Any]:
        while b"\0" not in self._left:
            part = os.read(self._reads, 1 << 20)
            assert part, "The browser has ended."
            self._left += part
        text, _, self._left = self._left.partition(b"\0")
        return json.loads(text)

    def value(self, script: str) -> Any:
        """A script's value; of a promise what it comes to."""
        how = {"expression": script, "returnByValue": True, "awaitPromise": True}
        found = self.call("Runtime.evaluate", **how)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def until(self, condition: str) -> None:
        """Waits in the page until a condition holds, for half a minute."""
        script = f"""new Promise((done, failed) => {{
          let left = 600;
          const look = () => {{
            if ({condition}) done(); else if (left--) setTimeout(look, 50);
            else failed(new Error("waited in vain"));
          }};
          look();
        }})"""
        self.value(script)

    def upload(self, selector: str, path: pathlib.Path) -> None:
        """Chooses a file in an input."""
        root = self.call("DOM.getDocument")["root"]["nodeId"]
        node = self.call("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self.call("DOM.setFileInputFiles", nodeId=node, files=[str(path)])

    def drop(self, selector: str, path: pathlib.Path) -> None:
        """Drags a file from outside onto an element, and lets it go there."""
        script = f"document.querySelector('{selector}').getBoundingClientRect()"
        box = self.value(f"{script}.toJSON()")
        where = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
        data = {"items": [], "files": [str(path)], "dragOperationsMask": 1}
        for kind in ("dragEnter", "dragOver", "drop"):
            self.call("Input.dispatchDragEvent", type=kind, data=data, **where)

    def paste(self, what: str) -> None:
        """Pastes what a script puts into a DataTransfer called `pasted`."""
        self.value(f"""{{
          const pasted = new DataTransfer();
          {what};
          const how = {{clipboardData: pasted, bubbles: true, cancelable: true}};
          document.activeElement.dispatchEvent(new ClipboardEvent("paste", how));
        }}""")

    def press(self, key: str, code: int) -> None:
        """Presses a key, by its name and its number in Windows."""
        what = {"key": key, "code": key, "windowsVirtualKeyCode": code}
        text = {"text": "\r"} if key == "Enter" else {}
        self.call("Input.dispatchKeyEvent", type="keyDown", **what, **text)
        self.call("Input.dispatchKeyEvent", type="keyUp", **what)

    def screenshot(self, path: pathlib.Path) -> None:
        data = self.call("Page.captureScreenshot", captureBeyondViewport=True)["data"]
        path.write_bytes(base64.b64decode(data))


@contextlib.contextmanager
def opened(
    tmp_path: pathlib.Path, url: str, downloads: pathlib.Path, width: int = 1200
) -> Iterator[Page]:
    """A page in a browser of its own."""
    ours_in, theirs_out = os.pipe()
    theirs_in, ours_out = os.pipe()
    command = [CHROMIUM, *QUIET, f"--user-data-dir={tmp_path / 'profile'}"]
    # The browser reads from file 3 and writes to file 4.
    script = f'exec "$@" 3<&{theirs_in} 4>&{theirs_out}'
    process = subprocess.Popen(
        ["bash", "-c", script, "bash", *command, "--remote-debugging-pipe"],
        pass_fds=(theirs_in, theirs_out),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(theirs_in)
    os.close(theirs_out)
    try:
        page = Page(ours_in, ours_out)
        page.open(url, downloads, width)
        yield page
    finally:
        process.kill()
        process.wait()
        os.close(ours_in)
        os.close(ours_out)
