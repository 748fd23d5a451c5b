"""The page for people, used in a browser: upload, legend, opacity, downloads, keys."""

import numpy as np
import pytest
from PIL import Image

from deeplab_dpc.config import ServeConfig
from deeplab_dpc.serving import page
from deeplab_dpc.serving.protocols import base64_text
from tests import browser, chromium
from tests.programs import tiny_run
from tests.programs.tiny_run import COLORS, NAMES, opened
from tests.serving.running import png, wait

IMAGES = [image for image, _ in tiny_run.images().values()]
TAB, RIGHT, ENTER = ("Tab", 9), ("ArrowRight", 39), ("Enter", 13)
SEEN = "!document.getElementById('result').hidden"
SHOWN = """[...document.querySelectorAll("#legend tr")].map(
  row => [row.cells[0].textContent, row.cells[1].textContent,
          getComputedStyle(row.querySelector(".swatch")).backgroundColor])"""


def test_a_page_before_its_models_says_so():
    text = page.page([], ServeConfig())
    assert "The models are being loaded." in text and "<option" not in text
    assert "At most 12 MB and 25 million pixels." in text
    assert text.count("http") == text.count("http-equiv")  # Nothing from elsewhere.


@pytest.fixture
def shown(service, tmp_path):
    (tmp_path / "downloads").mkdir()
    with browser.opened(tmp_path, service.address, tmp_path / "downloads") as found:
        yield found
    assert not found.said, found.said


def legend(labels):
    counts = np.bincount(labels.ravel(), minlength=3)
    for i in np.argsort(-counts, kind="stable"):
        if counts[i]:
            share = f"{100 * counts[i] / labels.size:.1f} %"
            yield [NAMES[i], share, f"rgb({', '.join(map(str, COLORS[i]))})"]


class TestInABrowser:
    pytestmark = chromium.NEEDED

    def test_a_photo_becomes_an_overlay_a_legend_and_files(
        self, shown, expected, tmp_path
    ):
        """A photo that its EXIF data turn."""
        exif = Image.Exif()
        exif[0x0112] = 6
        (tmp_path / "street.x.png").write_bytes(png(IMAGES[0], exif=exif))
        upright = np.ascontiguousarray(np.rot90(IMAGES[0], -1))
        (labels,) = expected(upright)
        shown.upload("#file", tmp_path / "street.x.png")
        shown.until(SEEN)
        assert shown.value(SHOWN) == list(legend(labels))
        assert "33 x 40 pixels in" in shown.value("said.textContent")
        downloads = tmp_path / "downloads"
        for kind in ("labels", "overlay"):
            shown.value(f"document.getElementById('save-{kind}').click()")
            wait((downloads / f"street.x_{kind}.png").is_file, 20)
        np.testing.assert_array_equal(opened(downloads / "street.x_labels.png"), labels)
        mixed = 0.45 * upright + 0.55 * np.array(COLORS)[labels]
        overlay = opened(downloads / "street.x_overlay.png")[..., :3]
        assert np.abs(overlay - mixed).max() < 2

    def test_a_model_is_chosen_and_a_bad_file_is_told(self, shown, expected, tmp_path):
        (tmp_path / "a.png").write_bytes(png(IMAGES[2]))
        shown.upload("#file", tmp_path / "a.png")
        shown.until(SEEN)
        names = "[...document.querySelectorAll('option')].map(o => o.value)"
        assert shown.value(names) == ["street", "saved"]
        shown.value("model.value = 'saved'; model.dispatchEvent(new Event('change'))")
        shown.until(SEEN)
        assert shown.value(SHOWN) == list(legend(expected(IMAGES[2])[0]))
        (tmp_path / "b.png").write_bytes(b"no photo")
        shown.upload("#file", tmp_path / "b.png")
        shown.until("said.className == 'wrong'")
        assert "image[0] is no image" in shown.value("said.textContent")
        assert shown.value("result.hidden")
        shown.said.clear()  # The browser notes the 400.
        (tmp_path / "large.png").write_bytes(bytes(800_000))
        shown.upload("#file", tmp_path / "large.png")
        shown.until("said.textContent.includes('0.8 MB, more than may be sent')")

    def test_a_photo_is_dropped_and_another_pasted(self, shown, expected, tmp_path):
        """What is pasted has no name of its own; a text is no photo."""
        (tmp_path / "dropped.png").write_bytes(png(IMAGES[0]))
        shown.drop("#drop", tmp_path / "dropped.png")
        shown.until(SEEN)
        assert shown.value(SHOWN) == list(legend(expected(IMAGES[0])[0]))
        chosen = "document.getElementById('file').files[0].name"
        assert shown.value(chosen) == "dropped.png"
        assert not shown.value("document.querySelector('.over')")
        content = base64_text(png(IMAGES[2]))
        shown.paste(f"""
          const bytes = Uint8Array.from(atob("{content}"), c => c.charCodeAt(0));
          pasted.items.add(new File([bytes], "image.png", {{type: "image/png"}}))""")
        shown.until("said.textContent.startsWith('image.png: ')")
        assert shown.value(SHOWN) == list(legend(expected(IMAGES[2])[0]))
        assert shown.value(chosen) == "image.png"
        shown.paste("pasted.setData('text/plain', 'a word')")
        assert shown.value(SEEN) and shown.value(chosen) == "image.png"

    def test_keys_reach_everything_and_a_narrow_screen_shows_it(self, shown, tmp_path):
        (tmp_path / "a.png").write_bytes(png(IMAGES[2]))
        shown.upload("#file", tmp_path / "a.png")
        shown.until(SEEN)
        reached = []
        for _ in range(5):
            shown.press(*TAB)
            reached.append(shown.value("document.activeElement.id"))
            if reached[-1] == "opacity":
                shown.press(*RIGHT)
        controls = ["model", "file", "opacity", "save-labels", "save-overlay"]
        assert reached == controls
        assert shown.value("getComputedStyle(classes).opacity") == "0.56"
        assert shown.value("document.getElementById('opacity-said').value") == "56 %"
        shown.press(*ENTER)
        wait(lambda: (tmp_path / "downloads" / "a_overlay.png").is_file(), 20)
        for width in (320, 480, 1200):
            shown.resize(width)
            assert shown.value("document.documentElement.scrollWidth") <= width
            wide = "[...document.querySelectorAll('main *')].filter(e => e.getBoundingClientRect().right > innerWidth).map(e => e.id || e.tagName)"
            assert shown.value(wide) == []
        shown.screenshot(tmp_path / "page.png")
