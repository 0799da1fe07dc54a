"""`reelgate ledger` after real creates, as whoever started the gateway would type it."""

import csv
import io
import json
import re
import sqlite3
import time

import openai
import pytest

from reelgate import KEY, PATIENCE, Gateway, configured_for, run

PRICES = "[models.sora-2]\nprice_per_second = 0.1\n"
CREATE = "POST /v1/videos"


@pytest.fixture(scope="module")
def folder(tmp_path_factory, sandbox):
    """Where a gateway ran, and still runs. What it was asked for is in `calls`."""
    folder = tmp_path_factory.mktemp("ledger")
    config = folder / "reelgate.toml"
    config.write_text(configured_for(sandbox.url, PRICES))
    with Gateway("reelgate.toml", folder=folder) as gateway:
        with openai.OpenAI(base_url=gateway.url, api_key=KEY, max_retries=2) as client:
            make_calls(client, sandbox)
        yield folder


def make_calls(client, sandbox):
    client.videos.create_and_poll(model="sora-2", prompt="a cat", seconds="8", poll_interval_ms=10)
    for _ in range(2):
        client.videos.create(prompt="a dog", extra_headers={"idempotency-key": "order-7"})
    sandbox.play(CREATE, "429;retry-after-ms=1", "status=400")
    with pytest.raises(openai.BadRequestError):
        client.videos.create(prompt="a bird")
    sandbox.play(CREATE, "accept-then-reset")
    with pytest.raises(openai.InternalServerError):
        client.videos.create(prompt="a fish", model="sora-2-pro", seconds="10")
    # Refused by the gateway itself, at no cost: no line.
    with pytest.raises(openai.BadRequestError):
        client.videos.create(prompt="a horse", seconds="7")


def typed(folder, *arguments, **variables):
    done = run("ledger", *arguments, folder=folder, **variables)
    assert (done.returncode, done.stderr) == (0, "")
    assert KEY not in done.stdout
    return done.stdout


def records(folder, *arguments):
    return [json.loads(line) for line in typed(folder, "list", "--format", "json", *arguments).splitlines()]


def test_the_list_is_a_table_newest_first(folder):
    table = typed(folder)
    head, *lines = table.splitlines()
    assert head.split() == ["TIME", "STATE", "CALL", "CLIENT", "MODEL", "PRICE", "JOB", "ERROR", "ID"]
    states = [line[head.index("STATE") :].split()[0] for line in lines]
    assert states == ["unknown", "refused", "accepted", "accepted"]
    assert " completed" in lines[3] and "0.80" in lines[3], "the poll was seen, and 8 seconds cost this much"
    assert typed(folder, "list") == table


def test_json_says_all_of_it(folder):
    unknown, refused, keyed, first = records(folder)
    assert (first["state"], first["status"], first["attempts"]) == ("accepted", 200, 1)
    assert (first["model"], first["seconds"], first["price"]) == ("sora-2", 8, 0.8)
    assert first["job_id"].startswith("video_") and first["job_status"] == "completed"
    assert (keyed["idempotency_key"], keyed["replays"]) == ("order-7", 1)
    assert (refused["status"], refused["attempts"], refused["job_id"]) == (400, 2, None)
    assert (unknown["status"], unknown["model"], unknown["attempts"]) == (None, "sora-2-pro", 1)
    assert {call["client"][:7] for call in records(folder)} == {"sha256:"}
    assert all(re.fullmatch(r"req_[0-9a-f]{32}", call["request_id"]) for call in records(folder))


def test_csv_has_the_same_records(folder):
    rows = list(csv.DictReader(io.StringIO(typed(folder, "--format", "csv"))))
    objects = records(folder)
    assert [row["id"] for row in rows] == [each["id"] for each in objects]
    assert list(rows[0]) and set(rows[0]) == set(objects[0])
    assert [row["price"] for row in rows][-1] == "0.8"


FILTERS = {
    "--state unknown": 1,
    "--state accepted": 2,
    "--model sora-2-pro": 1,
    "--key order-7": 1,
    "--since 1h": 4,
    "--until 1h": 0,
    "--limit 3": 3,
}


@pytest.mark.parametrize("typed_filter", FILTERS)
def test_filters_choose(folder, typed_filter):
    assert len(records(folder, *typed_filter.split())) == FILTERS[typed_filter]


def test_a_call_is_shown_by_any_of_its_ids(folder):
    first = records(folder)[-1]
    page = typed(folder, "show", first["id"])
    for other in (first["job_id"], first["request_id"]):
        assert typed(folder, "show", other) == page
    shown = json.loads(typed(folder, "show", "--json", first["id"]))
    assert json.loads(shown["answer"]["body"])["id"] == first["job_id"]
    for part in ["accepted: the upstream took it", "POST /v1/videos (create)", "OpenAI/Python", first["job_id"]]:
        assert part in page
    assert "authorization" not in page.lower()


def test_a_call_nobody_knows_the_outcome_of_comes_with_advice(folder):
    [unknown] = records(folder, "--state", "unknown")
    page = typed(folder, "show", unknown["id"])
    assert "may have been taken" in page
    assert "What to do" in page


def test_a_job_whose_client_left_can_be_found(gateway):
    """RT25"""
    # Without the announcement the gateway would answer before the client leaves.
    slow = {"x-sandbox-fault": "ok;delay=500ms", "x-stainless-read-timeout": openai.Omit()}
    with openai.OpenAI(base_url=gateway.url, api_key=KEY, max_retries=0, timeout=0.2) as client:
        with pytest.raises(openai.APITimeoutError):
            client.videos.create(prompt="a whale", extra_headers=slow)
    deadline = time.monotonic() + PATIENCE
    while (call := records(gateway.folder)[0])["state"] == "open":
        assert time.monotonic() < deadline, "the call was not awaited"
    assert (call["state"], call["client_left"]) == ("accepted", True)
    assert call["job_id"].startswith("video_")
    assert "before it was answered" in typed(gateway.folder, "show", call["job_id"])


def test_the_configuration_says_where_it_is(folder, tmp_path):
    """From any other folder: by flag, before and after the command, or by variable, or by the file itself."""
    config, file = folder / "reelgate.toml", folder / "reelgate-ledger.db"
    config = tmp_path / "elsewhere.toml"
    config.write_text((folder / "reelgate.toml").read_text() + f'[ledger]\npath = "{file}"\n')
    first = records(folder)[-1]["id"]
    page = typed(folder, "show", first)
    assert typed(tmp_path, "--config", config, "show", first) == page
    assert typed(tmp_path, "show", "--config", config, first) == page
    assert typed(tmp_path, "show", first, REELGATE_CONFIG=str(config)) == page
    assert typed(tmp_path, "show", "--file", file, first) == page
    done = run("ledger", "--state", "open", "show", first, folder=folder)
    assert (done.returncode, done.stdout) == (1, "")
    assert "behind its command" in done.stderr


def test_what_is_not_there_is_said(folder, tmp_path):
    nowhere = run("ledger", folder=tmp_path)
    assert (nowhere.returncode, nowhere.stdout) == (1, "")
    assert "there is no ledger in reelgate-ledger.db" in nowhere.stderr
    nobody = run("ledger", "show", "lg_nobody", folder=folder)
    assert (nobody.returncode, nobody.stdout) == (1, "")
    assert "reelgate ledger" in nobody.stderr
    assert run("ledger", "--state", "lost", folder=folder).returncode == 2
    assert not list(tmp_path.iterdir()), "reading makes no file"


def test_the_file_can_be_asked_by_hand(folder):
    with sqlite3.connect(f"file:{folder / 'reelgate-ledger.db'}?mode=ro", uri=True) as ledger:
        counts = dict(ledger.execute("SELECT state, count(*) FROM ledger GROUP BY state"))
    assert counts == {"accepted": 2, "refused": 1, "unknown": 1}


def test_other_users_of_the_machine_cannot_read_it(folder):
    found = list(folder.glob("reelgate-ledger.db*"))
    assert found
    for path in found:
        assert path.stat().st_mode & 0o077 == 0, path


def test_what_cannot_be_written_down_is_not_served(tmp_path, sandbox):
    config = tmp_path / "reelgate.toml"
    config.write_text(configured_for(sandbox.url, '[ledger]\npath = "missing/ledger.db"\n'))
    done = run("serve", "--config", config, "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0")
    assert done.returncode == 1
    assert "missing/ledger.db" in done.stderr
