"""The layout of the report: style sheet, sections and tables. Every text is escaped here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

DISCLAIMER = "Research use only. Not a medical device."

STYLE = """
:root { color-scheme: light dark; --ink: #1c2126; --soft: #5c666f; --line: #d9dde1; --page: #f6f7f8; --card: #fff;
  --accent: #1f5f8b; --warn: #8a5a00; --warn-page: #fff6e0; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e7ea; --soft: #9aa4ad; --line: #343a40; --page: #16191c;
  --card: #1e2226; --accent: #7db8e0; --warn: #f0c467; --warn-page: #2e2718; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); line-height: 1.45;
  font: 15px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "DejaVu Sans", sans-serif; }
main { max-width: 1180px; margin: 0 auto; padding: 32px 28px 48px; }
h1 { font-size: 27px; font-weight: 600; letter-spacing: -0.01em; margin: 0 0 2px; overflow-wrap: anywhere; }
h2 { font-size: 18px; font-weight: 600; margin: 40px 0 4px; padding-top: 14px; border-top: 1px solid var(--line); }
h3 { font-size: 14px; font-weight: 600; margin: 22px 0 8px; }
p { margin: 4px 0 10px; max-width: 78ch; }
.soft, figcaption, th { color: var(--soft); }
.notice { margin: 14px 0 0; padding: 9px 14px; border-left: 4px solid var(--warn); background: var(--warn-page);
  color: var(--warn); font-weight: 600; max-width: none; }
.warnings { margin: 10px 0 0; padding: 9px 14px 9px 32px; border-left: 4px solid var(--warn);
  background: var(--warn-page); }
.notices { margin: 10px 0 0; padding: 2px 14px 2px 32px; color: var(--soft); font-size: 13.5px; }
.facts { display: flex; flex-wrap: wrap; margin: 18px 0 0; border: solid var(--line); border-width: 1px 0 0 1px; }
.facts div { flex: 1 1 auto; background: var(--card); padding: 10px 14px; border: solid var(--line);
  border-width: 0 1px 1px 0; }
.facts dt { color: var(--soft); font-size: 12.5px; }
.facts dd { margin: 0; font-size: 16.5px; font-weight: 600; white-space: nowrap; font-variant-numeric: tabular-nums; }
.row { display: grid; grid-template-columns: repeat(3, minmax(0, 1fr)); gap: 14px; align-items: start; }
.cards { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 14px; }
.cards.wide { grid-template-columns: minmax(0, 1fr); }
.row.four { grid-template-columns: repeat(4, minmax(0, 1fr)); }
.card { background: var(--card); border: 1px solid var(--line); padding: 10px 12px 12px; break-inside: avoid; }
.card header { display: flex; gap: 10px; align-items: baseline; margin-bottom: 8px; font-size: 13.5px; }
.card header b { overflow-wrap: anywhere; }
.card header .end { margin-left: auto; white-space: nowrap; font-variant-numeric: tabular-nums; }
.card .row { gap: 6px; }
.tag { border: 1px solid var(--accent); color: var(--accent); border-radius: 3px; padding: 0 6px; font-size: 12px;
  white-space: nowrap; }
.tag.warned { border-color: var(--warn); color: var(--warn); }
figure { margin: 0; break-inside: avoid; }
figcaption { font-size: 12.5px; padding-top: 3px; }
svg { display: block; width: 100%; height: auto; max-height: 560px; background: #0d0f12; }
svg text { fill: #fff; paint-order: stroke; stroke: #000; stroke-width: 0.12em; stroke-linejoin: round;
  font-weight: 600; }
svg rect { fill: #fff; stroke: #000; stroke-width: 0.15; }
svg.plot { max-width: 620px; margin-bottom: 14px; background: var(--card); border: 1px solid var(--line); }
svg.plot text { fill: var(--soft); stroke: none; font-weight: 400; }
svg.plot line { stroke: var(--line); stroke-width: 1; }
svg.plot circle { fill: var(--accent); stroke: var(--accent); stroke-width: 1.5; }
svg.plot circle.held { fill: var(--card); }
table { border-collapse: collapse; width: 100%; font-size: 13.5px; font-variant-numeric: tabular-nums;
  background: var(--card); border: 1px solid var(--line); }
th, td { text-align: left; padding: 5px 12px; border-bottom: 1px solid var(--line); vertical-align: top;
  overflow-wrap: anywhere; }
th { font-weight: 500; font-size: 12.5px; }
tr { break-inside: avoid; }
.number { text-align: right; white-space: nowrap; }
.pair { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 14px; align-items: start; }
.bar { width: 340px; max-width: 100%; margin: 4px 0 14px; font-size: 12.5px; color: var(--soft); }
.bar div { height: 10px; border: 1px solid var(--line); print-color-adjust: exact; -webkit-print-color-adjust: exact; }
.bar p { display: flex; justify-content: space-between; margin: 2px 0 0; }
.swatch { display: inline-block; width: 0.8em; height: 0.8em; vertical-align: -0.05em; background: rgb(186, 141, 60); }
footer { margin-top: 40px; padding-top: 12px; border-top: 1px solid var(--line); font-size: 13px; color: var(--soft); }
@media screen and (max-width: 760px) { .cards, .pair { grid-template-columns: 1fr; } main { padding: 18px 14px; } }
@page { margin: 14mm 12mm; @bottom-center { content: "Research use only. Not a medical device.";
  font: 8pt sans-serif; color: #666; } }
@media print { :root { color-scheme: light; --ink: #000; --soft: #444; --line: #bbb; --page: #fff; --card: #fff;
  --accent: #1f5f8b; --warn: #6b4600; --warn-page: #fff; } body { font-size: 10.5pt; } main { padding: 0;
  max-width: none; } h2, h3, .bar, section > p { break-after: avoid; } p, .bar, section > .row { break-inside: avoid; }
  .facts div { padding: 6px 9px; } .facts dd { font-size: 11.5pt; }
  svg { print-color-adjust: exact; -webkit-print-color-adjust: exact; } }
"""


def page(title: str, body: str) -> str:
    """A complete HTML page without scripts and without external resources."""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; img-src data:; '
        "style-src 'unsafe-inline'\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n{body}\n</main>\n"
        "</body>\n</html>\n"
    )


def section(title: str, *parts: str) -> str:
    """A section with its title, or an empty text if there is no content."""
    content = "\n".join(part for part in parts if part)
    return f"<section>\n<h2>{escape(title)}</h2>\n{content}\n</section>" if content else ""


def figure(picture: str, caption: str) -> str:
    return f"<figure>{picture}<figcaption>{escape(caption)}</figcaption></figure>"


def table(head: Sequence[str], rows: Iterable[Sequence[str]], numbers: Sequence[int] = ()) -> str:
    """A table of texts, or an empty text if there are no rows; the columns in `numbers` are right-aligned."""

    def cells(values: Sequence[str], tag: str) -> str:
        styles = ['class="number"' if column in numbers else "" for column in range(len(values))]
        return "".join(f"<{tag} {style}>{escape(v)}</{tag}>" for v, style in zip(values, styles, strict=True))

    body = "".join(f"<tr>{cells(row, 'td')}</tr>" for row in rows)
    return f"<table><thead><tr>{cells(head, 'th')}</tr></thead><tbody>{body}</tbody></table>" if body else ""


def facts(pairs: Iterable[tuple[str, str]]) -> str:
    """The key numbers, as (name, value)."""
    return (
        '<dl class="facts">'
        + "".join(f"<div><dt>{escape(k)}</dt><dd>{escape(v)}</dd></div>" for k, v in pairs)
        + "</dl>"
    )
