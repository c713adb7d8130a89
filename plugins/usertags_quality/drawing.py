"""Small charts as SVG, drawn on the server: no script, and colours come from the stylesheet."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

_WIDTH, _HEIGHT, _GAP = 10, 60, 2
# The minimum number of slots, so that the first days of a project are not drawn as wide bars.
_SLOTS = 30


@dataclass(frozen=True)
class Bar:
    """A day in a chart: `tone` is a CSS class, `value` None is a gap."""

    value: float | None
    tone: str
    title: str
    href: str = ""


def bars(
    values: Sequence[Bar],
    label: str,
    *,
    least: float = 0.0,
    top: float | None = None,
    marks: Sequence[float] = (),
    slots: int = _SLOTS,
) -> Markup:
    """One bar per day; heights from `least` up to `top`, by default the maximum. `marks` are values with a
    dashed line, `slots` the minimum number of slots."""
    top = max((bar.value for bar in values if bar.value is not None), default=0) if top is None else top
    slots = max(len(values), slots)
    parts = [_bar(slots - len(values) + index, bar, least, top) for index, bar in enumerate(values)]
    parts += [_mark(_HEIGHT - _height(mark, least, top), slots * _WIDTH) for mark in marks]
    return _svg(parts, slots * _WIDTH, label)


def _mark(y: float, width: int) -> Markup:
    return Markup('<line class="mark" x1="0" x2="{}" y1="{}" y2="{}"></line>').format(
        width, f"{y:.1f}", f"{y:.1f}"
    )


def _bar(index: int, bar: Bar, least: float, top: float) -> Markup:
    x, height = index * _WIDTH, _height(bar.value, least, top)
    tone = bar.tone if bar.value is not None else "none"
    shape = Markup(
        '<rect class="back" x="{x}" y="0" width="{w}" height="{full}"></rect>'
        '<rect class="bar {tone}" x="{x}" y="{y}" width="{w}" height="{height}"><title>{title}</title></rect>'
    ).format(
        x=x,
        y=f"{_HEIGHT - height:.1f}",
        w=_WIDTH - _GAP,
        full=_HEIGHT,
        height=f"{height:.1f}",
        tone=tone,
        title=bar.title,
    )
    if not bar.href:
        return shape
    # Days are reachable by keyboard in the calendar: sixty tab stops per chart would be inconvenient.
    return Markup('<a href="{}" tabindex="-1">{}</a>').format(bar.href, shape)


def _height(value: float | None, least: float, top: float) -> float:
    """A minimum height, so that a day with 0 is distinguishable from a day without a value."""
    if value is None:
        return 2.0
    if top <= least:
        return float(_HEIGHT)
    return max((value - least) / (top - least) * _HEIGHT, 2.0)


def line(values: Sequence[float | None], label: str, *, width: int = 300) -> Markup:
    """A line through the existing values over the whole width, with a dot at the newest."""
    known = [value for value in values if value is not None]
    low, high = min(known, default=0.0), max(known, default=0.0)
    span = (high - low) or 1.0
    step = (width - 12) / max(len(values) - 1, 1)
    points = [
        (6 + index * step, 54 - (value - low) / span * 48 if high > low else 30)
        for index, value in enumerate(values)
        if value is not None
    ]
    parts: list[Markup] = []
    if points:
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        parts = [Markup('<polyline class="line" points="{}"></polyline>').format(path)]
        x, y = points[-1]
        dot = Markup('<circle class="dot" cx="{}" cy="{}" r="4"></circle>')
        parts.append(dot.format(f"{x:.1f}", f"{y:.1f}"))
    return _svg(parts, width, label, keep=True)


def _svg(parts: Sequence[Markup], width: int, label: str, *, keep: bool = False) -> Markup:
    ratio = "xMinYMid meet" if keep else "none"
    return Markup(
        '<svg class="chart" role="img" aria-label="{}" viewBox="0 0 {} {}" preserveAspectRatio="{}">{}</svg>'
    ).format(escape(label), width, _HEIGHT, ratio, Markup("").join(parts))
