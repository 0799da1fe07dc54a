#!/usr/bin/env python3
"""Writes components/monitoring/prometheusrule.yaml from deploy/prometheus/rules: the same rules for the operator."""

from pathlib import Path

HERE = Path(__file__).parent
RULES = HERE.parent / "prometheus/rules"
FILE = HERE / "components/monitoring/prometheusrule.yaml"

HEAD = """\
# Written by deploy/kubernetes/rules.py from deploy/prometheus/rules: change them there.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: reelgate
  labels:
    app.kubernetes.io/name: reelgate
spec:
  groups:
"""


def groups(text):
    """What stands below `groups:`, as deep as it has to stand here."""
    below = text.partition("\ngroups:\n")[2]
    assert below, "no groups in it"
    return "".join(f"  {line}" if line.strip() else line for line in below.splitlines(keepends=True))


def written():
    """The file's text."""
    return HEAD + "\n".join(groups(path.read_text()) for path in sorted(RULES.glob("*.yml")))


if __name__ == "__main__":
    FILE.write_text(written())
