"""Every question that the dashboard, the alerts and the recording rules ask has an answer: a real Prometheus scrapes
the built gateway, to whose clients everything happens that is counted."""

import contextlib
import hashlib
import socket
import subprocess
import urllib.request

import pytest

from clients import KEY, POOR, Clients
from deployed import REPOSITORY, dashboard_queries, rules
from prometheus import Prometheus
from promql import compared
from redis_server import Redis
from reelgate import PATIENCE, Gateway, Sandbox

LOCKED_KEY = "sk-of-nobody"
LEDGER_IN_REDIS = "[ledger]\nstore = 'redis'"
# Alerts that fire by what happens here, within their own thresholds. All others are asked without their comparisons,
# and the tests in alerts/ show that they fire.
FIRING = {
    "ReelgateBudgetUsedUp",
    "ReelgateConfigReloadFailed",
    "ReelgateCreatesFailing",
    "ReelgateGatewayErrors",
    "ReelgateLedgerFailing",
    "ReelgateOutcomesUnknown",
    "ReelgatePossibleDuplicates",
    "ReelgateRedisDown",
    "ReelgateRetryBudgetExhausted",
    "ReelgateUpstreamAuthFailed",
    "ReelgateUpstreamErrors",
}
# Annotations mark moments that have passed, or not come: without their comparison they have a value.
COMPARED = {"annotation Starts", "annotation Configuration"}


@pytest.fixture(scope="module")
def nowhere():
    """An address at which nobody listens: bound, so that nobody else gets it."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


@pytest.fixture(scope="module")
def config(tmp_path_factory, nowhere):
    with Sandbox() as sandbox, Sandbox("--key", LOCKED_KEY) as locked:
        words = {
            "SANDBOX": sandbox.origin,
            "LOCKED": locked.origin,
            "NOWHERE": nowhere,
            "SHA256_OF_SK_DEMO": hashlib.sha256(KEY.encode()).hexdigest(),
            "SHA256_OF_SK_POOR": hashlib.sha256(POOR.encode()).hexdigest(),
        }
        text = (REPOSITORY / "tests/operations/gateway.toml").read_text()
        for word, value in words.items():
            text = text.replace(word, value)
        path = tmp_path_factory.mktemp("gateway") / "reelgate.toml"
        path.write_text(text)
        yield path, sandbox


@pytest.fixture(scope="module")
def gateway(config):
    with Gateway(config[0], UPSTREAM_KEY="sk-upstream") as gateway:
        yield gateway


@pytest.fixture(scope="module")
def bereft(config, tmp_path_factory):
    """A gateway whose ledger is in Redis, and whose Redis has gone."""
    path, _ = config
    with contextlib.ExitStack() as until_it_goes:
        redis = until_it_goes.enter_context(Redis(tmp_path_factory.mktemp("redis")))
        shared = tmp_path_factory.mktemp("shared") / "reelgate.toml"
        shared.write_text(f"{path.read_text()}[redis]\nurl = '{redis.url}'\n".replace("[ledger]", LEDGER_IN_REDIS))
        with Gateway(shared, UPSTREAM_KEY="sk-upstream") as gateway:
            assert Clients(gateway, None).create()[0] == 200
            until_it_goes.close()
            yield gateway


@pytest.fixture(scope="module")
def prometheus(config, gateway, bereft, tmp_path_factory):
    """Once it has seen everything happen twice: what is counted for the first time has not increased yet."""
    path, sandbox = config
    with Prometheus(tmp_path_factory.mktemp("prometheus"), [gateway.admin, bereft.admin]) as prometheus:
        prometheus.await_value("up")
        for _ in range(2):
            Clients(gateway, sandbox).everything()
            prometheus.await_scrape()
        change(path, gateway)
        prometheus.await_scrape()
        yield prometheus


def change(path, gateway):
    """A change that can be taken, and one that cannot."""
    text = path.read_text()
    path.write_text(text + "# changed\n[quota]\nsubmit = { rate = '1000/s' }\n")
    gateway.says("the configuration was reloaded")
    path.write_text(text + "nonsense\n")
    gateway.says("the new configuration cannot be used")


def test_every_gateway_is_scraped(prometheus):
    targets = prometheus.targets()
    assert len(targets) == 2
    for target in targets:
        assert (target["health"], target["labels"]["job"]) == ("up", "reelgate"), target["lastError"]


def test_the_page_of_metrics_is_as_prometheus_likes_it(gateway, prometheus):
    """ME04"""
    with urllib.request.urlopen(f"http://{gateway.admin}/metrics", timeout=PATIENCE) as answer:
        page = answer.read()
    done = subprocess.run(["promtool", "check", "metrics"], input=page, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr.decode()


@pytest.mark.parametrize("name", dashboard_queries())
def test_every_query_of_the_dashboard_has_an_answer(prometheus, name):
    query = dashboard_queries()[name]
    for expr in compared(query) if name in COMPARED else [query]:
        assert_answered(prometheus, expr)


@pytest.mark.parametrize("rule", rules("record"), ids=lambda rule: rule["record"])
def test_every_recording_rule_records(prometheus, rule):
    assert_answered(prometheus, rule["expr"])
    prometheus.await_value(rule["record"])


@pytest.mark.parametrize("rule", rules("alert"), ids=lambda rule: rule["alert"])
def test_whatever_an_alert_looks_at_is_there(prometheus, rule):
    sides = compared(rule["expr"])
    assert sides
    for expr in sides:
        assert_answered(prometheus, expr)


FIRE = [rule for rule in rules("alert") if rule["alert"] in FIRING]


@pytest.mark.parametrize("rule", FIRE, ids=lambda rule: rule["alert"])
def test_alerts_fire_by_what_has_happened(prometheus, rule):
    assert prometheus.await_value(rule["expr"])


def test_prometheus_can_word_every_alert_and_evaluate_every_rule(prometheus):
    worded = [alert["annotations"] for alert in prometheus.await_alerts(len(FIRING))]
    evaluated = prometheus.rules()
    assert len(evaluated) == len(rules("alert")) + len(rules("record"))
    assert [rule["lastError"] for rule in evaluated if rule["health"] != "ok"] == []
    assert not [words for words in worded if "error expanding" in str(words)]


def assert_answered(prometheus, expr):
    # A share of nothing, a quantile of nothing: some series may have had no traffic, but not all.
    assert prometheus.await_number(expr), f"{expr}: nothing, or nothing but NaN"
