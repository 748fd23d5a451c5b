"""What the page adds to the style and the scripts of an evaluation's page."""

CSS = """
progress { width: 100%; height: 14px; accent-color: var(--accent); }
ul.states { display: flex; flex-wrap: wrap; gap: 4px 22px; list-style: none; padding: 0;
  margin: 12px 0 18px; }
.states small { color: var(--muted); }
.errors code { overflow-wrap: anywhere; }
figure.plot { margin: 18px 0 0; max-width: 900px; }
figure.plot.square { max-width: 560px; }
img.plot { display: block; width: 100%; min-width: 520px; height: auto;
  background: #ffffff; border-radius: 6px; }
img.plot.square { min-width: 300px; }
.pair { display: grid; gap: 18px 28px;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 480px), 1fr)); }
.pair > * { min-width: 0; }
.pair > .first { grid-column: 1 / -1; }
.pair h3 { margin-top: 6px; }
.pair p { margin: 0 0 8px; }
img.cell { width: auto; }
img.cell.narrow { min-width: 0; }
details, details:first-of-type { margin-top: 10px; }
table.trials { width: 100%; }
table.trials td { white-space: nowrap; }
table.trials td.code { font-size: .8125rem;
  font-family: ui-monospace, Menlo, Consolas, monospace; }
table.trials tbody th { position: sticky; left: 0; background: var(--paper); }
table.trials th, table.trials td { padding: 5px 8px; }
.tiles dd { font-size: 1.35rem; }
.scroll.tall thead th { z-index: 1; }
section .scroll { margin-top: 12px; }
"""

REFRESH = """
const box = document.querySelector("#refresh input");
if (box) {
  const key = "refresh " + location.pathname;
  const kept = (value) => {
    try {
      if (value !== undefined) sessionStorage.setItem(key, value);
      return sessionStorage.getItem(key);
    } catch { return null; }
  };
  box.checked = kept() !== "off";
  box.addEventListener("change", () => kept(box.checked ? "on" : "off"));
  box.closest("p").hidden = false;
  setInterval(() => { if (box.checked) location.reload(); }, SECONDS * 1000);
}
""".strip()


def refresh(seconds: int) -> str:
    """The script that loads the page again, unless its box is not ticked."""
    return REFRESH.replace("SECONDS", str(seconds))
