"""Charts of one run: pure functions from its replay to a Plotly figure, as a plain dict of `data` and `layout`.

The dicts are written by hand, since importing plotly.graph_objects costs a second that a page should not wait for; a
test validates them against it. Texts hold no Plotly markup (the page's security policy forbids the inline styles it
needs), and names are escaped, since Plotly reads a little HTML in them. The stock axis starts at zero.
"""

from collections.abc import Sequence
from typing import Any

from app.analysis.drawing import base_layout, end_label, level_line, plain, spread
from app.analysis.palette import DASHES, PATTERNS, SYMBOLS, Palette, Theme, palette
from app.analysis.replay import MonthReplay, Replay
from app.commons.config import GameConfig
from app.commons.scenario import Words

Figure = dict[str, Any]


def stock_figure(
    replay: Replay, game: GameConfig, words: Words, theme: Theme = "light", *, rules: bool = True
) -> Figure:
    """Return the stock month by month: before and after each harvest, with capacity, floor and collapse threshold.

    The floor of a month is h(t) - f(t): what has to be left for the stock to grow back to where it was. Without *rules*
    (an imported run of another game) floor and thresholds are left out: they would mean nothing.
    """
    colours = palette(theme)
    unit = words.unit_short
    known = [month for month in replay.months if month.stock is not None]
    xs: list[int] = []
    ys: list[int | None] = []
    hover: list[str] = []
    for month in known:
        xs.append(month.month)
        ys.append(month.stock)
        hover.append(f"month {month.month}, before the harvest: {month.stock} {unit}")
        if month.stock_after is not None:
            xs.append(month.month)
            ys.append(month.stock_after)
            hover.append(f"month {month.month}, after the harvest: {month.stock_after} {unit}")
    before = [text.find("before") > 0 for text in hover]
    floors = [month for month in known if month.threshold is not None and rules]
    data: list[dict[str, Any]] = [
        {
            "type": "scatter",
            "name": "stock before (hollow) and after the harvest",
            "x": xs,
            "y": ys,
            "text": hover,
            "hovertemplate": "%{text}<extra></extra>",
            "mode": "lines+markers",
            "line": {"color": colours.accent, "width": 2},
            "marker": {
                "size": 9,
                "color": [colours.surface if is_before else colours.accent for is_before in before],
                "line": {"color": colours.accent, "width": 2},
            },
        },
        {
            "type": "scatter",
            "name": "what has to be left to grow back",
            "x": [month.month for month in floors],
            "y": [(month.stock or 0) - (month.threshold or 0) for month in floors],
            "customdata": [month.threshold for month in floors],
            "hovertemplate": f"f(t) = %{{customdata}} {unit}, so leave %{{y}} {unit}<extra></extra>",
            "mode": "markers",
            "marker": {"symbol": "line-ew", "size": 20, "line": {"color": colours.ok, "width": 3}},
        },
    ]
    data = data if rules else data[:1]
    data += _collapse_mark([month for month in known if month.collapsed and rules], colours, unit)
    layout = base_layout(colours, f"Stock ({words.units})", replay.months_total)
    layout["yaxis"] |= {"range": [0, game.capacity * 1.08], "rangemode": "tozero"}
    layout["shapes"] = [level_line(game.capacity, colours.muted, "dot")]
    layout["annotations"] = [end_label(f"capacity {game.capacity} {unit}", game.capacity, colours.muted, name="level")]
    if rules and game.collapse_threshold > 0:
        layout["shapes"].append(level_line(game.collapse_threshold, colours.bad, "dash"))
        layout["annotations"].append(
            end_label(
                f"collapse below {game.collapse_threshold} {unit}", game.collapse_threshold, colours.bad, name="level"
            )
        )
    layout["margin"]["r"] = 132
    layout["meta"] = {"alt": _stock_alt(known, unit)}
    return {"data": data, "layout": layout}


def catches_figure(replay: Replay, words: Words, theme: Theme = "light", *, rules: bool = True) -> Figure:
    """Return what each agent collected each month, beside the sustainable share f_i(t).

    A tick above a bar is what an agent wanted and did not get. Without *rules* there is no share to show.
    """
    colours = palette(theme)
    unit = words.unit_short
    width = 0.84 / max(1, len(replay.names))
    data: list[dict[str, Any]] = []
    lacking: list[tuple[float, int, str]] = []
    for index, name in enumerate(replay.names):
        months = [(month.month, agent) for month in replay.months if (agent := month.agent(name)) is not None]
        settled = [(number, agent) for number, agent in months if agent.collected is not None]
        offset = (index - (len(replay.names) - 1) / 2) * width
        lacking += [
            (number + offset, agent.wanted, f"{plain(name)} wanted {agent.wanted} {unit}")
            for number, agent in settled
            if agent.wanted is not None and agent.collected is not None and agent.wanted > agent.collected
        ]
        data.append(
            {
                "type": "bar",
                "name": plain(name),
                "x": [number + offset for number, _ in settled],
                "y": [agent.collected for _, agent in settled],
                "width": width * 0.86,
                "customdata": [[number, _said(agent.asked, agent.readable)] for number, agent in settled],
                "hovertemplate": (
                    f"{plain(name)}, month %{{customdata[0]}}: {words.took} %{{y}} {unit}, "
                    "asked %{customdata[1]}<extra></extra>"
                ),
                "marker": {
                    "color": colours.agent(index),
                    "line": {"color": colours.agent(index), "width": 1},
                    "pattern": {
                        "shape": PATTERNS[index % len(PATTERNS)],
                        "fillmode": "overlay",
                        "fgcolor": colours.surface,
                        "fgopacity": 0.75,
                        "size": 6,
                        "solidity": 0.22,
                    },
                },
            }
        )
    if lacking:
        data.append(
            {
                "type": "scatter",
                "name": "wanted, not received",
                "x": [x for x, _, _ in lacking],
                "y": [y for _, y, _ in lacking],
                "text": [text for _, _, text in lacking],
                "hovertemplate": "%{text}<extra></extra>",
                "mode": "markers",
                "marker": {"symbol": "line-ew", "size": 8, "line": {"color": colours.muted, "width": 2}},
            }
        )
    if rules:
        data.append(_shares(replay.months, colours, unit))
    layout = base_layout(colours, f"{words.took.capitalize()} per agent ({words.units})", replay.months_total)
    layout["barmode"] = "overlay"
    layout["yaxis"]["rangemode"] = "tozero"
    layout["meta"] = {"alt": f"What each agent {words.took}, month by month, beside the sustainable share."}
    return {"data": data, "layout": layout}


def gains_figure(replay: Replay, words: Words, theme: Theme = "light") -> Figure:
    """Return each agent's cumulative gain, labelled at the line's end."""
    colours = palette(theme)
    unit = words.unit_short
    data: list[dict[str, Any]] = []
    ends: list[tuple[str, int, str]] = []
    for index, name in enumerate(replay.names):
        points = [
            (month.month, agent.gain)
            for month in replay.months
            if (agent := month.agent(name)) is not None and agent.collected is not None
        ]
        data.append(
            {
                "type": "scatter",
                "name": plain(name),
                "x": [number for number, _ in points],
                "y": [gain for _, gain in points],
                "hovertemplate": f"{plain(name)}, month %{{x}}: %{{y}} {unit} in all<extra></extra>",
                "mode": "lines+markers",
                "line": {"color": colours.agent(index), "width": 2, "dash": DASHES[index % len(DASHES)]},
                "marker": {"symbol": SYMBOLS[index % len(SYMBOLS)], "size": 8, "color": colours.agent(index)},
            }
        )
        if points:
            ends.append((plain(name), points[-1][1], colours.agent(index)))
    layout = base_layout(colours, f"Gain so far ({words.units})", replay.months_total)
    top = max(10, max((gain for _, gain, _ in ends), default=0) * 1.1)
    layout["yaxis"] |= {"range": [0, top], "rangemode": "tozero"}
    layout["showlegend"] = False
    layout["margin"] |= {"r": 92, "t": 48}
    heights = spread([gain for _, gain, _ in ends], gap=top * 0.085, top=top)
    layout["annotations"] = [
        end_label(f"{name} {gain}", height, colour) for (name, gain, colour), height in zip(ends, heights, strict=True)
    ]
    layout["meta"] = {"alt": "Gains so far: " + ", ".join(f"{name} {gain} {unit}" for name, gain, _ in ends) + "."}
    return {"data": data, "layout": layout}


def _collapse_mark(months: Sequence[MonthReplay], colours: Palette, unit: str) -> list[dict[str, Any]]:
    if not months:
        return []
    return [
        {
            "type": "scatter",
            "name": "collapse",
            "x": [month.month for month in months],
            "y": [month.stock_after for month in months],
            "hovertemplate": f"collapse in month %{{x}}: %{{y}} {unit} left<extra></extra>",
            "mode": "markers",
            "marker": {"symbol": "x", "size": 12, "color": colours.bad},
        }
    ]


def _shares(months: Sequence[MonthReplay], colours: Palette, unit: str) -> dict[str, Any]:
    """Return f_i(t) as one level line per month."""
    xs: list[float | None] = []
    ys: list[int | None] = []
    for month in months:
        if month.share is not None:
            xs += [month.month - 0.46, month.month + 0.46, None]
            ys += [month.share, month.share, None]
    return {
        "type": "scatter",
        "name": "sustainable share",
        "x": xs,
        "y": ys,
        "mode": "lines",
        "line": {"color": colours.ok, "width": 3},
        "hovertemplate": f"sustainable share: %{{y}} {unit}<extra></extra>",
    }


def _stock_alt(months: Sequence[MonthReplay], unit: str) -> str:
    if not months:
        return "The stock; no month has begun."
    last = months[-1]
    now = last.stock_after if last.stock_after is not None else last.stock
    return f"Stock over {last.month} months, from {months[0].stock} {unit} to {now} {unit}" + (
        ", ending in collapse." if last.collapsed else "."
    )


def _said(asked: int | None, readable: bool) -> str:
    return str(asked) if readable and asked is not None else "something unreadable"
