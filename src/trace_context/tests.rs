//! The cases of the W3C's own test suite, as far as they are about one header.

use super::*;

const TRACE: &str = "12345678901234567890123456789012";
const SPAN: &str = "1234567890123456";

fn parsed(text: &str) -> Option<Traceparent> {
    Traceparent::parse(text.as_bytes())
}

#[test]
fn a_valid_one_says_what_it_said_before() {
    for flags in ["00", "01", "02", "03"] {
        let text = format!("00-{TRACE}-{SPAN}-{flags}");
        assert_eq!(parsed(&text).expect("it is valid").value(), text);
    }
    let sampled = |flags: &str| parsed(&format!("00-{TRACE}-{SPAN}-{flags}")).expect("valid").is_sampled();
    assert_eq!((sampled("00"), sampled("01"), sampled("02"), sampled("03")), (false, true, false, true));
}

#[test]
fn reserved_flags_are_not_passed_on() {
    let value = parsed(&format!("00-{TRACE}-{SPAN}-fd")).expect("valid").value();
    assert_eq!(value, format!("00-{TRACE}-{SPAN}-01"));
}

#[test]
fn a_later_version_is_read_as_ours() {
    for tail in ["", "-", "-what-the-future-will-be-like"] {
        let value = parsed(&format!("cc-{TRACE}-{SPAN}-01{tail}")).expect("valid").value();
        assert_eq!(value, format!("00-{TRACE}-{SPAN}-01"), "{tail:?}");
    }
}

#[test]
fn what_is_not_valid_is_none() {
    let invalid = [
        String::new(),
        "00".to_owned(),
        format!("ff-{TRACE}-{SPAN}-01"),
        format!("FF-{TRACE}-{SPAN}-01"),
        format!("0-{TRACE}-{SPAN}-01"),
        format!("000-{TRACE}-{SPAN}-01"),
        format!(".0-{TRACE}-{SPAN}-01"),
        format!("00-{TRACE}-{SPAN}-01-"),
        format!("00-{TRACE}-{SPAN}-01.what"),
        format!("00-{TRACE}-{SPAN}-01-what"),
        format!("cc-{TRACE}-{SPAN}-01.what"),
        format!("00-{TRACE}-{SPAN}-1"),
        format!("00-{TRACE}-{SPAN}-.0"),
        format!("00-{TRACE}-{SPAN}"),
        format!("00-{TRACE}-1234567890123456-0x"),
        format!("00-{}-{SPAN}-01", "0".repeat(32)),
        format!("00-{TRACE}-{}-01", "0".repeat(16)),
        format!("00-{}-{SPAN}-01", &TRACE[1..]),
        format!("00-{TRACE}1-{SPAN}-01"),
        format!("00-{TRACE}-{SPAN}7-01"),
        format!("00-{TRACE}-{}-01", &SPAN[1..]),
        format!("00-.{}-{SPAN}-01", &TRACE[1..]),
        "00-ABCDEF12345678901234567890123456-1234567890123456-01".to_owned(),
        format!("00-{TRACE}-ABCDEF1234567890-01"),
        format!(" 00-{TRACE}-{SPAN}-01"),
        format!("00_{TRACE}_{SPAN}_01"),
    ];
    for text in invalid {
        assert_eq!(parsed(&text), None, "{text:?}");
    }
}

#[test]
fn a_child_keeps_the_trace_and_its_flags() {
    let parent = parsed(&format!("00-{TRACE}-{SPAN}-01")).expect("valid");
    let child = parent.child();
    assert_eq!((child.trace, child.is_sampled()), (parent.trace, true));
    assert_ne!(child.span, parent.span);
    assert_eq!(Traceparent::parse(child.value().as_bytes()), Some(child));
}

#[test]
fn a_new_trace_is_valid() {
    for sampled in [true, false] {
        let begun = Traceparent::begin(sampled);
        assert_eq!(begun.is_sampled(), sampled);
        assert_eq!(Traceparent::parse(begun.value().as_bytes()), Some(begun));
    }
}

fn state(values: &[&str]) -> bool {
    is_state(values.iter().map(|value| value.as_bytes()))
}

#[test]
fn a_valid_state_may_be_passed_on() {
    let many: Vec<String> = (0..32).map(|number| format!("k{number}=v")).collect();
    let longest = format!("a{}={}", "b".repeat(255), "v".repeat(256));
    for values in [
        vec!["foo=1"],
        vec!["foo=1,bar=2"],
        vec!["foo=1 , \t bar=2, baz=3"],
        vec!["foo=1", "bar=2"],
        vec!["foo=1,", ",bar=2"],
        vec![""],
        vec!["fw529a3039@dt=FfAAAAAAAAAAAAAA", "a*/-_9=~!\"#$%&'()*+-./:;<>?@[]^`{|}"],
        vec![&many.join(",")],
        vec![&longest],
    ] {
        assert!(state(&values), "{values:?}");
    }
}

#[test]
fn any_fault_in_a_state_ends_it() {
    let many: Vec<String> = (0..33).map(|number| format!("k{number}=v")).collect();
    let (long_key, long_value) = (format!("a{}=v", "b".repeat(256)), format!("a={}", "v".repeat(257)));
    for values in [
        vec!["foo"],
        vec!["foo="],
        vec!["=1"],
        vec!["foo =1"],
        vec!["FOO=1"],
        vec!["foo.bar=1"],
        vec!["-foo=1"],
        vec!["foo=bar=baz"],
        vec!["foo=1;bar=2"],
        vec!["foo=\u{e4}"],
        vec!["foo=a\tb"],
        vec!["foo=1", "bar"],
        vec![&many.join(",")],
        vec![&long_key],
        vec![&long_value],
    ] {
        assert!(!state(&values), "{values:?}");
    }
}
