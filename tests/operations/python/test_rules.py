"""Prometheus's own tool reads the rules and plays their tests; here it is seen that no alert goes without."""

import functools
import re
import subprocess

import pytest
import yaml

from deployed import DEPLOY, REPOSITORY, RULE_TESTS, RULES, rules

SEVERITIES = {"critical", "warning", "info"}


def promtool(*arguments):
    done = subprocess.run(["promtool", *map(str, arguments)], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@functools.cache
def played():
    """What the tests of rules ask: each expression with the samples that are expected of it."""
    tests = [test for path in RULE_TESTS for test in yaml.safe_load(path.read_text())["tests"]]
    return [(asked["expr"], asked.get("exp_samples", [])) for test in tests for asked in test["promql_expr_test"]]


def cases():
    """For each alert how often it is tested to fire, and to keep quiet."""
    counts = {rule["alert"]: {"fires": 0, "quiet": 0} for rule in rules("alert")}
    for expr, samples in played():
        name = re.search(r'alertname="(\w+)"', expr)[1]
        counts[name]["fires" if samples else "quiet"] += 1
    return counts


def test_every_rule_can_be_read():
    assert len(RULES) >= 5
    promtool("check", "rules", *RULES)


@pytest.mark.parametrize("name", ["prometheus.yml", "local.yml"])
def test_the_configuration_can_be_read(name):
    promtool("check", "config", DEPLOY / "prometheus" / name)


@pytest.mark.parametrize("path", RULE_TESTS, ids=lambda path: path.stem)
def test_alerts_fire_when_they_should_and_else_keep_quiet(path):
    promtool("test", "rules", path)


@pytest.mark.parametrize("name", cases())
def test_every_alert_is_tested_to_fire_and_to_keep_quiet(name):
    assert all(cases()[name].values()), cases()[name]


@pytest.mark.parametrize("rule", rules("alert"), ids=lambda rule: rule["alert"])
def test_every_alert_says_how_grave_it_is_and_what_to_do(rule):
    assert rule["labels"]["severity"] in SEVERITIES
    annotations = rule["annotations"]
    assert set(annotations) == {"summary", "description", "runbook"}
    assert len(annotations["summary"]) < 120
    page, _, anchor = annotations["runbook"].partition("#")
    assert anchor == rule["alert"].lower()
    headings = re.findall(r"^#+ +(.*)$", (REPOSITORY / page).read_text(), re.MULTILINE)
    assert anchor in {re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("rule", rules("alert"), ids=lambda rule: rule["alert"])
def test_what_an_alert_says_names_labels_that_it_has(rule):
    said = set(re.findall(r"\$labels\.(\w+)", str(rule["annotations"])))
    fired = [
        set(re.findall(r'(\w+)="', sample["labels"]))
        for _, samples in played()
        for sample in samples
        if f'alertname="{rule["alert"]}"' in sample["labels"]
    ]
    assert fired
    assert all(said <= labels for labels in fired), (said, fired)
