"""An HTML document in one file: what stands around the sections of a page."""

from collections.abc import Iterable, Mapping

from deeplab_dpc.reports.evaluation import markup, style
from deeplab_dpc.reports.evaluation.markup import text

_POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
    "script-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
)
"""Browsers load nothing from anywhere, whatever a name in the page may say."""


def document(
    title: str,
    heading: str,
    facts: Iterable[tuple[str, str]],
    sections: Mapping[str, str],
    made: str,
    *,
    css: str = "",
    script: str = "",
    head: str = "",
) -> str:
    """The whole page, without references that a browser would load.

    Args:
        title: Of the window, as text.
        heading: Of the page, as text.
        facts: Names and values below the heading.
        sections: HTML by the section's name, in order; empty ones are left out.
        made: When, as text.
        css: More rules after those of `style`.
        script: More lines after the script that sorts tables.
        head: More elements of the head.
    """
    shown = {name: content for name, content in sections.items() if content}
    links = "".join(f'<li><a href="#{name}">{name}</a></li>' for name in shown)
    content = "\n".join(shown.values())
    rules = "\n".join(filter(None, (style.css(), css)))
    lines = "\n".join(filter(None, (style.SCRIPT, script)))
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">{head}
<title>{text(title)}</title>
<style>
{rules}
</style>
</head>
<body>
<header>
<h1>{text(heading)}</h1>
{markup.pairs(facts)}
<nav aria-label="Sections"><ul>{links}</ul></nav>
</header>
<main>
{content}
</main>
<footer>{text(f"deeplab_dpc, {made}")}</footer>
<script>
{lines}
</script>
</body>
</html>
"""
