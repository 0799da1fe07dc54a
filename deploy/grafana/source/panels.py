"""How Grafana writes panels, rows and variables. What is on the dashboard stands in the other files."""

WIDTH = 24  # columns of Grafana's grid
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
GREEN, YELLOW, RED = "green", "yellow", "red"


def target(number, expr, legend, instant):
    """One query of a panel."""
    return {
        "datasource": DATASOURCE,
        "editorMode": "code",
        "expr": expr,
        "instant": instant,
        "legendFormat": legend,
        "range": not instant,
        "refId": chr(ord("A") + number),
    }


def panel(kind, title, description, queries, *, unit, width, height, options, defaults=None, instant=False):
    """A panel without its place; queries are pairs of an expression and a legend."""
    return {
        "datasource": DATASOURCE,
        "description": description,
        "fieldConfig": {"defaults": {"unit": unit, **(defaults or {})}, "overrides": []},
        "gridPos": {"h": height, "w": width},
        "options": options,
        "targets": [target(n, expr, legend, instant) for n, (expr, legend) in enumerate(queries)],
        "title": title,
        "type": kind,
    }


def thresholds(*above):
    """Green, and from each value on its colour."""
    steps = [{"color": GREEN, "value": None}] + [{"color": color, "value": value} for value, color in above]
    return {"mode": "absolute", "steps": steps}


def stat(title, description, *queries, unit="short", width=3, limits=(), **defaults):
    """Numbers as they are now, with what they were behind them."""
    options = {
        "colorMode": "value",
        "graphMode": "area" if len(queries) == 1 else "none",
        "justifyMode": "auto",
        "orientation": "horizontal",
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "textMode": "auto",
        "wideLayout": True,
    }
    shown = {"thresholds": thresholds(*limits), "color": {"mode": "thresholds"}, "noValue": "–", **defaults}
    return panel("stat", title, description, queries, unit=unit, width=width, height=4, options=options, defaults=shown)


def graph(title, description, *queries, unit="short", width=8, stacked=False, limits=(), **defaults):
    """Lines over time; stacked where their sum means something."""
    custom = {
        "drawStyle": "line",
        "fillOpacity": 30 if stacked else 10,
        "lineWidth": 1,
        "showPoints": "never",
        "stacking": {"group": "A", "mode": "normal" if stacked else "none"},
        "thresholdsStyle": {"mode": "line" if limits else "off"},
    }
    options = {
        "legend": {
            "calcs": ["mean", "max", "lastNotNull"],
            "displayMode": "table",
            "placement": "bottom",
            "showLegend": True,
        },
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
    shown = {
        "custom": custom,
        "min": 0,
        "thresholds": thresholds(*limits),
        "color": {"mode": "palette-classic"},
        **defaults,
    }
    return panel(
        "timeseries", title, description, queries, unit=unit, width=width, height=8, options=options, defaults=shown
    )


def states(title, description, *queries, words, width=8):
    """Which of a few states something was in, over time. words: value → what it means, and its colour."""
    mapping = {
        str(value): {"index": n, "text": text, "color": color} for n, (value, (text, color)) in enumerate(words.items())
    }
    shown = {
        "custom": {"fillOpacity": 70, "lineWidth": 0},
        "color": {"mode": "thresholds"},
        "mappings": [{"type": "value", "options": mapping}],
        "thresholds": thresholds(),
    }
    options = {
        "alignValue": "left",
        "legend": {"calcs": [], "displayMode": "list", "placement": "bottom", "showLegend": False},
        "mergeValues": True,
        "rowHeight": 0.8,
        "showValue": "auto",
        "tooltip": {"mode": "single", "sort": "none"},
    }
    return panel(
        "state-timeline",
        title,
        description,
        queries,
        unit="short",
        width=width,
        height=8,
        options=options,
        defaults=shown,
    )


def bars(title, description, *queries, unit, limits, width=8, **defaults):
    """How full things are."""
    options = {
        "displayMode": "lcd",
        "minVizHeight": 16,
        "minVizWidth": 8,
        "namePlacement": "auto",
        "orientation": "horizontal",
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "showUnfilled": True,
        "sizing": "auto",
        "valueMode": "color",
    }
    shown = {"thresholds": thresholds(*limits), "color": {"mode": "thresholds"}, "min": 0, **defaults}
    return panel(
        "bargauge", title, description, queries, unit=unit, width=width, height=8, options=options, defaults=shown
    )


def choice(name, label, query):
    """A variable: some, or all, of the values of a label."""
    return {
        "allValue": ".*",
        "current": {"selected": True, "text": ["All"], "value": ["$__all"]},
        "datasource": DATASOURCE,
        "includeAll": True,
        "label": label,
        "multi": True,
        "name": name,
        "query": {"qryType": 1, "query": query, "refId": "PrometheusVariableQueryEditor-VariableQuery"},
        "refresh": 2,
        "sort": 1,
        "type": "query",
    }


def mark(name, color, expr, title):
    """An annotation wherever the expression has a value."""
    return {
        "datasource": DATASOURCE,
        "enable": True,
        "expr": expr,
        "iconColor": color,
        "name": name,
        "titleFormat": title,
    }


def laid_out(rows):
    """The panels of all rows in their places, each row under its title and filled from left to right."""
    placed, y = [], 0
    for title, panels in rows:
        placed.append(
            {
                "collapsed": False,
                "gridPos": {"h": 1, "w": WIDTH, "x": 0, "y": y},
                "panels": [],
                "title": title,
                "type": "row",
            }
        )
        x, y, height = 0, y + 1, 0
        for panel in panels:
            size = panel["gridPos"]
            if x + size["w"] > WIDTH:
                x, y, height = 0, y + height, 0
            placed.append(panel | {"gridPos": size | {"x": x, "y": y}})
            x, height = x + size["w"], max(height, size["h"])
        y += height
    return [panel | {"id": number} for number, panel in enumerate(placed, 1)]
