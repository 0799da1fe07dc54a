"""What deploy/ holds: rules, the dashboard, and the questions that both ask."""

import json
from pathlib import Path

import yaml

REPOSITORY = Path(__file__).resolve().parents[3]
DEPLOY = REPOSITORY / "deploy"
RULES = sorted((DEPLOY / "prometheus/rules").glob("*.yml"))
RULE_TESTS = sorted((REPOSITORY / "tests/operations/alerts").glob("*.yml"))
DASHBOARD = DEPLOY / "grafana/dashboards/reelgate.json"

# What Grafana puts in place of its variables. Its own choice of an interval follows from how often is scraped; here it
# is long enough to reach back to when something happened.
VARIABLES = {"$instance": ".*", "$model": ".*", "$upstream": ".*", "$__rate_interval": "5m"}


def rules(kind):
    """Every alert ("alert") or recording rule ("record"), in the order of the files."""
    groups = [group for path in RULES for group in yaml.safe_load(path.read_text())["groups"]]
    return [rule for group in groups for rule in group["rules"] if kind in rule]


def panels():
    """The dashboard's panels that ask something."""
    return [panel for panel in json.loads(DASHBOARD.read_text())["panels"] if panel["type"] != "row"]


def substituted(expr):
    """The query as Grafana sends it, with everything chosen."""
    for name, value in VARIABLES.items():
        expr = expr.replace(name, value)
    assert "$" not in expr, expr
    return expr


def dashboard_queries():
    """Every query of the dashboard by where it stands, annotations included."""
    queries = {
        f"{panel['title']}: {target['legendFormat']}": substituted(target["expr"])
        for panel in panels()
        for target in panel["targets"]
    }
    marks = json.loads(DASHBOARD.read_text())["annotations"]["list"]
    return queries | {f"annotation {mark['name']}": substituted(mark["expr"]) for mark in marks}
