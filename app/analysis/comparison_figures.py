"""The charts of a comparison: pure functions from groups of runs to Plotly figures (see figures.py for the rules).

Identity is carried by colour, dash and a label at the line's end. All runs of a group are one trace with gaps, so that
hundreds of runs draw quickly; points carry their run's id.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, get_args

from app.analysis.ask import Answers
from app.analysis.drawing import base_layout, end_label, plain, short, spread
from app.analysis.groups import ComparedRun, Group
from app.analysis.intervals import FEWEST, mean
from app.analysis.palette import DASHES, SYMBOLS, Palette, Theme, palette
from app.analysis.summary import RunSummary

Figure = dict[str, Any]
FigureName = Literal["survival", "stock", "gini", "gain", "promises"]
FIGURES: tuple[FigureName, ...] = get_args(FigureName)
TITLES: Mapping[FigureName, str] = {
    "survival": "Survival (Kaplan-Meier): share of runs without a collapse",
    "stock": "Stock after the harvest: runs thin, mean of each group thick",
    "gini": "Inequality: Gini of the gains so far",
    "gain": "Gain so far, per agent",
    "promises": "Said against did: share of agreements kept, by month",
}
RISK_ROW, RISK_TOP = 17, 62
MOST_MARKED = 12

Members = Mapping[str, Sequence[ComparedRun]]


def comparison_figure(
    name: FigureName, groups: Sequence[Group], members: Members, answers: Answers = "with", theme: Theme = "light"
) -> Figure:
    """Return the chart *name*.

    Args:
        name: which.
        groups: the groups in numbers, in the order of their colours.
        members: the runs that count, by group label.
        answers: what unreadable answers count as, for the curve's marks.
        theme: light or dark.
    """
    colours = palette(theme)
    if name == "survival":
        return _survival(groups, members, answers, colours)
    if name == "promises":
        return _promises(groups, colours)
    unit = _unit(members)
    series: Callable[[RunSummary], Sequence[float | None]]
    if name == "stock":
        title, start, series = f"Stock after the harvest ({unit})", True, _stocks
    elif name == "gini":
        title, start, series = "Gini of gains so far (0: equal)", False, lambda summary: summary.ginis
    else:
        title, start, series = f"Gain so far, mean per agent ({unit})", False, lambda summary: summary.gains
    return _lines(title, groups, members, series, colours, from_zero=start, dip=name == "stock")


def by_month(
    runs: Sequence[ComparedRun], series: Callable[[RunSummary], Sequence[float | None]], months: int, *, dip: bool
) -> list[list[float]]:
    """Return the values of *runs* for each month.

    A collapsed run keeps its last value (0 where *dip* is set); one that stopped early leaves.
    """
    found: list[list[float]] = []
    for month in range(1, months + 1):
        values = []
        for run in runs:
            own = series(run.summary)
            if month <= len(own):
                value = own[month - 1]
            elif run.summary.outcome.collapsed and own:
                value = 0.0 if dip else own[-1]
            else:
                value = None
            if value is not None:
                values.append(float(value))
        found.append(values)
    return found


def series_of(name: FigureName) -> Callable[[RunSummary], Sequence[float | None]]:
    """Return what the chart *name* shows of a run, month by month."""
    if name == "stock":
        return _stocks
    return (lambda summary: summary.ginis) if name == "gini" else (lambda summary: summary.gains)


def _stocks(summary: RunSummary) -> Sequence[float | None]:
    return summary.stocks


def _lines(
    title: str,
    groups: Sequence[Group],
    members: Members,
    series: Callable[[RunSummary], Sequence[float | None]],
    colours: Palette,
    *,
    from_zero: bool,
    dip: bool,
) -> Figure:
    months = max((max(group.months) for group in groups), default=12)
    data: list[dict[str, Any]] = []
    ends: list[tuple[str, float, str]] = []
    top = 0.0
    for place, group in enumerate(groups):
        colour = _colour(colours, place, len(groups))
        runs = members[group.label]
        thin = _thin(runs, series, colour, group.label, from_zero=from_zero)
        top = max([top, *(y for y in thin["y"] if y is not None)])
        data.append(thin)
        values = by_month(runs, series, months, dip=dip)
        known = [(month, mean(own)) for month, own in enumerate(values, 1) if own]
        if not known or len(runs) < 2:
            if runs and series(runs[0].summary):
                ends.append((group.label, float(series(runs[0].summary)[-1] or 0), colour))
            continue
        if not dip and len(runs) >= FEWEST:
            data.append(_band([(m, e.low, e.high) for m, e in known if e.low is not None], colour, group.label))
        data.append(
            {
                "type": "scatter",
                "name": f"mean of {plain(group.label)}",
                "x": [month for month, _ in known],
                "y": [estimate.value for _, estimate in known],
                "text": [f"n = {estimate.n}" for _, estimate in known],
                "mode": "lines",
                "line": {"color": colour, "width": 3.5, "dash": DASHES[place % len(DASHES)]},
                "hovertemplate": f"mean of {plain(group.label)}, month %{{x}}: %{{y:.2f}} (%{{text}})<extra></extra>",
            }
        )
        ends.append((group.label, known[-1][1].value or 0.0, colour))
    layout = _layout(colours, title, months, ends, top=max(top * 1.08, 0.1))
    layout["xaxis"] |= {"range": [-0.2 if from_zero else 0.6, months + 0.3], "tick0": 0 if from_zero else 1}
    layout["meta"] = {"alt": f"{title}, month by month, {len(groups)} groups."}
    return {"data": data, "layout": layout}


def _thin(
    runs: Sequence[ComparedRun],
    series: Callable[[RunSummary], Sequence[float | None]],
    colour: str,
    label: str,
    *,
    from_zero: bool,
) -> dict[str, Any]:
    xs: list[float | None] = []
    ys: list[float | None] = []
    ids: list[str] = []
    texts: list[str] = []
    for run in runs:
        points: list[tuple[int, float | None]] = [(0, float(run.summary.initial))] if from_zero else []
        points += list(enumerate(series(run.summary), 1))
        for x, y in (*points, (None, None)):
            xs.append(x)
            ys.append(y)
            ids.append(run.run)
            texts.append(plain(run.label))
    return {
        "type": "scatter",
        "name": f"runs of {plain(label)}",
        "x": xs,
        "y": ys,
        "customdata": ids,
        "text": texts,
        # Thousands of marks would take a browser seconds; lines can be pointed at and clicked too.
        "mode": "lines+markers" if len(runs) <= MOST_MARKED else "lines",
        "marker": {"size": 4, "color": colour},
        "line": {"color": colour, "width": 1},
        "opacity": 0.35 if len(runs) > 1 else 1,
        "hovertemplate": "%{text}, month %{x}: %{y:.4g}<extra></extra>",
    }


def _band(points: Sequence[tuple[float, float | None, float | None]], colour: str, label: str) -> dict[str, Any]:
    known = [(x, low, high) for x, low, high in points if low is not None and high is not None]
    return {
        "type": "scatter",
        "name": f"95 % interval of {plain(label)}",
        "x": [x for x, _, _ in known] + [x for x, _, _ in reversed(known)],
        "y": [low for _, low, _ in known] + [high for _, _, high in reversed(known)],
        "mode": "lines",
        "fill": "toself",
        "fillcolor": colour + "22",
        "line": {"color": colour, "width": 0},
        "hoverinfo": "skip",
        "showlegend": False,
    }


def _survival(groups: Sequence[Group], members: Members, answers: Answers, colours: Palette) -> Figure:
    months = max((group.curve.horizon for group in groups), default=12)
    data: list[dict[str, Any]] = []
    ends: list[tuple[str, float, str]] = []
    for place, group in enumerate(groups):
        colour, curve = _colour(colours, place, len(groups)), group.curve
        stairs: list[tuple[float, float | None, float | None]] = []
        for step in curve.steps:
            if step.low is not None:
                stairs += [(step.month, step.low, step.high), (step.month + 1, step.low, step.high)]
        stairs = [(min(x, curve.horizon), low, high) for x, low, high in stairs]
        if stairs:
            data.append(_band(stairs, colour, group.label))
        known = [
            step for step in curve.steps if step.month <= max(1, curve.known_until) or curve.at(curve.horizon) == 0
        ]
        data.append(
            {
                "type": "scatter",
                "name": plain(group.label),
                "x": [0, *(step.month for step in known)],
                "y": [1.0, *(step.survival for step in known)],
                "text": [f"{step.at_risk} at risk" for step in (*known[:1], *known)],
                "mode": "lines",
                "line": {"color": colour, "width": 2.5, "shape": "hv", "dash": DASHES[place % len(DASHES)]},
                "hovertemplate": f"{plain(group.label)}, month %{{x}}: %{{y:.0%}}, %{{text}}<extra></extra>",
            }
        )
        data.append(_marks(group, members[group.label], answers, colour, place))
        if known:
            ends.append((group.label, known[-1].survival, colour))
    layout = _layout(colours, "Share of runs without a collapse", months, ends, top=1.04)
    layout["yaxis"] |= {"range": [-0.03, 1.04], "tickvals": [0, 0.25, 0.5, 0.75, 1]}
    layout["yaxis"]["ticktext"] = ["0 %", "25 %", "50 %", "75 %", "100 %"]
    layout["xaxis"] |= {"range": [-0.2, months + 0.2], "tick0": 0}
    layout["xaxis"]["title"] = {**layout["xaxis"]["title"], "text": "month; below: runs at risk"}
    layout["margin"]["b"] = RISK_TOP + 12 + RISK_ROW * len(groups)
    layout["annotations"] += _at_risk(groups, colours, months)
    counts = ", ".join(f"{group.label} {group.curve.at(months):.0%}" for group in groups[:8])
    layout["meta"] = {"alt": f"Kaplan-Meier survival curves. Share without a collapse at the end: {counts}."}
    return {"data": data, "layout": layout}


def _marks(group: Group, runs: Sequence[ComparedRun], answers: Answers, colour: str, place: int) -> dict[str, Any]:
    """Return a mark a run that collapsed, and a tick a run that stopped early, on the curve."""
    chosen = [(run, run.outcome(answers)) for run in runs]
    shown = [(run, one) for run, one in chosen if one.collapsed or not one.complete]
    return {
        "type": "scatter",
        "name": f"collapses and early stops of {plain(group.label)}",
        "x": [one.month for _, one in shown],
        "y": [group.curve.at(one.month) for _, one in shown],
        "customdata": [run.run for run, _ in shown],
        "text": [f"{plain(run.label)} {'collapsed' if one.collapsed else 'stopped early'}" for run, one in shown],
        "mode": "markers",
        "marker": {
            "symbol": [SYMBOLS[place % len(SYMBOLS)] if one.collapsed else "line-ns" for _, one in shown],
            "size": [7 if one.collapsed else 14 for _, one in shown],
            "color": colour,
            "line": {"color": colour, "width": 1.5},
        },
        "showlegend": False,
        "hovertemplate": "%{text} in month %{x}<extra></extra>",
    }


def _at_risk(groups: Sequence[Group], colours: Palette, months: int) -> list[dict[str, Any]]:
    shown = [1, *range(3, months + 1, max(3, 3 * (months // 24)))]
    names = [
        {
            **end_label(plain(short(group.label)), 0, _colour(colours, row, len(groups)), name="risk"),
            "yref": "paper",
            "yshift": -(RISK_TOP + RISK_ROW * row),
        }
        for row, group in enumerate(groups)
    ]
    return names + [
        {
            "name": "risk",
            "text": str(group.curve.steps[month - 1].at_risk),
            "x": month,
            "y": 0,
            "yref": "paper",
            "yshift": -(RISK_TOP + RISK_ROW * row),
            "showarrow": False,
            "font": {"color": _colour(colours, row, len(groups)), "size": 12},
        }
        for row, group in enumerate(groups)
        for month in shown
        if month <= group.curve.horizon
    ]


def _promises(groups: Sequence[Group], colours: Palette) -> Figure:
    months = max((max(group.months) for group in groups), default=12)
    data: list[dict[str, Any]] = []
    ends: list[tuple[str, float, str]] = []
    for place, group in enumerate(groups):
        colour = _colour(colours, place, len(groups))
        known = [(int(kept.by), kept) for kept in group.promises.months if kept.share is not None]
        data.append(
            {
                "type": "scatter",
                "name": plain(group.label),
                "x": [month for month, _ in known],
                "y": [kept.share for _, kept in known],
                "text": [f"{kept.kept} of {kept.kept + kept.broken}" for _, kept in known],
                "mode": "lines+markers",
                "line": {"color": colour, "width": 2, "dash": DASHES[place % len(DASHES)]},
                "marker": {"symbol": SYMBOLS[place % len(SYMBOLS)], "size": 8, "color": colour},
                "hovertemplate": f"{plain(group.label)}, month %{{x}}: %{{text}} kept (%{{y:.0%}})<extra></extra>",
            }
        )
        if known:
            ends.append((group.label, known[-1][1].share or 0.0, colour))
    layout = _layout(colours, "Agreements kept, by month", months, ends, top=1.06)
    layout["yaxis"] |= {"range": [-0.04, 1.06], "tickvals": [0, 0.25, 0.5, 0.75, 1]}
    layout["yaxis"]["ticktext"] = ["0 %", "25 %", "50 %", "75 %", "100 %"]
    layout["meta"] = {"alt": "Share of agreed limits that were kept in the next month's harvest, by month."}
    return {"data": data, "layout": layout}


def _layout(
    colours: Palette, title: str, months: int, ends: Sequence[tuple[str, float, str]], *, top: float
) -> dict[str, Any]:
    layout = base_layout(colours, title, months)
    layout["yaxis"] |= {"range": [0, top], "rangemode": "tozero"}
    layout["showlegend"] = False
    cut = [short(label) for label, _, _ in ends]
    labels = [plain(label) for label in cut]
    layout["margin"] |= {"l": 48, "r": 20 + 7 * max((len(label) for label in cut), default=0), "t": 48}
    heights = spread([height for _, height, _ in ends], gap=top * 0.085, top=top * 0.98)
    layout["annotations"] = [
        end_label(label, height, colour) for label, height, (_, _, colour) in zip(labels, heights, ends, strict=True)
    ]
    return layout


def _colour(colours: Palette, place: int, groups: int) -> str:
    return colours.accent if groups == 1 else colours.agent(place)


def _unit(members: Members) -> str:
    units = {run.unit for runs in members.values() for run in runs}
    return units.pop() if len(units) == 1 else "units"
