"""Chromium without a screen and without network, for tests of pages."""

import html
import json
import re
import shutil
import subprocess

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
NEEDED = [
    pytest.mark.slow,
    pytest.mark.skipif(
        CHROMIUM is None, reason="Chromium is not installed (apt-get install chromium)"
    ),
]
QUIET = (
    *(
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
    ),
    *("--disable-background-networking", "--disable-component-update"),
    *("--disable-sync", "--hide-scrollbars", "--enable-logging=stderr"),
)


def browse(tmp_path, *arguments):
    """What the browser prints; a word on the page's console is a failure."""
    profile = f"--user-data-dir={tmp_path / 'profile'}"
    command = [CHROMIUM, *QUIET, profile, *arguments]
    how = {"capture_output": True, "text": True, "timeout": 120}
    done = subprocess.run(command, check=True, **how)
    said = re.findall(r"CONSOLE.*", done.stderr)
    assert not said, said
    return done.stdout


def look(tmp_path, page, script, *arguments, width=1200):
    """What JavaScript in a page puts into `found`, which has the widths of page and
    window; a frame makes the page narrower than windows are.
    """
    whole = f"""<script>
addEventListener("load", () => {{
const found = {{ width: innerWidth, needed: document.documentElement.scrollWidth }};
{script}
parent.document.title = JSON.stringify(found);
}});
</script></body>"""
    content = html.escape(page.replace("</body>", whole))
    style = f"width:{width}px; height:900px; border:0"
    frame = f'<iframe style="{style}" srcdoc="{content}"></iframe>'
    path = tmp_path / "frame.html"
    path.write_text(f"<!DOCTYPE html><title></title>{frame}")
    dom = browse(tmp_path, *arguments, "--dump-dom", path.as_uri())
    (title,) = re.findall(r"<title>(.*?)</title>", dom, re.DOTALL)
    return json.loads(html.unescape(title))
