//! The capability table in the file: `[shared]`, `[models.NAME]`, `[rewrite]` and what goes with them.

use std::collections::HashMap;
use std::sync::Arc;

use crate::capability::model::{Model, OnUnsupported, Price, Rewrite, SendSeconds, ServerDefaults};
use crate::capability::ranges::{RANGED, Range};
use crate::capability::seconds::{Rounding, SecondsRule, Tie};
use crate::capability::size::Size;
use crate::capability::{Reference, SecondsJson, Shared, Table, Unknown};
use crate::rejection::Param;
use toml::Value;

use super::parameters;
use super::quota::{self, Quota};
use super::reader::Section;

/// What a model inherits from outside its own table.
pub(super) struct Inherited<'a> {
    pub(super) upstream: &'a str,
    pub(super) rewrite: Rewrite,
}

/// Reads the whole table from the document's root, and what else stands in a model.
pub(super) fn read(
    root: &mut Section<'_>,
    default_upstream: &str,
    rewrite: Rewrite,
) -> (Table, Vec<(Arc<str>, Quota)>) {
    let shared = read_shared(root.section("shared"));
    let inherited = Inherited { upstream: default_upstream, rewrite };
    let mut sections = root.named_sections("models");
    let quotas = sections.iter_mut().map(|(name, section)| quota::of_model(name, section)).collect();
    let models: Vec<Model> =
        sections.into_iter().map(|(name, section)| read_model(name, section, &inherited)).collect();
    let default_model: Option<Arc<str>> = root.text("default_model").map(Arc::from);
    let auto = arcs(root.texts("auto_models"));
    check_names(root, &models);
    let table = Table::new(models, default_model.clone(), auto.clone(), shared);
    if let (Some(name), None) = (&default_model, table.default_model()) {
        root.problem("default_model", format!("there is no model \"{name}\" (name one of [models])"));
    }
    for name in &auto {
        known(root, "auto_models", name, &table);
    }
    for model in table.models() {
        for name in &model.rewrite.switch_to {
            known(root, "switch_to", name, &table);
        }
    }
    (table, quotas)
}

/// A name must mean one model, or requests for one would be judged and sent as another.
fn check_names(root: &Section<'_>, models: &[Model]) {
    let mut taken: HashMap<&str, &str> = models.iter().map(|model| (&*model.name, &*model.name)).collect();
    for model in models {
        for alias in &model.aliases {
            if let Some(other) = taken.insert(alias, &model.name) {
                let what = format!("\"{alias}\" already means the model \"{other}\" (remove one of them)");
                root.problem_at(format!("models.{}.aliases", model.name), what);
            }
        }
    }
}

/// A model named elsewhere in the file must be one of the table, and not a pattern.
fn known(root: &Section<'_>, key: &str, name: &str, table: &Table) {
    if table.find(name).is_none_or(|model| model.is_pattern()) {
        root.problem(key, format!("there is no model \"{name}\" (name one of [models], not a pattern)"));
    }
}

const UNKNOWN: [(&str, Unknown); 2] = [("reject", Unknown::Reject), ("forward", Unknown::Forward)];

fn read_shared(mut section: Section<'_>) -> Shared {
    let default = Shared::default();
    let references = [("any", Reference::Any), ("file", Reference::File), ("object", Reference::Object)];
    let json = [("strict", SecondsJson::Strict), ("lenient", SecondsJson::Lenient)];
    let list = |texts: Option<Vec<String>>, default: &[&str]| {
        texts.unwrap_or_else(|| default.iter().map(|&text| text.to_owned()).collect())
    };
    let (allowed_parameters, refused_parameters) = parameters::read(&mut section);
    let shared = Shared {
        model: list(section.texts("model"), &[]),
        seconds: list(section.texts("seconds"), &[]),
        size: list(section.texts("size"), &[]),
        extension_seconds: list(section.texts("extension_seconds"), &[]),
        variant: list(section.texts("variant"), &["video", "thumbnail", "spritesheet"]),
        order: list(section.texts("order"), &["asc", "desc"]),
        reference_types: list(section.texts("reference_types"), &[]),
        reference: section.choice("reference", &references, default.reference),
        seconds_json: section.choice("seconds_json", &json, default.seconds_json),
        unknown_model: section.choice("unknown_model", &UNKNOWN, default.unknown_model),
        unknown_parameters: section.choice("unknown_parameters", &UNKNOWN, default.unknown_parameters),
        allowed_parameters,
        refused_parameters,
    };
    section.finish();
    shared
}

fn read_model(name: &str, mut section: Section<'_>, inherited: &Inherited<'_>) -> Model {
    let spellings =
        [("text", SendSeconds::Text), ("integer", SendSeconds::Integer), ("as_sent", SendSeconds::AsSent)];
    let sizes = read_sizes(&mut section);
    let model = Model {
        name: name.into(),
        aliases: arcs(section.texts("aliases")),
        upstream: section.text("upstream").unwrap_or(inherited.upstream).into(),
        send_as: section.text("send_as").map(Arc::from),
        seconds: read_seconds(&mut section),
        default_seconds: Some(section.number("default_seconds", 0, 1..=SECONDS_MAX)).filter(|&n| n > 0),
        default_size: section.parsed("default_size", SIZE_RIGHT),
        server_defaults: read_server_defaults(&mut section),
        audio: section.flag("audio", false),
        price: read_price(&mut section, &sizes),
        prompt_max: section.number("prompt_max", PROMPT_MAX, 1..=10_000_000) as usize,
        send_seconds: section.choice("send_seconds", &spellings, SendSeconds::Text),
        ranges: read_ranges(&mut section),
        rewrite: read_rewrite(&mut section, &inherited.rewrite),
        sizes,
    };
    check_defaults(&section, &model);
    section.finish();
    model
}

/// Longest prompt, in characters (API reference of create).
const PROMPT_MAX: u32 = 32_000;
/// An hour: longer than anything an upstream makes, short enough for every sum.
const SECONDS_MAX: u32 = 3600;
const SIZE_RIGHT: &str = "use WIDTHxHEIGHT, such as \"1280x720\"";
const SECONDS_RIGHT: &str =
    "use a list of whole numbers such as [4, 8, 12], or { min = 1, max = 60, step = 1 }";

fn check_defaults(section: &Section<'_>, model: &Model) {
    if let Some(seconds) = model.default_seconds.filter(|&seconds| !model.seconds.supports(seconds)) {
        section
            .problem("default_seconds", format!("{seconds} is not allowed (use one of: {})", model.seconds));
    }
    if let Some(size) = model.default_size.filter(|&size| !model.supports_size(size)) {
        section.problem("default_size", format!("\"{size}\" is not allowed (use one of the model's sizes)"));
    }
}

fn read_server_defaults(section: &mut Section<'_>) -> ServerDefaults {
    let Some(mut section) = section.optional_section("server_defaults") else {
        return ServerDefaults::default();
    };
    let defaults = ServerDefaults {
        model: section.text("model").map(Arc::from),
        seconds: Some(section.number("seconds", 0, 1..=SECONDS_MAX)).filter(|&seconds| seconds > 0),
        size: section.parsed("size", SIZE_RIGHT),
    };
    section.finish();
    defaults
}

fn read_seconds(section: &mut Section<'_>) -> SecondsRule {
    match section.value("seconds") {
        None => SecondsRule::Any,
        Some(Value::Array(items)) => {
            let list: Option<Vec<u32>> = items.iter().map(seconds_of).collect();
            let list = list.filter(|list| !list.is_empty());
            if list.is_none() {
                section
                    .problem("seconds", format!("a list with these items is not allowed ({SECONDS_RIGHT})"));
            }
            list.map_or(SecondsRule::Any, SecondsRule::List)
        }
        Some(Value::Table(_)) => read_range(section.section("seconds")),
        Some(_) => {
            section.problem("seconds", format!("this value is not allowed ({SECONDS_RIGHT})"));
            SecondsRule::Any
        }
    }
}

fn seconds_of(value: &Value) -> Option<u32> {
    let seconds = u32::try_from(value.as_integer()?).ok()?;
    Some(seconds).filter(|seconds| (1..=SECONDS_MAX).contains(seconds))
}

fn read_range(mut section: Section<'_>) -> SecondsRule {
    let min = section.number("min", 1, 1..=SECONDS_MAX);
    let max = section.number("max", SECONDS_MAX, 1..=SECONDS_MAX);
    let step = section.number("step", 1, 1..=SECONDS_MAX);
    if max < min {
        section.problem("max", format!("{max} is not allowed (use {min} or more)"));
    }
    section.finish();
    SecondsRule::Range { min, max: max.max(min), step }
}

/// The ranges of the parameters that a model takes beside OpenAI's.
fn read_ranges(section: &mut Section<'_>) -> Vec<(Param, Range)> {
    let mut ranges = Vec::new();
    for &param in RANGED {
        if let Some(mut section) = section.optional_section(param.name()) {
            let min = section.number("min", 1, 1..=RANGE_MAX);
            let max = section.number("max", RANGE_MAX, 1..=RANGE_MAX);
            if section.value("max").is_none() {
                section.problem("max", "missing (name the largest number that passes, such as 60)");
            }
            if max < min {
                section.problem("max", format!("{max} is not allowed (use {min} or more)"));
            }
            section.finish();
            ranges.push((param, Range { min, max: max.max(min) }));
        }
    }
    ranges
}

/// Far more than any server makes of one second.
const RANGE_MAX: u32 = 100_000;

fn read_sizes(section: &mut Section<'_>) -> Vec<Size> {
    let mut sizes = Vec::new();
    for text in section.texts("sizes").unwrap_or_default() {
        match text.parse::<Size>() {
            Ok(size) if sizes.contains(&size) => {
                section.problem("sizes", format!("\"{text}\" stands there twice (remove one)"));
            }
            Ok(size) => sizes.push(size),
            Err(_) => section.problem("sizes", format!("\"{text}\" is not allowed ({SIZE_RIGHT})")),
        }
    }
    sizes
}

fn read_price(section: &mut Section<'_>, sizes: &[Size]) -> Price {
    const RIGHT: &str = "use a number such as 0.1, or one for each size: { 1280x720 = 0.3 }";
    let Some(value) = section.value("price_per_second") else { return Price::Unknown };
    if let Some(price) = price_of(value) {
        return Price::Flat(price);
    }
    let mut prices = Vec::new();
    for (name, value) in value.as_table().into_iter().flatten() {
        match (name.parse::<Size>(), price_of(value)) {
            (Ok(size), Some(price)) if sizes.is_empty() || sizes.contains(&size) => {
                prices.push((size, price));
            }
            _ => section.problem(
                "price_per_second",
                format!("\"{name}\" is not one of the model's sizes, or its price is no number ({RIGHT})"),
            ),
        }
    }
    if value.as_table().is_none() {
        section.problem("price_per_second", format!("this value is not allowed ({RIGHT})"));
    }
    Price::BySize(prices)
}

fn price_of(value: &Value) -> Option<f64> {
    #[expect(clippy::cast_precision_loss, reason = "prices are far below 2^52")]
    let price = value.as_float().or_else(|| value.as_integer().map(|price| price as f64))?;
    Some(price).filter(|price| price.is_finite() && *price >= 0.0)
}

/// Reads the keys that decide what becomes of the unsupported; `[rewrite]` and every model have them.
pub(super) fn read_rewrite(section: &mut Section<'_>, default: &Rewrite) -> Rewrite {
    let choices = [
        ("reject", OnUnsupported::Reject),
        ("adjust", OnUnsupported::Adjust),
        ("switch", OnUnsupported::Switch),
    ];
    let roundings = [("nearest", Rounding::Nearest), ("up", Rounding::Up), ("down", Rounding::Down)];
    let rewrite = Rewrite {
        on_unsupported: section.choice("on_unsupported", &choices, default.on_unsupported),
        rounding: section.choice("rounding", &roundings, default.rounding),
        tie: section.choice("tie", &[("lower", Tie::Lower), ("upper", Tie::Upper)], default.tie),
        size_upward: section.flag("size_upward", default.size_upward),
        switch_to: section
            .texts("switch_to")
            .map_or_else(|| default.switch_to.clone(), |list| arcs(Some(list))),
    };
    if rewrite.on_unsupported == OnUnsupported::Switch && rewrite.switch_to.is_empty() {
        section.problem("switch_to", "no model to switch to (name at least one, such as [\"sora-2-pro\"])");
    }
    rewrite
}

fn arcs(texts: Option<Vec<String>>) -> Vec<Arc<str>> {
    texts.unwrap_or_default().into_iter().map(Arc::from).collect()
}
