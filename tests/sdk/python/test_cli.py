"""The command line of the built binary."""

import json
import os
import signal
import socket
import subprocess
import threading
import urllib.request

import openai
import pytest

from reelgate import ANY_PORT, BINARY, KEY, REPOSITORY, Gateway, Process, configured_for, run

COMMANDS = ["serve", "demo", "sandbox", "check", "capabilities", "explain", "ledger", "healthcheck", "completions"]


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "reelgate.toml"

    def write(text):
        path.write_text(text)
        return path

    return write


def succeeds(*arguments):
    done = run(*arguments)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def fails(*arguments, code=1):
    done = run(*arguments)
    assert done.returncode == code, done
    assert "panicked" not in done.stderr
    return done


# --- check ----------------------------------------------------------------------------------------------------------


def test_the_configurations_that_come_with_it_are_fine(tmp_path):
    # Those with secrets in files beside them are checked where these are made.
    found = [REPOSITORY / path for path in ("config", "deploy/config", "deploy/kubernetes/base")]
    for path in (folder / "reelgate.toml" for folder in found):
        out = succeeds("check", "--config", path)
        assert out.startswith(f"{path} is fine\n"), path


@pytest.mark.parametrize("preset", ["seed", "openai", "azure", "vllm-omni", "sglang", "apiyi"])
def test_every_preset_is_fine(config, preset):
    path = config(f'presets = ["{preset}"]\n[upstreams.main]\nbase_url = "https://api.example.com/v1"\n')
    assert "is fine" in succeeds("check", "--config", path)


def test_check_says_everything_that_is_wrong(config):
    path = config(
        """
        colour = "red"
        [server]
        listen = "nowhere"
        drain = "5 bananas"
        [limits]
        head = "2KiB"
        [models.sora-2]
        seconds = []
        sizes = ["1280*720"]
        [upstreams.main]
        base_url = "ftp://example.com"
        submit_timout = "1s"
        """
    )
    done = fails("check", "--config", path)
    assert done.stdout == ""
    wrong = [
        "colour",
        "server.listen",
        "server.drain",
        "limits.head",
        "models.sora-2.sizes",
        "upstreams.main.base_url",
        "upstreams.main.submit_timout",
    ]
    for key in wrong:
        assert key in done.stderr, f"{key} is missing in\n{done.stderr}"
    assert "submit_timeout" in done.stderr, "a slip of the pen is told what was meant"


@pytest.mark.parametrize(
    ("content", "complaint"),
    [(b"[server", "TOML"), (b"\xff\xfe", "UTF-8"), (b"\0", ""), (None, "read")],
    ids=["broken", "not text", "a zero", "missing"],
)
def test_check_says_why_a_file_cannot_be_read(tmp_path, content, complaint):
    path = tmp_path / "reelgate.toml"
    if content is not None:
        path.write_bytes(content)
    done = fails("check", "--config", path)
    assert complaint.lower() in done.stderr.lower(), done.stderr


def test_check_asks_which_configuration():
    assert "--config FILE" in fails("check").stderr


# --- capabilities and explain ---------------------------------------------------------------------------------------


def test_capabilities_are_told_in_text_and_json():
    text = succeeds("capabilities")
    assert "sora-2: 4, 8, 12 seconds" in text
    assert "sora-2-pro: 10, 15, 25 seconds" in text
    table = json.loads(succeeds("capabilities", "--json"))
    assert [model["seconds"] for model in table["models"]] == [[4, 8, 12], [10, 15, 25]]


def test_explain_tells_what_a_client_would_get():
    accepted = succeeds("explain", "--model", "sora-2", "--seconds", "8")
    assert accepted.startswith('Forwarded to upstream "main"')
    assert "Its values are sent unchanged" in accepted

    adjusted = succeeds("explain", "--model", "sora-2", "--seconds", "10", "--mode", "adjust")
    assert "x-reelgate-adjusted: seconds=10->8; size=none->720x1280" in adjusted

    rejected = fails("explain", "--model", "sora-2", "--seconds", "10", code=2)
    assert rejected.stdout.startswith("Rejected, the upstream is not called.")
    assert "Invalid value: '10'. Supported values are: '4', '8', and '12'." in rejected.stdout
    assert rejected.stderr == ""


def test_explain_says_what_the_gateway_then_does(client):
    explained = json.loads(fails("explain", "--json", "--model", "sora-2", "--seconds", "10", code=2).stdout)
    with pytest.raises(openai.BadRequestError) as caught:
        client.videos.create(model="sora-2", prompt="a cat", seconds="10")
    assert explained["verdict"] == "rejected"
    assert explained["status"] == caught.value.status_code
    assert explained["body"].encode() == caught.value.response.content


def test_explain_reads_a_body_from_a_file(tmp_path):
    body = tmp_path / "body"
    body.write_text('{"prompt": "a cat", "model": "sora-2", "seconds": 8}')
    explained = json.loads(succeeds("explain", "--body", body, "--json"))
    assert (explained["verdict"], explained["seconds"]) == ("accepted", 8)

    body.write_bytes(b'--b\r\nContent-Disposition: form-data; name="prompt"\r\n\r\na cat\r\n--b--\r\n')
    form = ("--content-type", "multipart/form-data; boundary=b")
    assert json.loads(succeeds("explain", "--body", body, *form, "--json"))["verdict"] == "accepted"

    assert "cannot be read" in fails("explain", "--body", tmp_path / "nothing").stderr
    fails("explain", "--body", body, "--seconds", "8", code=2)


def test_explain_judges_as_for_a_key(config):
    settings = """presets = ["openai"]
upstreams.main = { base_url = "https://api.example.com/v1", credential = { env = "PATH" } }
auth.mode = "keys"
auth.keys.team = { sha256 = "%s", models = ["sora-2"], on_unsupported = "adjust", quota.max_jobs = 3 }
"""
    path = config(settings % ("ab" * 32))
    asked = ("explain", "--config", path, "--model", "sora-2", "--seconds", "10")
    said = succeeds(*asked, "--key", "team")
    assert "x-reelgate-adjusted: seconds=10->8" in said
    assert 'Key "team"\n  models ' in said and "\n  quota.max_jobs         3\n" in said
    fails(*asked, code=2)

    refused = ("explain", "--config", path, "--model", "sora-2-pro", "--key", "team", "--json")
    refused = json.loads(fails(*refused, code=2).stdout)
    assert refused["status"] == 403 and refused["key"]["models"] == ["sora-2"]
    assert "[auth.keys.nobody]" in fails(*asked, "--key", "nobody").stderr


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"\0" * 100, b"[" * 100_000, b'{"prompt":"\xff"}', b'{"prompt":"\\ud800"}'],
    ids=["empty", "cut off", "zeros", "deep", "no UTF-8", "half a character"],
)
def test_explain_survives_any_body(tmp_path, body):
    path = tmp_path / "body"
    path.write_bytes(body)
    for content_type in ("application/json", "multipart/form-data; boundary=b", "multipart/form-data", "é/\n"):
        done = fails("explain", "--body", path, "--content-type", content_type, code=2)
        assert "HTTP/1.1 4" in done.stdout


# --- the rest of the small ones -------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command):
    assert f"Usage: reelgate {command}" in succeeds(command, "--help")


def test_help_names_every_command():
    out = succeeds("--help")
    for command in COMMANDS:
        assert f"  {command} " in out
    assert succeeds("--version").startswith("reelgate ")


@pytest.mark.parametrize(
    "arguments",
    [
        ("--colour",),
        ("fly",),
        ("serve", "--listen", "nowhere"),
        ("serve", "--listen", "127.0.0.1:99999"),
        ("explain", "--mode", "loud"),
        ("completions", "tcsh"),
        ("sandbox", "--queue-time", "long"),
    ],
)
def test_what_is_typed_wrong_is_explained(arguments):
    done = fails(*arguments, code=2)
    assert done.stderr.startswith("error: ")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "elvish", "powershell"])
def test_there_are_completions_for_every_shell(shell):
    script = succeeds("completions", shell)
    assert "healthcheck" in script
    if shell == "bash":
        subprocess.run(["bash", "-n"], input=script, text=True, check=True, timeout=20)


def test_output_may_be_cut_off():
    with subprocess.Popen([BINARY, "completions", "bash"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as command:
        command.stdout.close()
        assert command.stderr.read() == b""
    assert command.returncode == 0


def test_a_full_disk_is_a_failure():
    with open("/dev/full", "w") as full:
        done = subprocess.run([BINARY, "capabilities"], stdout=full, stderr=subprocess.PIPE, timeout=20)
    assert (done.returncode, done.stderr[:10]) == (1, b"reelgate: ")


# --- processes ------------------------------------------------------------------------------------------------------


def test_a_health_check_says_whether_the_gateway_is_ready(gateway):
    assert succeeds("healthcheck", "--admin-listen", gateway.admin) == "ready\n"
    with urllib.request.urlopen(f"http://{gateway.admin}/metrics", timeout=20) as metrics:
        assert b"reelgate_" in metrics.read()


def test_a_health_check_says_that_nobody_is_there():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        done = fails("healthcheck", "--admin-listen", f"127.0.0.1:{unused.getsockname()[1]}")
    assert "does not answer" in done.stderr


def listens_already(command, config):
    """The command with one of its addresses taken."""
    return {
        "serve": ("serve", "--config", config, "--admin-listen", ANY_PORT, "--listen"),
        "serve, admin": ("serve", "--config", config, "--listen", ANY_PORT, "--admin-listen"),
        "sandbox": ("sandbox", "--listen"),
        "demo": ("demo", "--admin-listen", ANY_PORT, "--listen"),
        "demo, admin": ("demo", "--listen", ANY_PORT, "--admin-listen"),
    }[command]


@pytest.mark.parametrize("command", ["serve", "serve, admin", "sandbox", "demo", "demo, admin"])
def test_a_taken_port_ends_the_start(config, command):
    path = config(configured_for("http://127.0.0.1:9/v1"))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        done = fails(*listens_already(command, path), address)
    complaints = [line for line in done.stderr.splitlines() if line.startswith("reelgate: ")]
    assert len(complaints) == 1, done.stderr
    assert address in complaints[0], "which address it was"


def test_two_gateways_do_not_share_a_port(gateway, config):
    # Workers do, so it has to be seen to that processes do not.
    path = config(configured_for("http://127.0.0.1:9/v1"))
    address = gateway.origin.removeprefix("http://")
    fails("serve", "--config", path, "--listen", address, "--admin-listen", ANY_PORT)


def test_a_gateway_needs_an_upstream(config):
    assert "upstreams" in fails("serve", "--config", config("")).stderr


def test_variables_count_as_flags_do(config, sandbox):
    path = config(configured_for(sandbox.url))
    variables = {"REELGATE_CONFIG": str(path), "REELGATE_LISTEN": ANY_PORT, "REELGATE_ADMIN_LISTEN": ANY_PORT}
    with Process(**variables) as gateway:
        gateway.says("is listening")


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
@pytest.mark.parametrize("command", ["serve", "sandbox"])
def test_a_signal_ends_it_well(config, sandbox, command, name):
    path = config(configured_for(sandbox.url))
    listen = ("--listen", ANY_PORT)
    arguments = ("serve", "--config", path, "--admin-listen", ANY_PORT) if command == "serve" else ("sandbox",)
    with Process(*arguments, *listen) as process:
        process.says("listening|answers on")
        process.child.send_signal(getattr(signal, name))
        process.says('"stopped"')


def test_a_request_under_way_is_finished_after_the_signal(config, sandbox):
    path = config(configured_for(sandbox.url).replace("200ms", "20s"))
    sandbox.forget()
    answers = []

    def create(client):
        slow = {"x-sandbox-fault": "ok;delay=500ms"}
        answers.append(client.videos.create(prompt="a cat", extra_headers=slow))

    with Gateway(path) as gateway, openai.OpenAI(base_url=gateway.url, api_key=KEY, max_retries=0) as client:
        call = threading.Thread(target=create, args=[client])
        call.start()
        sandbox.await_request("POST")
        gateway.child.terminate()
        call.join(20)
        gateway.says('"stopped"')
    assert [answer.status for answer in answers] == ["queued"]


def test_the_demo_shows_what_it_promises(probe, tmp_path):
    quick = ("--queue-time", "20ms", "--time-per-second", "5ms")
    with socket.socket() as free, socket.socket() as admin:
        for each in (free, admin):
            each.bind(("127.0.0.1", 0))
        listen, admin_listen = (f"127.0.0.1:{each.getsockname()[1]}" for each in (free, admin))
    with Process("demo", "--listen", listen, "--admin-listen", admin_listen, *quick) as demo:
        demo.says(f"Reelgate listens on http://{listen}/v1")
        demo.says("Health and metrics")
        with openai.OpenAI(base_url=f"http://{listen}/v1", api_key="sk-demo") as client:
            video = client.videos.create_and_poll(
                model="sora-2", prompt="a cat on a skateboard", seconds="8", poll_interval_ms=10
            )
            path = tmp_path / "cat.mp4"
            client.videos.download_content(video.id).write_to_file(path)
            with pytest.raises(openai.BadRequestError):
                client.videos.create(model="sora-2", prompt="a cat", seconds="10")
        assert probe(path)["seconds"] == pytest.approx(8.0, abs=0.01)
