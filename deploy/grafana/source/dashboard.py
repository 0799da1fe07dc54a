#!/usr/bin/env python3
"""The dashboard, put together.

`deploy/grafana/source/dashboard.py` writes dashboards/reelgate.json anew; it needs Python alone.
"""

import json
from pathlib import Path

from glance import GLANCE
from panels import choice, laid_out, mark
from processes import PROCESSES
from queries import HERE, PROCESS
from traffic import REQUESTS, UPSTREAMS
from work import JOBS, LEDGER, LIMITS

FILE = Path(__file__).parents[1] / "dashboards/reelgate.json"

ROWS = [
    ("At a glance", GLANCE),
    ("Requests", REQUESTS),
    ("Upstreams", UPSTREAMS),
    ("Limits", LIMITS),
    ("Jobs and money", JOBS),
    ("Ledger", LEDGER),
    ("Processes", PROCESSES),
]

VARIABLES = [
    {"label": "Data source", "name": "datasource", "query": "prometheus", "refresh": 1, "type": "datasource"},
    choice("instance", "Instance", "label_values(reelgate_build_info, instance)"),
    choice("model", "Model", "label_values(reelgate_requests_total, model)"),
    choice("upstream", "Upstream", "label_values(reelgate_upstream_attempts_total, upstream)"),
]

MARKS = [
    mark("Starts", "blue", f"changes(process_start_time_seconds{{{PROCESS}}}[1m]) > 0", "{{instance}} started"),
    mark(
        "Configuration",
        "purple",
        f"changes(reelgate_config_generation{{{HERE}}}[1m]) > 0",
        "{{instance}} took a new configuration",
    ),
]

LINKS = [
    {
        "title": "Alert rules",
        "type": "link",
        "icon": "bolt",
        "url": "/alerting/list?search=reelgate",
        "targetBlank": True,
    }
]


def dashboard():
    """The whole of it, as Grafana reads it."""
    return {
        "annotations": {"list": MARKS},
        "description": "Reelgate, a gateway in front of servers of OpenAI's Videos API.",
        "editable": True,
        "graphTooltip": 1,
        "links": LINKS,
        "panels": laid_out(ROWS),
        "refresh": "30s",
        "schemaVersion": 41,
        "tags": ["reelgate"],
        "templating": {"list": VARIABLES},
        "time": {"from": "now-1h", "to": "now"},
        "timezone": "browser",
        "title": "Reelgate",
        "uid": "reelgate",
    }


def written(content):
    """The file's text."""
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FILE.write_text(written(dashboard()))
