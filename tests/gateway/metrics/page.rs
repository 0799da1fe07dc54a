//! Reading the metrics page as strictly as Prometheus does. Deliberately shares no code with the gateway.

use std::collections::BTreeMap;

/// Labels of a series: names and values.
pub(crate) type Labels = BTreeMap<String, String>;

/// A page: what each series stands at.
#[derive(Clone, Debug, Default)]
pub(crate) struct Page {
    series: BTreeMap<(String, Labels), f64>,
}

impl Page {
    /// Reads a page; panics at the first thing that Prometheus would not read.
    pub(crate) fn parse(text: &str) -> Self {
        assert!(text.ends_with('\n'), "the last line is not whole");
        let (mut page, mut kinds) = (Self::default(), BTreeMap::new());
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').expect("a name and a type");
                assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
                assert!(kinds.insert(name.to_owned(), kind.to_owned()).is_none(), "twice: {line}");
            } else if let Some(rest) = line.strip_prefix("# HELP ") {
                assert!(rest.split_once(' ').is_some_and(|(_, help)| !help.is_empty()), "{line}");
            } else {
                let (name, labels, value) = series(line);
                let family = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end));
                assert!(
                    kinds.contains_key(&name) || family.is_some_and(|name| kinds.contains_key(name)),
                    "{line}"
                );
                assert!(page.series.insert((name, labels), value).is_none(), "twice: {line}");
            }
        }
        page
    }

    /// What one series stands at; 0 where there is none.
    pub(crate) fn value(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let labels = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        self.series.get(&(name.to_owned(), labels)).copied().unwrap_or_default()
    }

    /// The sum of all series of a name with this label.
    pub(crate) fn sum(&self, wanted: &str, (label, value): (&str, &str)) -> f64 {
        let of_name = self.series.iter().filter(|((name, _), _)| name == wanted);
        let labelled =
            of_name.filter(|((_, labels), _)| labels.get(label).is_some_and(|other| other == value));
        labelled.map(|(_, value)| value).sum()
    }

    /// Every series of a name that is above zero: its labels' values, in order of the labels' names.
    pub(crate) fn above_zero(&self, wanted: &str) -> Vec<(String, f64)> {
        let of_name = self.series.iter().filter(|((name, _), value)| name == wanted && **value > 0.0);
        let values = |labels: &Labels| labels.values().cloned().collect::<Vec<_>>().join(" ");
        of_name.map(|((_, labels), value)| (values(labels), *value)).collect()
    }

    /// How many series there are.
    pub(crate) fn len(&self) -> usize {
        self.series.len()
    }

    /// Every value of a label, whatever the metric.
    pub(crate) fn values_of(&self, label: &str) -> Vec<&str> {
        self.series.keys().filter_map(|(_, labels)| labels.get(label)).map(String::as_str).collect()
    }
}

fn series(line: &str) -> (String, Labels, f64) {
    let name_end = line.find(['{', ' ']).expect("a name, and something behind it");
    let (name, mut rest) = line.split_at(name_end);
    let is_name = |text: &str| {
        !text.is_empty()
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_' || byte.is_ascii_digit())
    };
    assert!(is_name(name), "{line}");
    let mut labels = Labels::new();
    if let Some(inner) = rest.strip_prefix('{') {
        rest = inner;
        while !rest.starts_with('}') {
            let (label, quoted) = rest.split_once("=\"").expect("a label with a value");
            assert!(is_name(label), "{line}");
            let (value, behind) = unquoted(quoted);
            assert!(labels.insert(label.to_owned(), value).is_none(), "twice: {line}");
            rest = behind.strip_prefix(',').unwrap_or(behind);
        }
        rest = rest.strip_prefix('}').expect("an end");
    }
    let value = rest.strip_prefix(' ').expect("a space before the value");
    (name.to_owned(), labels, value.parse().unwrap_or_else(|_| panic!("{line}")))
}

/// A value up to the quote that ends it, and what stands behind that.
fn unquoted(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, char)) = chars.next() {
        match char {
            '"' => return (value, &text[at + 1..]),
            '\\' => match chars.next() {
                Some((_, 'n')) => value.push('\n'),
                Some((_, escaped @ ('"' | '\\'))) => value.push(escaped),
                other => panic!("{other:?} is escaped in {text}"),
            },
            other => value.push(other),
        }
    }
    panic!("no end: {text}");
}
