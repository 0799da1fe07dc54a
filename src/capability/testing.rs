//! Tables that the tests of this folder judge by.

use super::model::{Model, Price, Rewrite, SendSeconds, ServerDefaults};
use super::seconds::SecondsRule;
use super::{Shared, Table};

/// A model that makes just these lengths, in any size. Its server has the same defaults.
pub(crate) fn model(name: &str, seconds: &[u32]) -> Model {
    Model {
        name: name.into(),
        aliases: Vec::new(),
        upstream: "main".into(),
        send_as: None,
        seconds: SecondsRule::List(seconds.to_vec()),
        sizes: Vec::new(),
        default_seconds: seconds.first().copied(),
        default_size: None,
        server_defaults: ServerDefaults {
            model: Some(name.into()),
            seconds: seconds.first().copied(),
            size: None,
        },
        audio: false,
        price: Price::Unknown,
        prompt_max: 32_000,
        ranges: Vec::new(),
        send_seconds: SendSeconds::Text,
        rewrite: Rewrite::default(),
    }
}

/// The seed table, by hand.
pub(crate) fn seed_table() -> Table {
    seed_table_with(|_| {})
}

/// The seed table with every model changed.
pub(crate) fn seed_table_with(change: impl Fn(&mut Model)) -> Table {
    let sizes = |texts: &[&str]| texts.iter().map(|text| text.parse().expect("a size")).collect();
    let mut models = vec![
        Model { sizes: sizes(&["720x1280", "1280x720"]), ..model("sora-2", &[4, 8, 12]) },
        Model {
            sizes: sizes(&["720x1280", "1280x720", "1024x1792", "1792x1024"]),
            audio: true,
            ..model("sora-2-pro", &[10, 15, 25])
        },
    ];
    for model in &mut models {
        model.default_size = "720x1280".parse().ok();
        model.server_defaults.size = model.default_size;
        change(model);
    }
    let size = ["720x1280", "1280x720", "1024x1792", "1792x1024"].map(str::to_owned).to_vec();
    let shared = Shared { size, ..Shared::default() };
    Table::new(models, Some("sora-2".into()), vec!["sora-2".into(), "sora-2-pro".into()], shared)
}
