//! What the commands print.

use std::path::PathBuf;
use std::sync::Arc;

use axum::http::{HeaderMap, StatusCode};
use bytes::Bytes;
use clap::Parser;
use serde_json::Value;

use super::*;
use crate::ledger::Ledger;
use crate::ledger::fingerprint::Fingerprint;
use crate::ledger::intent::{Details, IdempotencyKey, Intent, Sent};
use crate::ledger::operation::Operation;
use crate::ledger::settlement::{Answer, Settlement};
use crate::metrics::Metrics;
use crate::params::Encoding;

#[derive(Parser)]
struct Typed {
    #[command(flatten)]
    args: Args,
}

/// A ledger of three calls.
struct Fixture {
    _folder: tempfile::TempDir,
    path: PathBuf,
    _ledger: Ledger,
}

impl Fixture {
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("ledger.db");
        let settings = Settings { path: path.clone(), ..Settings::default() };
        let ledger = Ledger::open(&settings, &Metrics::new().expect("metrics")).expect("a ledger");
        Self::write_into(&ledger).await;
        Self { _folder: folder, path, _ledger: ledger }
    }

    async fn write_into(ledger: &Ledger) {
        let calls = [
            ("team", "sora-2", Settlement::answered(answer(200, r#"{"id":"video_1","status":"queued"}"#), 1)),
            (
                "team",
                "sora-2-pro",
                Settlement::answered(
                    answer(400, r#"{"error":{"message":"No \u001b[31m, =1+1","code":"=bad"}}"#),
                    1,
                ),
            ),
            ("other", "sora-2", Settlement::failed(crate::failure::Failure::Lost, 3)),
        ];
        for (index, (client, model, settlement)) in calls.into_iter().enumerate() {
            let intent = Intent {
                client: client.into(),
                operation: Operation::Create,
                fingerprint: Fingerprint::of_bytes(Operation::Create, "/v1/videos", &Encoding::Json, &[]),
                former: None,
                key: IdempotencyKey::parse(&format!("key-{index}")),
                repeat: false,
            };
            let Ok(crate::ledger::Claim::Fresh(mut open)) = ledger.claim(intent).await else {
                panic!("a fresh call")
            };
            open.record(details(model, index)).await.expect("recorded");
            open.settle(settlement).await;
        }
    }

    fn run(&self, typed: &[&str]) -> Result<String, Failed> {
        let args = Typed::try_parse_from([&["ledger"], typed].concat()).expect("arguments").args;
        let settings = || Ok(Settings { path: self.path.clone(), ..Settings::default() });
        printed(&args, settings).map(|bytes| String::from_utf8(bytes).expect("UTF-8"))
    }

    fn printed(&self, typed: &[&str]) -> String {
        self.run(typed).unwrap_or_else(|failed| panic!("{failed}"))
    }
}

fn details(model: &str, index: usize) -> Details {
    let mut headers = HeaderMap::new();
    headers.insert("user-agent", "OpenAI/Python 3.54.0".parse().expect("a value"));
    headers.insert("authorization", "Bearer sk-secret".parse().expect("a value"));
    let uri = "/v1/videos".parse().expect("a path");
    Details {
        upstream: "main".into(),
        model: Some(Arc::from(model)),
        model_named: None,
        seconds: Some(8),
        size: Some("1280x720".to_owned()),
        price: Some(0.8),
        request_id: format!("req_{index}"),
        sent: Sent::of(&axum::http::Method::POST, &uri, &headers, 312),
    }
}

fn answer(status: u16, body: &'static str) -> Answer {
    let mut headers = HeaderMap::new();
    headers.insert("x-request-id", "req_up".parse().expect("a value"));
    Answer::of(StatusCode::from_u16(status).expect("a status"), &headers, Bytes::from_static(body.as_bytes()))
}

#[tokio::test]
async fn the_table_is_aligned_and_newest_first() {
    let fixture = Fixture::new().await;
    let table = fixture.printed(&[]);
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), 4, "{table}");
    let column = lines[0].find("STATE").expect("a head");
    for (line, state) in lines[1..].iter().zip(["unknown", "refused", "accepted"]) {
        assert!(line[column..].starts_with(state), "{table}");
    }
    assert!(lines[3].contains("video_1") && lines[3].contains("0.80"), "{table}");
    assert_eq!(fixture.printed(&["list"]), table);
}

#[tokio::test]
async fn filters_choose() {
    let fixture = Fixture::new().await;
    for (typed, count) in [
        (&["--state", "unknown"][..], 1),
        (&["--client", "team"], 2),
        (&["--model", "sora-2"], 2),
        (&["--client", "team", "--model", "sora-2"], 1),
        (&["--upstream", "main"], 3),
        (&["--upstream", "elsewhere"], 0),
        (&["--job", "video_1"], 1),
        (&["--key", "key-1"], 1),
        (&["--since", "1h"], 3),
        (&["--until", "1h"], 0),
        (&["--since", "2020-01-01", "--until", "2999-01-01T00:00:00Z"], 3),
        (&["--limit", "2"], 2),
        (&["--limit", "0"], 3),
    ] {
        let lines = fixture.printed(&[typed, &["--format", "json"]].concat());
        assert_eq!(lines.lines().count(), count, "{typed:?}\n{lines}");
    }
}

#[tokio::test]
async fn an_option_before_a_command_is_not_passed_over() {
    let fixture = Fixture::new().await;
    for typed in [
        &["--state", "unknown", "list"][..],
        &["--format", "json", "show", "video_1"],
        &["--file", "ledger.db", "show", "video_1"],
        &["--limit", "1", "list"],
    ] {
        let refused = fixture.run(typed).expect_err("a refusal").to_string();
        assert!(refused.contains("stand behind"), "{typed:?}: {refused}");
    }
}

#[tokio::test]
async fn an_empty_list_says_what_to_do() {
    let fixture = Fixture::new().await;
    assert!(fixture.printed(&["--client", "nobody"]).contains("Leave out a filter"));
    let empty = tempfile::tempdir().expect("a folder");
    let path = empty.path().join("new.db");
    let settings = Settings { path: path.clone(), ..Settings::default() };
    drop(Ledger::open(&settings, &Metrics::new().expect("metrics")).expect("a ledger"));
    let path = path.to_str().expect("UTF-8");
    assert!(fixture.printed(&["--file", path]).contains("A call is written down as soon as"));
    let missing = fixture.run(&["--file", "/nowhere/at/all"]).expect_err("no file").to_string();
    assert!(missing.contains("--config") && missing.contains("--file"), "{missing}");
}

#[tokio::test]
async fn json_and_csv_have_the_same_fields() {
    let fixture = Fixture::new().await;
    let json = fixture.printed(&["--format", "json"]);
    let object: Value = serde_json::from_str(json.lines().last().expect("a line")).expect("JSON");
    assert_eq!(object["job_id"], "video_1");
    let csv = fixture.printed(&["--format", "csv"]);
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let mut head: Vec<String> = reader.headers().expect("a head").iter().map(str::to_owned).collect();
    let rows: Vec<csv::StringRecord> = reader.records().map(|row| row.expect("a row")).collect();
    assert_eq!(rows.len(), 3);
    let code = head.iter().position(|name| name == "error_code").expect("a column");
    assert_eq!(&rows[1][code], "'=bad", "no spreadsheet computes it");
    let mut names: Vec<String> = object.as_object().expect("an object").keys().cloned().collect();
    names.sort();
    head.sort();
    assert_eq!(names, head);
}

#[tokio::test]
async fn a_record_is_shown_by_each_of_its_ids_with_all_that_support_asks_for() {
    let fixture = Fixture::new().await;
    let page = fixture.printed(&["show", "video_1"]);
    assert_eq!(fixture.printed(&["show", "req_0"]), page);
    assert_eq!(fixture.printed(&["show", page.lines().next().expect("its id")]), page);
    for part in [
        "state                accepted",
        "call                 POST /v1/videos (create)",
        "header               user-agent: OpenAI/Python 3.54.0",
        "request id           req_0",
        "upstream request id  req_up",
        "status               200",
        "model                sora-2",
        "attempts             1",
        r#"  {"id":"video_1","status":"queued"}"#,
    ] {
        assert!(page.contains(part), "{part} is missing in\n{page}");
    }
    let time = page.lines().find(|line| line.trim_start().starts_with("time ")).expect("a time");
    assert!(time.ends_with('Z'), "{time}");
    assert!(!page.contains("sk-secret"), "{page}");
}

/// SE04: what an upstream says moves no cursor.
#[tokio::test]
async fn control_characters_are_shown_as_escapes() {
    let fixture = Fixture::new().await;
    for page in [fixture.printed(&["show", "req_1"]), fixture.printed(&[])] {
        assert!(page.chars().all(|char| char == '\n' || !char.is_control()), "{page:?}");
    }
    assert!(fixture.printed(&["show", "req_1"]).contains(r"No \u{1b}[31m"));
}

#[tokio::test]
async fn an_unknown_outcome_comes_with_advice() {
    let fixture = Fixture::new().await;
    let page = fixture.printed(&["show", "req_2"]);
    assert!(page.contains("What to do") && page.contains("upstream \"main\""), "{page}");
    let json = fixture.printed(&["show", "--json", "req_2"]);
    let object: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!((&object["state"], &object["attempts"]), (&Value::from("unknown"), &Value::from(3)));
    let missing = fixture.run(&["show", "lg_nothing"]).expect_err("no record").to_string();
    assert!(missing.contains("reelgate ledger"), "{missing}");
}

/// Several gateways write there; whoever reads names the configuration.
#[tokio::test]
async fn a_ledger_in_redis_is_read_as_one_in_a_file() {
    let server = crate::redis_client::tests::RedisServer::start();
    let redis = crate::redis_client::tests::settings(&server, "");
    let settings = Settings { store: StoreKind::Redis, redis: Some(redis), ..Settings::default() };
    let ledger = Ledger::open(&settings, &Metrics::new().expect("metrics")).expect("a ledger");
    let run = |typed: &[&str]| {
        let args = Typed::try_parse_from([&["ledger"], typed].concat()).expect("arguments").args;
        let printed = printed(&args, || Ok(settings.clone())).unwrap_or_else(|failed| panic!("{failed}"));
        String::from_utf8(printed).expect("UTF-8")
    };
    assert!(run(&[]).starts_with("No calls in Redis at "), "{}", run(&[]));
    Fixture::write_into(&ledger).await;
    assert_eq!(run(&["--state", "unknown", "--format", "json"]).lines().count(), 1);
    let page = run(&["show", "video_1"]);
    assert!(page.contains(r#"  {"id":"video_1","status":"queued"}"#), "{page}");
    assert_eq!(run(&["show", "req_0"]), page);
}

#[test]
fn times_are_spans_or_dates() {
    assert_eq!(time("2026-01-31").expect("a date").to_string(), "2026-01-31T00:00:00.000Z");
    assert_eq!(time("2026-01-31T12:00:00Z").expect("a date").to_string(), "2026-01-31T12:00:00.000Z");
    assert!(time("2h").expect("a span") < Timestamp::from(SystemTime::now()));
    assert!(time("yesterday").is_err());
}

/// OW01: what a client ordered is another's from then on, and what it has used of a budget with it.
#[tokio::test]
async fn assigning_gives_a_clients_records_to_another() {
    let fixture = Fixture::new().await;
    let would = fixture.printed(&["assign", "--from", "team", "--to", "studio", "--dry-run"]);
    assert_eq!(
        would,
        "2 calls of team would become studio's; 1 of them made videos or characters that may be there.\n"
    );
    assert!(fixture.printed(&["list", "--client", "team"]).contains("video_1"), "nothing was changed");

    let done = fixture.printed(&["assign", "--from", "team", "--to", "studio"]);
    assert!(done.starts_with("2 calls of team are studio's now; 1 of them made videos"), "{done}");
    assert!(fixture.printed(&["list", "--client", "studio"]).contains("video_1"));
    assert!(fixture.printed(&["list", "--client", "team"]).starts_with("No calls in "));
    let next = Ledger::open(
        &Settings { path: fixture.path.clone(), ..Settings::default() },
        &Metrics::new().expect("metrics"),
    );
    let [day, _] = next.expect("a ledger").usage(SystemTime::now()).await.expect("usage");
    assert_eq!((day.get("team"), day.get("studio").map(|used| used.requests)), (None, Some(1)));

    let again = fixture.run(&["assign", "--from", "team", "--to", "studio"]).expect_err("nothing is left");
    assert!(again.to_string().contains("has no calls of team (it has calls of: other, studio)"), "{again}");
    let same = fixture.run(&["assign", "--from", "other", "--to", "other"]).expect_err("no change");
    assert!(same.to_string().contains("already"), "{same}");
}
