"""deploy/kubernetes, put together by kubectl, against Kubernetes's and the Prometheus operator's schemas, and by what
must not be forgotten where paid calls are concerned."""

import subprocess
import sys
import tomllib

import kubernetes_validate
import pytest
import yaml
from cloudcoil.models.prometheus_operator import v1 as operator

from deployed import DEPLOY, RULES
from reelgate import run

KUBERNETES = DEPLOY / "kubernetes"
OVERLAYS = ["single", "replicas"]
# The oldest in which a hook may sleep without the image's help, and the newest of the validator's.
VERSIONS = ["1.30", "1.37"]
OF_THE_OPERATOR = {"ServiceMonitor": operator.ServiceMonitor, "PrometheusRule": operator.PrometheusRule}


@pytest.fixture(scope="module", params=OVERLAYS)
def overlay(request):
    """What `kubectl apply --kustomize` would send, by kind and name."""
    command = ["kubectl", "kustomize", str(KUBERNETES / "overlays" / request.param)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, f"kubectl 1.27 or later is needed: {done.stderr}"
    assert not done.stderr, done.stderr
    return {(each["kind"], each["metadata"]["name"]): each for each in yaml.safe_load_all(done.stdout)}


def pod(overlay):
    return overlay["Deployment", "reelgate"]["spec"]["template"]["spec"]


def container(overlay):
    [only] = pod(overlay)["containers"]
    return only


def config(overlay):
    return tomllib.loads(overlay["ConfigMap", "reelgate"]["data"]["reelgate.toml"])


def seconds(text):
    assert text.endswith("s") and not text.endswith("ms"), text
    return int(text[:-1])


# --- schemas --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", VERSIONS)
def test_kubernetes_knows_everything_that_it_says(overlay, version):
    checked = [each for (kind, _), each in overlay.items() if kind not in OF_THE_OPERATOR]
    assert len(checked) >= 9
    for each in [*checked, yaml.safe_load((KUBERNETES / "secret.example.yaml").read_text())]:
        kubernetes_validate.validate(each, version, strict=True)


def test_what_kubernetes_does_not_know_is_found(overlay):
    deployment = yaml.safe_load(yaml.safe_dump(overlay["Deployment", "reelgate"]))
    deployment["spec"]["template"]["spec"]["containers"][0]["readinesProbe"] = {}
    with pytest.raises(kubernetes_validate.ValidationError, match="readinesProbe"):
        kubernetes_validate.validate(deployment, VERSIONS[-1], strict=True)


@pytest.mark.parametrize("kind", OF_THE_OPERATOR)
def test_the_operator_knows_everything_that_it_is_told(overlay, kind):
    told = overlay[kind, "reelgate"]
    known = OF_THE_OPERATOR[kind].model_validate(told).model_dump(by_alias=True, exclude_unset=True, mode="json")
    # A field that it does not have would be gone.
    assert known == told


def test_the_operator_gets_the_very_rules(overlay):
    groups = [group for path in RULES for group in yaml.safe_load(path.read_text())["groups"]]
    assert overlay["PrometheusRule", "reelgate"]["spec"]["groups"] == groups


def test_the_file_of_rules_is_what_its_source_writes():
    """To write it anew: deploy/kubernetes/rules.py"""
    program = "import rules; print(end=rules.written())"
    done = subprocess.run(
        [sys.executable, "-B", "-c", program], cwd=KUBERNETES, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == (KUBERNETES / "components/monitoring/prometheusrule.yaml").read_text()


def test_the_gateway_can_read_what_it_is_given(overlay, tmp_path):
    path = tmp_path / "reelgate.toml"
    text = overlay["ConfigMap", "reelgate"]["data"]["reelgate.toml"]
    secrets = yaml.safe_load((KUBERNETES / "secret.example.yaml").read_text())["stringData"]
    for name, value in secrets.items():
        (tmp_path / name).write_text(value)
    path.write_text(text.replace("/run/secrets/reelgate", str(tmp_path)))
    done = run("check", "--config", path)
    assert done.returncode == 0, done.stderr


# --- ports and probes -----------------------------------------------------------------------------------------------


def test_every_port_that_is_named_is_one_that_is_listened_on(overlay):
    ports = {port["name"]: port["containerPort"] for port in container(overlay)["ports"]}
    variables = {each["name"]: each["value"] for each in container(overlay)["env"]}
    assert variables["REELGATE_LISTEN"] == f"0.0.0.0:{ports['http']}"
    assert variables["REELGATE_ADMIN_LISTEN"] == f"0.0.0.0:{ports['admin']}"
    for name in ("reelgate", "reelgate-admin"):
        for port in overlay["Service", name]["spec"]["ports"]:
            assert port["targetPort"] in ports


def test_probes_ask_the_admin_port_for_pages_that_are_there(overlay):
    """SD06"""
    for probe, path in (("startupProbe", "/livez"), ("livenessProbe", "/livez"), ("readinessProbe", "/readyz")):
        assert container(overlay)[probe]["httpGet"] == {"path": path, "port": "admin"}


def test_the_admin_port_is_only_for_prometheus(overlay):
    """AU07"""
    assert [port["name"] for port in overlay["Service", "reelgate"]["spec"]["ports"]] == ["http"]
    for rule in overlay["NetworkPolicy", "reelgate"]["spec"]["ingress"]:
        if any(port["port"] == "admin" for port in rule["ports"]):
            names = [source["namespaceSelector"]["matchLabels"] for source in rule["from"]]
            assert names == [{"kubernetes.io/metadata.name": "monitoring"}]


def test_everything_that_selects_pods_selects_these(overlay):
    labels = overlay["Deployment", "reelgate"]["spec"]["template"]["metadata"]["labels"]
    selectors = [
        overlay["Deployment", "reelgate"]["spec"]["selector"]["matchLabels"],
        overlay["PodDisruptionBudget", "reelgate"]["spec"]["selector"]["matchLabels"],
        overlay["NetworkPolicy", "reelgate"]["spec"]["podSelector"]["matchLabels"],
        *(overlay["Service", name]["spec"]["selector"] for name in ("reelgate", "reelgate-admin")),
    ]
    assert all(selector and selector.items() <= labels.items() for selector in selectors)


def test_the_operator_finds_the_admin_service_and_names_the_job_as_the_rules_do(overlay):
    spec = overlay["ServiceMonitor", "reelgate"]["spec"]
    service = overlay["Service", "reelgate-admin"]
    assert spec["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert not spec["selector"]["matchLabels"].items() <= overlay["Service", "reelgate"]["metadata"]["labels"].items()
    assert service["metadata"]["labels"][spec["jobLabel"]] == "reelgate"
    assert spec["endpoints"][0]["port"] in {port["name"] for port in service["spec"]["ports"]}


# --- rights ---------------------------------------------------------------------------------------------------------


def test_pods_have_as_few_rights_as_can_be(overlay):
    """As the restricted profile of Kubernetes's pod security standards has it, and more."""
    assert pod(overlay)["automountServiceAccountToken"] is False
    assert pod(overlay)["securityContext"]["runAsNonRoot"] is True
    assert pod(overlay)["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container(overlay)["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
    }


# --- money ----------------------------------------------------------------------------------------------------------


def test_a_pod_has_time_to_finish_what_is_under_way(overlay):
    """SD01"""
    pause = container(overlay)["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert pod(overlay)["terminationGracePeriodSeconds"] > pause + seconds(config(overlay)["server"]["drain"])


def test_its_configuration_can_change_without_a_restart(overlay):
    [mount] = [each for each in container(overlay)["volumeMounts"] if each["name"] == "config"]
    assert "subPath" not in mount
    variables = {each["name"]: each["value"] for each in container(overlay)["env"]}
    assert variables["REELGATE_CONFIG"] == f"{mount['mountPath']}/reelgate.toml"
    # By its plain name, without a hash of its content.
    [volume] = [each for each in pod(overlay)["volumes"] if each["name"] == "config"]
    assert volume["configMap"]["name"] == "reelgate"


def test_its_memory_is_enough_for_what_it_may_hold(overlay):
    limits = config(overlay)["limits"]
    held = limits["in_flight"] * int(limits["form_body"].removesuffix("MiB"))
    assert container(overlay)["resources"]["limits"]["memory"] == "1Gi"
    assert held <= 768, "MiB of forms; the rest is for everything else"


def test_no_two_pods_have_ledgers_of_their_own(overlay):
    """An SDK's repeat may come to any pod, and each must know what the others have sent."""
    spec, ledger = overlay["Deployment", "reelgate"]["spec"], config(overlay)["ledger"]
    if ledger.get("store", "sqlite") == "redis":
        scaler = overlay["HorizontalPodAutoscaler", "reelgate"]["spec"]
        assert "replicas" not in spec, "the autoscaler says how many"
        assert ("PersistentVolumeClaim", "reelgate-ledger") not in overlay
        assert config(overlay)["redis"]["replicas"] == scaler["maxReplicas"], "shares of limits while Redis is away"
        return
    assert spec["replicas"] == 1
    assert spec["strategy"] == {"type": "Recreate"}
    assert not [kind for kind, _ in overlay if kind == "HorizontalPodAutoscaler"]
    claim = overlay["PersistentVolumeClaim", "reelgate-ledger"]["spec"]
    assert claim["accessModes"] == ["ReadWriteOncePod"]
    [mount] = [each for each in container(overlay)["volumeMounts"] if each["name"] == "ledger"]
    assert ledger["path"].startswith(f"{mount['mountPath']}/")


def test_nodes_can_be_emptied_one_pod_after_the_other(overlay):
    assert overlay["PodDisruptionBudget", "reelgate"]["spec"]["maxUnavailable"] == 1
