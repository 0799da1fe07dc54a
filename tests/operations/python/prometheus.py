"""A real Prometheus, with the rules of deploy/."""

import contextlib
import json
import time
import urllib.parse
import urllib.request

import yaml

from deployed import DEPLOY, RULES
from reelgate import PATIENCE, Process


def configured(folder, targets):
    """The deployed configuration, in more of a hurry and with targets that are known."""
    config = yaml.safe_load((DEPLOY / "prometheus/prometheus.yml").read_text())
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    config["rule_files"] = list(map(str, RULES))
    [job] = config["scrape_configs"]
    del job["dns_sd_configs"]
    job["static_configs"] = [{"targets": targets}]
    path = folder / "prometheus.yml"
    path.write_text(yaml.safe_dump(config))
    return path


class NotYet(AssertionError):
    """It was waited for in vain."""


class Prometheus(Process):
    """Scrapes these targets every second until it is ended."""

    def __init__(self, folder, targets):
        config = configured(folder, targets)
        where = ("--storage.tsdb.path", folder / "data", "--web.listen-address", "127.0.0.1:0")
        super().__init__("--config.file", config, *where, program="prometheus", folder=folder)
        address = self.says(r'msg="Listening on" address=(127\.0\.0\.1:\d+)')[1]
        self.origin = f"http://{address}"
        self.says("Server is ready to receive web requests")

    def ask(self, path, **parameters):
        """What one of its pages says."""
        query = urllib.parse.urlencode(parameters)
        with urllib.request.urlopen(f"{self.origin}/api/v1/{path}?{query}", timeout=PATIENCE) as answer:
            return json.loads(answer.read())["data"]

    def query(self, expr):
        """The values that an expression has now."""
        result = self.ask("query", query=expr)
        assert result["resultType"] == "vector", expr
        return [float(sample["value"][1]) for sample in result["result"]]

    def targets(self):
        return self.ask("targets", state="active")["activeTargets"]

    def await_scrape(self):
        """Returns once every target has been scraped twice more: what has happened until now is seen, and so is that
        it has."""
        now = self.scraped()
        self._until(lambda: all(self.scraped().get(url, 0) >= seen + 2 for url, seen in now.items()))

    def scraped(self):
        """How often each target was scraped, by its address."""
        counts = self.ask("query", query="count_over_time(up[1h])")["result"]
        return {each["metric"]["instance"]: float(each["value"][1]) for each in counts}

    def await_value(self, expr):
        """Its values, once it has any."""
        self._until(lambda: self.query(expr))
        return self.query(expr)

    def await_number(self, expr):
        """Whether one of its values is a number, sooner or later: rules are evaluated one after the other, and what one
        records of what was just scraped the next one waits for."""
        with contextlib.suppress(NotYet):
            self._until(lambda: any(value == value for value in self.query(expr)))
            return True
        return False

    def rules(self):
        """Every rule as it was evaluated last."""
        return [rule for group in self.ask("rules")["groups"] for rule in group["rules"]]

    def await_alerts(self, number):
        """All alerts, once there are so many."""

        def alerts():
            return [alert for rule in self.rules() for alert in rule.get("alerts", [])]

        # What a query finds, the next evaluation finds.
        self._until(lambda: len(alerts()) >= number)
        return alerts()

    def _until(self, done):
        # Rules are evaluated one after the other, and what one records the next one waits for.
        deadline = time.monotonic() + 4 * PATIENCE
        while not done():
            if time.monotonic() >= deadline:
                raise NotYet("Prometheus did not get there")
            time.sleep(0.2)
