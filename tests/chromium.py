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


LOOK = """
found.width = innerWidth; found.needed = document.documentElement.scrollWidth;
found.wide = [...document.querySelectorAll("section, article, figure, pre, details, .scroll")]
  .filter(e => e.getBoundingClientRect().right > innerWidth)
  .map(e => e.id || e.className || e.tagName);
const blank = [...document.images].filter(i => !i.naturalWidth).map(i => i.alt);
found.blank = blank.concat([...document.querySelectorAll("svg[role=img]")]
  .filter(e => !e.getBBox().width).map(e => e.getAttribute("aria-label")));
"""


def look(tmp_path, page, script, *arguments, width=1200):
    """What JavaScript in a page puts into `found`. The page fits into a window of the
    width, a frame, for that may be narrower than windows are; every picture is there.
    """
    whole = f"""<script>
addEventListener("load", () => {{
const found = {{}};
{LOOK}
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
    found = json.loads(html.unescape(title))
    assert found["needed"] <= found["width"] == width
    assert found["wide"] == found["blank"] == []
    return found
