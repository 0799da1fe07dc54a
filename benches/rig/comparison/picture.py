"""Bars as SVG, readable on light and dark pages."""

from dataclasses import dataclass
from html import escape

WIDTH, LABEL, NOTE = 760, 100, 180
BAR, GAP, TITLE = 20, 8, 34
STYLE = """
  text { font: 13px system-ui, -apple-system, "Segoe UI", sans-serif; fill: #57606a; }
  .title { font-size: 14px; font-weight: 600; fill: #24292f; }
  .other { fill: #afb8c1; }
  .ours { fill: #cf5b16; }
  .name-ours { font-weight: 600; fill: #24292f; }
  @media (prefers-color-scheme: dark) {
    text { fill: #9198a1; }
    .title, .name-ours { fill: #e6edf3; }
    .other { fill: #484f58; }
    .ours { fill: #f0883e; }
  }
"""


@dataclass(frozen=True)
class Bar:
    """One bar: whose it is, how long, and what stands beside it."""

    name: str
    value: float
    note: str
    ours: bool = False


@dataclass(frozen=True)
class Panel:
    """Bars that share a scale."""

    title: str
    bars: list[Bar]

    @property
    def height(self) -> int:
        """In pixels, with the room below."""
        return TITLE + len(self.bars) * (BAR + GAP) + 2 * GAP

    def drawn(self, top: int) -> list[str]:
        """Its elements, from `top` downwards."""
        longest = max((bar.value for bar in self.bars), default=0) or 1
        elements = [f'<text class="title" x="0" y="{top + 18}">{escape(self.title)}</text>']
        for number, bar in enumerate(self.bars):
            elements += drawn(bar, top + TITLE + number * (BAR + GAP), bar.value / longest)
        return elements


def drawn(bar: Bar, top: int, share: float) -> list[str]:
    """Name, bar and note, on one line."""
    length = max(2.0, (WIDTH - LABEL - NOTE) * share)
    whose, name = ("ours", ' class="name-ours"') if bar.ours else ("other", "")
    base = top + BAR * 0.72
    return [
        f'<text{name} x="{LABEL - 10}" y="{base:.1f}" text-anchor="end">{escape(bar.name)}</text>',
        f'<rect class="{whose}" x="{LABEL}" y="{top}" width="{length:.1f}" height="{BAR}" rx="3"/>',
        f'<text{name} x="{LABEL + length + 8:.1f}" y="{base:.1f}">{escape(bar.note)}</text>',
    ]


def picture(description: str, panels: list[Panel]) -> str:
    """A whole SVG file, panels beneath each other. `description` is for those who cannot see it."""
    elements, top = [], 0
    for panel in panels:
        elements += panel.drawn(top)
        top += panel.height
    lines = "\n  ".join(elements)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {top}" width="{WIDTH}" height="{top}" '
        f'role="img" aria-label="{escape(description, quote=True)}">\n  <style>{STYLE}  </style>\n  {lines}\n</svg>\n'
    )
