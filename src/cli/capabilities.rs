//! `reelgate capabilities`: the table, for people and for programs.

use std::process::ExitCode;

use serde_json::{Map, Value, json};

use super::{Failed, Process, terminal};
use crate::capability::Table;
use crate::capability::model::{Model, Price};
use crate::capability::ranges::Range;
use crate::capability::seconds::SecondsRule;
use crate::capability::size::Size;
use crate::rejection::Param;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Print JSON instead of text
    #[arg(long)]
    json: bool,
}

pub(super) fn print(process: &Process, args: &Args) -> Result<ExitCode, Failed> {
    let table = process.config()?.capabilities;
    let text = if args.json { format!("{:#}\n", as_json(&table)) } else { as_text(&table) };
    terminal::write(text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

fn as_text(table: &Table) -> String {
    let models: Vec<String> = table.models().map(model_text).collect();
    if models.is_empty() {
        return "No models are configured.\n".to_owned();
    }
    let mut text = format!("Video capabilities:\n\n{}", models.join("\n"));
    let allowed = &table.shared.allowed_parameters;
    if !allowed.is_empty() {
        text += &format!("\nOther fields that pass: {}\n", allowed.join(", "));
    }
    text
}

fn model_text(model: &Model) -> String {
    let mut lines = vec![format!("  {}: {} seconds", model.name, model.seconds)];
    let mut line = |name: &str, value: String| lines.push(format!("    {name}: {value}"));
    if let Some(seconds) = model.default_seconds {
        line("Default", format!("{seconds} seconds"));
    }
    if let Some(largest) = model.sizes.iter().max_by_key(|size| size.area()) {
        line("Maximum resolution", landscape(*largest, &model.sizes).to_string());
    }
    line("Sizes", sizes_text(&model.sizes));
    line("Audio", if model.audio { "supported" } else { "not supported" }.to_owned());
    if let Some(price) = price_text(&model.price) {
        line("Price", price);
    }
    for (param, Range { min, max }) in &model.ranges {
        line(param.name(), format!("{min} to {max}"));
    }
    if let Some(name) = &model.send_as {
        line("Sent as", name.to_string());
    }
    lines.join("\n") + "\n"
}

/// Of a size and its portrait twin, people name the landscape one.
fn landscape(largest: Size, sizes: &[Size]) -> Size {
    let twins = sizes.iter().filter(|size| size.area() == largest.area());
    twins.max_by_key(|size| size.orientation()).copied().unwrap_or(largest)
}

fn sizes_text(sizes: &[Size]) -> String {
    let texts: Vec<String> = sizes.iter().map(Size::to_string).collect();
    if texts.is_empty() { "any".to_owned() } else { texts.join(", ") }
}

fn price_text(price: &Price) -> Option<String> {
    match price {
        Price::Unknown => None,
        Price::Flat(price) => Some(format!("{price} a second")),
        Price::BySize(prices) => {
            let texts: Vec<String> =
                prices.iter().map(|(size, price)| format!("{price} a second at {size}")).collect();
            Some(texts.join(", "))
        }
    }
}

fn as_json(table: &Table) -> Value {
    let models: Vec<Value> = table.models().map(model_json).collect();
    json!({
        "default_model": table.default_model().map(|model| &*model.name),
        "allowed_parameters": table.shared.allowed_parameters,
        "models": models,
    })
}

fn model_json(model: &Model) -> Value {
    let seconds = match &model.seconds {
        SecondsRule::Any => Value::Null,
        SecondsRule::List(list) => json!(list),
        SecondsRule::Range { min, max, step } => json!({ "min": min, "max": max, "step": step }),
    };
    let price = match &model.price {
        Price::Unknown => Value::Null,
        Price::Flat(price) => json!(price),
        Price::BySize(prices) => {
            prices.iter().map(|(size, price)| (size.to_string(), json!(price))).collect()
        }
    };
    let sizes: Vec<String> = model.sizes.iter().map(Size::to_string).collect();
    let range = |(param, Range { min, max }): &(Param, Range)| {
        (param.name().to_owned(), json!({ "min": min, "max": max }))
    };
    let ranges: Map<String, Value> = model.ranges.iter().map(range).collect();
    json!({
        "name": &*model.name,
        "aliases": model.aliases.iter().map(|alias| &**alias).collect::<Vec<_>>(),
        "upstream": &*model.upstream,
        "send_as": model.send_as.as_deref(),
        "seconds": seconds,
        "default_seconds": model.default_seconds,
        "sizes": sizes,
        "default_size": model.default_size.map(|size| size.to_string()),
        "audio": model.audio,
        "price_per_second": price,
        "prompt_max": model.prompt_max,
        "ranges": ranges,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capability::testing::{seed_table, seed_table_with};

    #[test]
    fn the_text_says_what_the_seed_help_says() {
        assert_eq!(
            as_text(&seed_table()),
            "Video capabilities:\n\n  sora-2: 4, 8, 12 seconds\n    Default: 4 seconds\n    \
             Maximum resolution: 1280x720\n    Sizes: 720x1280, 1280x720\n    Audio: not supported\n\n  \
             sora-2-pro: 10, 15, 25 seconds\n    Default: 10 seconds\n    Maximum resolution: 1792x1024\n    \
             Sizes: 720x1280, 1280x720, 1024x1792, 1792x1024\n    Audio: supported\n"
        );
    }

    #[test]
    fn what_passes_beside_the_apis_fields_is_shown() {
        let mut table = seed_table_with(|model| model.ranges = vec![(Param::Fps, Range { min: 1, max: 60 })]);
        table.shared.allowed_parameters = vec!["seed".to_owned(), "user".to_owned()];
        let text = as_text(&table);
        assert!(text.contains("    fps: 1 to 60\n"), "{text}");
        assert!(text.ends_with("\nOther fields that pass: seed, user\n"), "{text}");
        let json = as_json(&table);
        assert_eq!(json["allowed_parameters"], json!(["seed", "user"]));
        assert_eq!(json["models"][0]["ranges"], json!({ "fps": { "min": 1, "max": 60 } }));
    }

    #[test]
    fn the_json_lists_every_model() {
        let json = as_json(&seed_table());
        assert_eq!(json["default_model"], "sora-2");
        assert_eq!(json["models"][1]["seconds"], json!([10, 15, 25]));
        assert_eq!(json["models"][0]["sizes"], json!(["720x1280", "1280x720"]));
    }
}
