//! Events as they come out of the log.

use std::sync::{Mutex, PoisonError};

use serde_json::Value;
use tracing::{debug, info, trace, warn};

use super::shown::FIELD_MAX;
use super::*;

const PLAIN: Style = Style::Text { coloured: false };

/// The lines of what happens in `happening`.
fn lines(filter: &str, style: Style, happening: impl FnOnce()) -> Vec<String> {
    let lines = Arc::<Mutex<Vec<String>>>::default();
    let written = Arc::clone(&lines);
    let put = move |line: &str| {
        written.lock().unwrap_or_else(PoisonError::into_inner).push(line.to_owned());
    };
    let filter = EnvFilter::try_new(filter).expect("a filter");
    tracing::subscriber::with_default(subscriber(filter, style, put), happening);
    let lines = lines.lock().expect("no panic");
    lines.clone()
}

fn line(style: Style, happening: impl FnOnce()) -> String {
    let lines = lines("info", style, happening);
    assert_eq!(lines.len(), 1, "{lines:?}");
    lines.into_iter().next().expect("one")
}

fn json(happening: impl FnOnce()) -> Value {
    serde_json::from_str(&line(Style::Json, happening)).expect("JSON")
}

/// A text of what has ever been used against logs and terminals, and of all else.
fn hostile(random: &mut fastrand::Rng) -> String {
    let pieces = [
        "\n",
        "\r\n",
        "\u{1b}[2J",
        "\u{9b}31m",
        "\u{202e}",
        "\u{2028}",
        "\0",
        "\"",
        "\\",
        "}",
        "=",
        "猫",
        " ",
    ];
    let mut text = String::new();
    for _ in 0..random.usize(0..40) {
        match random.u8(0..4) {
            0 => text.push_str(pieces[random.usize(0..pieces.len())]),
            1 => text.push(random.char('\0'..='\u{ff}')),
            2 => text.push(random.char(..)),
            _ => text.extend(std::iter::repeat_n(random.alphanumeric(), random.usize(0..200))),
        }
    }
    text
}

/// SE04: whatever is logged, however, one event is one line, and its characters are only what they look like.
#[test]
fn one_event_is_one_line_without_control_characters() {
    let mut random = fastrand::Rng::with_seed(4);
    for style in [Style::Json, PLAIN] {
        for _ in 0..2000 {
            let text = hostile(&mut random);
            let error = io::Error::other(text.clone());
            let line = line(style, || {
                info!(text, shown = %text, debugged = ?text, %error, after = 1, "{text}");
            });
            let inner = line.strip_suffix('\n').expect("a line ends");
            assert!(!inner.contains(|c: char| c.is_control() || "\u{202e}\u{2028}".contains(c)), "{inner:?}");
            assert!(inner.len() < 6 * (FIELD_MAX + 20), "{}", inner.len());
            match style {
                Style::Json => {
                    let entry: Value =
                        serde_json::from_str(inner).unwrap_or_else(|error| panic!("{error}: {inner}"));
                    let entry = entry.as_object().expect("an object");
                    let names =
                        ["timestamp", "level", "message", "text", "shown", "debugged", "error", "after"];
                    assert!(entry.len() == names.len() && names.iter().all(|name| entry.contains_key(*name)));
                    for (_, value) in entry {
                        let shown = value.as_str().unwrap_or_default();
                        assert!(shown.len() <= FIELD_MAX && !shown.contains(char::is_control), "{shown:?}");
                    }
                }
                Style::Text { .. } => assert!(inner.ends_with(" after=1"), "{inner}"),
            }
        }
    }
}

#[test]
fn machines_get_an_object_a_line() {
    let entry = json(|| {
        let nothing: Option<&str> = None;
        warn!(
            number = 7,
            big = u64::MAX,
            less = -1,
            share = 0.5,
            odd = f64::NAN,
            yes = true,
            nothing,
            "a cat"
        );
    });
    let time = entry["timestamp"].as_str().expect("a text");
    let time =
        time::OffsetDateTime::parse(time, &time::format_description::well_known::Rfc3339).expect("RFC 3339");
    assert!((time::OffsetDateTime::now_utc() - time).abs() < time::Duration::minutes(1));
    assert_eq!((&entry["level"], &entry["message"]), (&"WARN".into(), &"a cat".into()));
    assert_eq!(
        (&entry["number"], &entry["big"], &entry["less"]),
        (&7.into(), &u64::MAX.into(), &(-1).into())
    );
    assert_eq!((&entry["share"], &entry["odd"], &entry["yes"]), (&0.5.into(), &Value::Null, &true.into()));
    assert_eq!(entry.get("nothing"), None);
    assert_eq!(entry.get("target"), None, "it is ours");
}

#[test]
fn people_get_a_text_with_the_sentence_first() {
    let happening = || info!(outcome = "forwarded", status = 200, agent = "a b", empty = "", "GET /v1 → 200");
    let plain = line(PLAIN, happening);
    let (time, rest) = plain.split_at("2026-11-22T10:11:12.123Z".len());
    assert!(time.ends_with('Z') && time.contains('T'), "{time}");
    assert_eq!(rest, "  INFO GET /v1 → 200 outcome=forwarded agent=\"a b\" empty=\"\"\n");
    let coloured = line(Style::Text { coloured: true }, happening);
    assert!(coloured.contains("\u{1b}[32m INFO\u{1b}[0m GET"), "{coloured}");
}

/// SE03: what libraries write below "info" could hold anything that passes through them.
#[test]
fn libraries_are_heard_from_info_upwards_whatever_the_filter_says() {
    let heard = |filter| {
        lines(filter, Style::Json, || {
            trace!(target: "hyper::proto", "t");
            debug!(target: "h2", "d");
            debug!(target: "reelgatex", "d");
            info!(target: "rustls", "library");
            trace!("our own");
        })
    };
    for filter in ["trace", "hyper=trace,h2=trace,reelgatex=trace,info"] {
        let lines = heard(filter);
        assert!(lines[0].contains(r#""target":"rustls""#) && lines[0].contains("library"), "{lines:?}");
        let own = lines.get(1..).expect("the rest");
        assert!(own.iter().all(|line| line.contains("our own")), "{own:?}");
        assert_eq!(own.len(), usize::from(filter == "trace"));
    }
}

/// SE03: a panic's text may quote what was being worked on.
#[test]
fn a_panic_is_one_line_that_tells_where_and_nothing_of_what() {
    let before = panic::take_hook();
    let secret = String::from("sk-secret");
    let lines = lines("info", Style::Json, || {
        panic::set_hook(Box::new(log_panic));
        let said = panic::catch_unwind(|| panic!("{secret}\nforged"));
        assert!(said.is_err() && panic::catch_unwind(|| panic!("a text of ours")).is_err());
    });
    panic::set_hook(before);
    let mine: Vec<&String> = lines.iter().filter(|line| line.contains(file!())).collect();
    assert_eq!(mine.len(), 2, "{lines:?}");
    assert!(mine.iter().all(|line| line.contains(r#""message":"panicked""#) && !line.contains("sk-secret")));
    assert!(!mine[0].contains("\"said\"") && mine[1].contains("a text of ours"), "{mine:?}");
}

#[test]
fn lines_that_were_lost_are_told_of_in_the_same_style() {
    let written = |style: Style| {
        let mut line = String::new();
        style.write_lost(7, SystemTime::UNIX_EPOCH, &mut line);
        line
    };
    let entry: Value = serde_json::from_str(&written(Style::Json)).expect("JSON");
    assert_eq!((&entry["lines"], &entry["timestamp"]), (&7.into(), &"1970-01-01T00:00:00.000000Z".into()));
    assert!(written(PLAIN).starts_with("1970-01-01T00:00:00.000Z  WARN lines of the log were lost"));
}
