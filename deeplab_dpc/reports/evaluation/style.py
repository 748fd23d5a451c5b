"""How the page looks, light and dark, and the script that sorts its tables."""

STEPS = 10

Color = tuple[int, int, int]
_PAPERS: dict[str, Color] = {"light": (255, 255, 255), "dark": (24, 28, 34)}
_STRONG: dict[tuple[str, str], Color] = {
    ("light", "right"): (18, 78, 168),
    ("light", "wrong"): (196, 74, 0),
    ("dark", "right"): (116, 172, 255),
    ("dark", "wrong"): (255, 158, 82),
}

_CSS = """
:root { color-scheme: light dark;
  --paper: #ffffff; --page: #f4f6f8; --ink: #1b2430; --muted: #55606e;
  --line: #d8dee6; --accent: #1257b8; --one: #1257b8; --two: #b4470a; --three: #1d7a46;
  --bar: #bcd4f5; --faint: #dfe4ea; }
@media (prefers-color-scheme: dark) { :root {
  --paper: #181c22; --page: #0f1216; --ink: #e7eaef; --muted: #a4aebb;
  --line: #353d48; --accent: #8ab8ff; --one: #8ab8ff; --two: #ffa566; --three: #7ad3a0;
  --bar: #27497a; --faint: #323a45; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
header, main, footer { max-width: 1180px; margin: 0 auto; padding: 0 20px; }
header { padding-top: 28px; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 12px; overflow-wrap: anywhere; }
h2 { font-size: 1.25rem; margin: 0 0 14px; }
h3 { font-size: 1rem; margin: 26px 0 8px; }
h4 { font-size: .95rem; margin: 0 0 6px; overflow-wrap: anywhere; }
a { color: var(--accent); }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
nav ul { display: flex; flex-wrap: wrap; gap: 4px 18px; list-style: none; padding: 0;
  margin: 14px 0 18px; text-transform: capitalize; }
section { background: var(--paper); border: 1px solid var(--line); border-radius: 10px;
  padding: 20px; margin: 0 0 18px; }
footer { color: var(--muted); font-size: .875rem; padding-bottom: 40px; }
.note { color: var(--muted); font-size: .875rem; margin: 10px 0 0; font-weight: 400; }
dl { display: flex; flex-wrap: wrap; gap: 6px 28px; margin: 0; }
dt { color: var(--muted); font-size: .8125rem; }
dd { margin: 0; overflow-wrap: anywhere; }
dl.tiles { display: grid; gap: 12px; margin-bottom: 22px;
  grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); }
.tiles > div { border: 1px solid var(--line); border-radius: 8px; padding: 10px 14px; }
.tiles dd { font-size: 1.6rem; line-height: 1.2; font-variant-numeric: tabular-nums; }
.tiles > div:first-child dd { color: var(--accent); font-weight: 700; }
.scroll { overflow-x: auto; max-width: 100%; }
.beside { display: flex; flex-wrap: wrap; gap: 24px 48px; }
.scroll.tall { max-height: 75vh; overflow: auto; border: 1px solid var(--line); }
.scroll.tall thead th { position: sticky; top: 0; background: var(--paper); }
table { border-collapse: collapse; font-size: .9375rem; }
caption { text-align: left; color: var(--muted); font-size: .875rem; padding: 0 0 6px; }
.scroll.tall caption { padding: 8px; }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden;
  clip-path: inset(50%); }
th, td { padding: 5px 12px; text-align: left; border-bottom: 1px solid var(--line);
  vertical-align: middle; }
thead th { color: var(--muted); font-weight: 600; white-space: nowrap; }
tbody th { font-weight: 500; white-space: nowrap; }
.scores tbody th { position: sticky; left: 0; background: var(--paper); }
.scores { width: 100%; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.scores thead th:not(:first-child), thead th.number { text-align: right; }
.bar { min-width: 150px; background-repeat: no-repeat; background-position: left center;
  background-image: linear-gradient(var(--bar), var(--bar));
  background-size: calc(var(--share, 0) * (100% - 4.6rem)) 72%; }
.bar.faint { background-image: linear-gradient(var(--faint), var(--faint)); }
th button { all: unset; cursor: pointer; padding: 2px 4px; border-radius: 4px; }
th button:focus-visible { outline: 2px solid var(--accent); }
th button::after { content: " ↕"; opacity: .55; }
th[aria-sort="ascending"] button::after { content: " ↑"; opacity: 1; }
th[aria-sort="descending"] button::after { content: " ↓"; opacity: 1; }
.swatch { display: inline-block; width: 13px; height: 13px; margin-right: 8px;
  border: 1px solid var(--muted); border-radius: 3px; vertical-align: -1px; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 18px; list-style: none; padding: 0;
  margin: 10px 0 0; font-size: .875rem; }
.matrix { font-size: .8125rem; font-variant-numeric: tabular-nums; }
.matrix th, .matrix td { padding: 2px; border: 1px solid var(--line); }
.matrix tbody td { width: 34px; min-width: 30px; height: 30px; text-align: center; }
.matrix thead td { color: var(--muted); vertical-align: bottom; padding: 6px; }
.matrix tbody th { position: sticky; left: 0; background: var(--paper); padding: 0 8px;
  text-align: right; }
.matrix thead th { vertical-align: bottom; }
.matrix thead th span { writing-mode: vertical-rl; transform: rotate(180deg);
  padding: 6px 0; line-height: 1; }
svg { display: block; }
svg.chart { width: 100%; min-width: 560px; max-width: 900px; height: auto; }
svg text { fill: var(--muted); font-size: 12px; }
svg .y, svg .row, svg .axis { text-anchor: end; }
svg .x { text-anchor: middle; }
svg .grid { stroke: var(--line); }
svg .line { fill: none; stroke-width: 2; stroke-linejoin: round; }
svg .line.one { stroke: var(--one); } svg .line.two { stroke: var(--two); }
svg .line.three { stroke: var(--three); }
svg rect.bar { fill: var(--one); }
svg .share { stroke: var(--paper); stroke-width: .5; }
svg .clear { fill: transparent; }
svg .clear:hover { stroke: var(--ink); stroke-width: 1.5; }
svg.large text { font-size: 9px; fill: var(--ink); }
svg .cells { image-rendering: pixelated; }
.keys { margin: 6px 0 0; font-size: .875rem; color: var(--muted); }
.keys .unit { font-weight: 600; margin-right: 20px; }
.key { margin-right: 16px; }
.key i { display: inline-block; width: 20px; height: 0; margin-right: 6px;
  vertical-align: 4px; border-top: 3px solid var(--one); }
.key.two i { border-color: var(--two); } .key.three i { border-color: var(--three); }
.examples { display: grid; gap: 18px; }
.panels { display: grid; gap: 8px; grid-template-columns: repeat(4, minmax(0, 1fr)); }
.panels figure { margin: 0; }
.panels img { display: block; width: 100%; height: auto;
  border: 1px solid var(--line); }
.panels .crisp { image-rendering: pixelated; }
figcaption { color: var(--muted); font-size: .8125rem; }
img.cell { display: block; max-width: 100%; min-width: 460px; height: auto;
  background: #ffffff; border-radius: 6px; }
pre { background: var(--page); border: 1px solid var(--line); border-radius: 6px;
  padding: 10px 12px; overflow-x: auto; font-size: .8125rem; white-space: pre-wrap;
  overflow-wrap: anywhere; }
details { border-top: 1px solid var(--line); }
details:first-of-type { margin-top: 16px; }
summary { cursor: pointer; padding: 8px 0; font-weight: 600; }
.settings tbody th { white-space: normal; }
.settings td { font-family: ui-monospace, Menlo, Consolas, monospace;
  font-size: .8125rem; overflow-wrap: anywhere; }
@media (max-width: 700px) {
  header, main, footer { padding-left: 10px; padding-right: 10px; }
  section { padding: 14px 12px; }
  .panels { grid-template-columns: repeat(2, minmax(0, 1fr)); } }
@media print { body { background: none; } section { break-inside: avoid; }
  .scroll, .scroll.tall { overflow: visible; max-height: none; } }
"""

SCRIPT = """
for (const table of document.querySelectorAll("table[data-sortable]")) {
  const heads = [...table.tHead.rows[0].cells], body = table.tBodies[0];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const now = head.getAttribute("aria-sort");
      const first = column === 0 ? "ascending" : "descending";
      const other = column === 0 ? "descending" : "ascending";
      const order = now === first ? other : first;
      const sign = order === "ascending" ? 1 : -1;
      const value = row => row.cells[column].dataset.value;
      const compare = (a, b) => {
        const [x, y] = [value(a), value(b)];
        if (x === "" || y === "") return (x === "") - (y === "");
        return sign * (isNaN(x) || isNaN(y) ? x.localeCompare(y) : x - y);
      };
      heads.forEach(other => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", order);
      body.append(...[...body.rows].sort(compare));
    });
  });
}
""".strip()


def css() -> str:
    """The style sheet, with the matrix's colours for light and dark pages."""
    dark = "@media (prefers-color-scheme: dark) {\n" + _scale_css("dark") + "\n}"
    return "\n".join([_CSS.strip(), _scale_css("light"), dark])


def scale(theme: str, kind: str) -> list[tuple[Color, Color]]:
    """Background and text of each step of the matrix's colours, the palest first.

    Args:
        theme: "light" or "dark".
        kind: "right" or "wrong".
    """
    paper, strong = _PAPERS[theme], _STRONG[theme, kind]
    steps = []
    for step in range(1, STEPS + 1):
        share = 0.06 + 0.94 * step / STEPS
        red, green, blue = (round(p + share * (s - p)) for p, s in zip(paper, strong))
        ground = red, green, blue
        inks: tuple[Color, Color] = (0, 0, 0), (255, 255, 255)
        steps.append((ground, max(inks, key=lambda ink: contrast(ink, ground))))
    return steps


def contrast(one: Color, other: Color) -> float:
    """The contrast of two colours, 1 to 21, as WCAG 2 counts it; text needs 4.5."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _luminance(color: Color) -> float:
    parts = [c / 255 for c in color]
    linear = [
        p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts
    ]
    return sum(weight * p for weight, p in zip((0.2126, 0.7152, 0.0722), linear))


def _scale_css(theme: str) -> str:
    return "\n".join(
        f".{kind}.s{step} {{ background: rgb{ground}; color: rgb{ink}; }}"
        for kind in ("right", "wrong")
        for step, (ground, ink) in enumerate(scale(theme, kind), start=1)
    )
