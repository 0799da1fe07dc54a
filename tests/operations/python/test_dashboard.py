"""The dashboard against Grafana's own schema, as its Foundation SDK has it."""

import json
import subprocess
import sys

import pytest
from grafana_foundation_sdk.cog import plugins
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from deployed import DASHBOARD, DEPLOY, dashboard_queries, panels

WRITER = DEPLOY / "grafana/source/dashboard.py"
# What an annotation asks is its data source's affair, and not in the schema of dashboards.
OF_THE_DATA_SOURCE = {"titleFormat"}


def unknown(ours, theirs, where=""):
    """Whatever Grafana's types did not take over as it was: misspelt, misplaced, of another type."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for name, value in ours.items():
            if name not in theirs and value is not None and name not in OF_THE_DATA_SOURCE:
                yield f"{where}.{name}"
            elif name in theirs:
                yield from unknown(value, theirs[name], f"{where}.{name}")
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for number, (one, other) in enumerate(zip(ours, theirs)):
            yield from unknown(one, other, f"{where}[{number}]")
    elif ours != theirs:
        yield f"{where}: {ours!r} became {theirs!r}"


def as_grafana_has_it(content):
    plugins.register_default_plugins()
    return json.loads(JSONEncoder().encode(Dashboard.from_json(content)))


def test_grafana_knows_everything_that_the_dashboard_says():
    content = json.loads(DASHBOARD.read_text())
    assert list(unknown(content, as_grafana_has_it(content))) == []


def test_what_grafana_does_not_know_is_found():
    content = json.loads(DASHBOARD.read_text())
    panel = content["panels"][1]
    panel["fieldConfig"]["defaults"]["unti"] = "s"
    panel["options"]["graphMod"] = "area"
    panel["targets"][0]["exrp"] = "up"
    found = " ".join(unknown(content, as_grafana_has_it(content)))
    assert all(word in found for word in ("unti", "graphMod", "exrp")), found


def test_the_file_is_what_its_source_writes():
    """To write it anew: deploy/grafana/source/dashboard.py"""
    program = "import dashboard; print(end=dashboard.written(dashboard.dashboard()))"
    folder = WRITER.parent
    done = subprocess.run(
        [sys.executable, "-B", "-c", program], cwd=folder, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == DASHBOARD.read_text()


def test_no_two_panels_are_in_one_place():
    taken = {}
    for panel in panels():
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                assert taken.setdefault((x, y), panel["title"]) == panel["title"]
    assert len({panel["id"] for panel in panels()}) == len(panels())


@pytest.mark.parametrize("panel", panels(), ids=lambda panel: panel["title"])
def test_every_panel_says_what_it_shows_and_in_which_unit(panel):
    assert panel["description"]
    assert panel["fieldConfig"]["defaults"]["unit"]
    assert all(target["legendFormat"] for target in panel["targets"])


def test_every_panel_asks_the_chosen_data_source_for_the_chosen_instances():
    assert len(dashboard_queries()) > 60
    for panel in panels():
        assert panel["datasource"]["uid"] == "${datasource}"
        for target in panel["targets"]:
            assert "$instance" in target["expr"] or "ALERTS" in target["expr"], target["expr"]
