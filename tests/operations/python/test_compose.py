"""deploy/compose.yaml, by Compose's schema and by what must not be forgotten."""

import re
import subprocess
import sys

import pytest
import yaml

from deployed import DEPLOY
from reelgate import run

COMPOSE = DEPLOY / "compose.yaml"
SERVICES = yaml.safe_load(COMPOSE.read_text())["services"]
ADMIN = "9090"


def check(path):
    program = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(path)]
    return subprocess.run(program, capture_output=True, text=True, timeout=60)


def test_compose_can_read_it():
    done = check(COMPOSE)
    assert done.returncode == 0, done.stdout


def test_what_compose_does_not_know_is_found(tmp_path):
    content = yaml.safe_load(COMPOSE.read_text())
    content["services"]["reelgate"]["read_onyl"] = True
    misspelt = tmp_path / "compose.yaml"
    misspelt.write_text(yaml.safe_dump(content))
    assert "read_onyl" in check(misspelt).stdout


def test_the_gateway_can_read_what_it_is_given():
    done = run("check", "--config", DEPLOY / "config/reelgate.toml")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_has_as_few_rights_as_can_be(name):
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service


@pytest.mark.parametrize("name", [name for name in SERVICES if "build" not in SERVICES[name]])
def test_every_image_of_others_has_a_version(name):
    assert re.search(r":v?\d+\.\d+[\w.-]*$", SERVICES[name]["image"])


@pytest.mark.parametrize("name", SERVICES)
def test_ports_are_for_this_machine_alone(name):
    for port in SERVICES[name].get("ports", []):
        assert port.startswith("127.0.0.1:")


def test_the_admin_port_is_not_published():
    assert not [port for port in SERVICES["reelgate"]["ports"] if port.endswith(f":{ADMIN}")]


@pytest.mark.parametrize("name", SERVICES)
def test_what_is_mounted_is_there(name):
    volumes = yaml.safe_load(COMPOSE.read_text())["volumes"]
    for mount in SERVICES[name].get("volumes", []):
        source = mount.split(":")[0]
        assert source in volumes or (DEPLOY / source).is_dir(), source


def test_prometheus_looks_for_the_gateway_where_it_is():
    config = yaml.safe_load((DEPLOY / "prometheus/prometheus.yml").read_text())
    found = [discovery for job in config["scrape_configs"] for discovery in job["dns_sd_configs"]]
    assert [(each["names"], each["port"]) for each in found] == [(["reelgate"], int(ADMIN))]
    assert set(SERVICES["reelgate"]["networks"]) >= set(SERVICES["prometheus"]["networks"])


def test_grafana_finds_prometheus_and_the_dashboard():
    provisioning = DEPLOY / "grafana/provisioning"
    source = yaml.safe_load((provisioning / "datasources/prometheus.yml").read_text())["datasources"][0]
    assert source["url"] == f"http://prometheus:{ADMIN}"
    folder = yaml.safe_load((provisioning / "dashboards/reelgate.yml").read_text())["providers"][0]["options"]["path"]
    assert f"./grafana/dashboards:{folder}:ro" in SERVICES["grafana"]["volumes"]
    home = SERVICES["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert (DEPLOY / "grafana/dashboards" / home.removeprefix(f"{folder}/")).is_file()
