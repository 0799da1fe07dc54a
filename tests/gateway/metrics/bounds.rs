//! What clients and upstreams send makes no series, and what operators call things does not break the page.

use super::page::Page;
use super::parsed;
use crate::support::gateway::Gateway;
use crate::support::request::{create, get, post, request};
use crate::support::upstream::{Reply, Upstream, answer};

/// A word that stands in every hostile request.
const HOSTILE: &str = "x7grow";

/// ME01: request data cannot grow the number of series.
#[tokio::test]
async fn requests_of_every_hostile_kind_make_no_series_of_their_own() {
    // An upstream that makes up statuses.
    let replies = (0..150).map(|number| {
        let status = 200 + 5 * number;
        Reply::raw(answer(status, &[("content-type", "application/json")], "{}"))
    });
    let upstream = Upstream::script(replies.collect()).await;
    let settings = "presets = [\"openai\"]\n[upstreams.main]\nbase_url = \"{upstream}\"\nretry.attempts = 1\nbreaker = { consecutive = 0, ratio = 0.0 }";
    let gateway = Gateway::start(&upstream, settings).await;
    // Whatever an honest client makes is there before.
    for request in [create(r#"{"model":"sora-2","prompt":"a"}"#), get("/v1/videos/a"), get("/v1/models")] {
        gateway.ask(&request).await;
    }
    let before = parsed(&gateway).len();

    for number in 0..25 {
        let word = format!("{HOSTILE}{number}");
        let requests = [
            create(&format!(r#"{{"model":"{word}","prompt":"a"}}"#)),
            create(&format!(r#"{{"model":"sora-2","{word}":"a","prompt":"a"}}"#)),
            create(&format!(r#"{{"model":"sora-2","seconds":"{word}","prompt":"a"}}"#)),
            get(&format!("/v1/videos/{word}")).with("host", &format!("{word}.test")).without("host"),
            get(&format!("/v1/{word}/{number}")).with("authorization", &word).without("authorization"),
            request(&format!("X{}", word.to_uppercase()), &format!("/v1/{word}")),
            get(&format!("/{word}?{word}={number}")),
            post(&format!("/v1/videos/{word}/remix"), &format!(r#"{{"{word}":1}}"#))
                .with("idempotency-key", &word),
        ];
        for request in requests {
            gateway.ask(&request).await;
        }
    }

    let text = gateway.page();
    assert!(!text.to_lowercase().contains(HOSTILE), "{text}");
    let grown = Page::parse(&text).len() - before;
    // Statuses that are in use are many, and each of them counts by itself.
    assert!(grown < 150, "{grown} more: {text}");
    assert!(Page::parse(&text).values_of("status").iter().all(|status| is_listed(status)), "{text}");
    assert!(parsed(&gateway).len() < 2000);
}

/// ME01: and an honest upstream leaves only a few more.
#[tokio::test]
async fn a_hundred_and_fifty_hostile_requests_make_fewer_than_forty_series() {
    let upstream = Upstream::start(Reply::json(200, "{}")).await;
    let gateway = Gateway::over(&upstream).await;
    gateway.ask(&get("/v1/models")).await;
    let before = parsed(&gateway).len();
    for number in 0..150 {
        let word = format!("{HOSTILE}{number}");
        let request = match number % 5 {
            0 => create(&format!(r#"{{"model":"{word}","prompt":"a"}}"#)),
            1 => create(&format!(r#"{{"{word}":"a"}}"#)),
            2 => request(&format!("X{number}"), &format!("/v1/{word}")),
            3 => get(&format!("/v1/models/{word}")).with("user-agent", &word),
            _ => get(&format!("/{word}")),
        };
        gateway.ask(&request).await;
    }
    let (text, page) = (gateway.page(), parsed(&gateway));
    assert!(!text.contains(HOSTILE), "{text}");
    // Of which each histogram of a route that was not asked for before makes fifteen.
    let grown = page.len() - before;
    assert!(grown < 40, "{grown} more: {text}");
}

/// ME04: whatever the operator calls things, the page parses and gives the names back.
#[tokio::test]
async fn a_page_with_odd_names_parses() {
    let odd = ["with \"quotes\"", "back\\slash", "two\nlines", "ünïcode ☃", "{braces=\"1\"} 7", " "];
    let upstream =
        Upstream::start(Reply::json(200, r#"{"id":"video_1","object":"video","status":"queued"}"#)).await;
    for name in odd {
        let quoted = serde_json::to_string(name).expect("a text");
        let settings = format!(
            "default_upstream = {quoted}\npresets = [\"openai\"]\n[upstreams.{quoted}]\nbase_url = \"{{upstream}}\"\n\
             quota.max_jobs = 1\n[models.{quoted}]\nseconds = [4]\nsizes = [\"720x1280\"]\nprice_per_second = 1\n"
        );
        let gateway = Gateway::start(&upstream, &settings).await;
        let answer =
            gateway.ask(&create(&format!(r#"{{"model":{quoted},"prompt":"a","seconds":"4"}}"#))).await;
        assert_eq!(answer.status(), 200, "{}", answer.text());
        let page = parsed(&gateway);
        assert_eq!(
            page.value("reelgate_upstream_attempts_total", &[("upstream", name), ("kind", "submit")]),
            1.0
        );
        assert_eq!(page.value("reelgate_jobs_total", &[("model", name), ("state", "submitted")]), 1.0);
        assert_eq!(page.value("reelgate_slots_in_use", &[("scope", "upstream"), ("name", name)]), 1.0);
    }
}

fn is_listed(status: &str) -> bool {
    status == "other" || (status.len() == 3 && status.parse::<u16>().is_ok_and(|status| status < 530))
}
