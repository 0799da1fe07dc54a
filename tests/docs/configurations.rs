//! Every configuration that a page shows can be used.

use std::path::Path;

use reelgate::config::Config;
use reelgate::config::presets::EMBEDDED;
use reelgate::config::secret::Sources;

use crate::markdown::{Block, page, pages};

/// What a piece of a configuration stands on.
const UPSTREAM: &str = "\n[upstreams.main]\nbase_url = \"https://api.example.com/v1\"\n";
const OWN_CREDENTIAL: &str = "credential = { env = \"UPSTREAM_KEY\" }\n";

#[test]
fn every_configuration_on_every_page_can_be_used() {
    let (mut whole, mut wrong) = (0, Vec::new());
    for page in pages() {
        for block in page.blocks().iter().filter(|block| block.language == "toml") {
            whole += usize::from(is_whole(block));
            if let Err(why) = used(block) {
                wrong.push(format!("{}:{}: {why}", page.path, block.line));
            }
        }
    }
    assert!(whole >= EMBEDDED.len(), "only {whole} whole configurations were found");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A block that says where its upstream is stands for itself; any other is a piece of a file.
fn is_whole(block: &Block) -> bool {
    block.text.contains("base_url")
}

fn used(block: &Block) -> Result<Config, String> {
    let mut text = hashed(&block.text);
    if !is_whole(block) {
        text += UPSTREAM;
        if text.contains("mode = \"keys\"") {
            text += OWN_CREDENTIAL;
        }
    }
    let var = |_: &str| Some("sk-of-the-environment".to_owned());
    let file = |path: &Path| match path.extension() {
        Some(ending) if ending == "toml" => Ok(String::new()),
        _ if path.ends_with("redis-url") => Ok("redis://:password@redis:6379\n".to_owned()),
        _ => Ok("sk-of-a-file\n".to_owned()),
    };
    let sources = Sources { var: &var, file: &file };
    let config = Config::parse(&text, Path::new(""), sources).map_err(|problems| problems.to_string())?;
    config.check_serving().map_err(|problems| problems.to_string())
}

/// Pages write `…` for hashes; each becomes one of its own.
fn hashed(text: &str) -> String {
    let mut parts = text.split("\"…\"");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.enumerate().fold(first, |text, (number, part)| format!("{text}\"{number:064x}\"{part}"))
}

#[test]
fn every_preset_has_a_configuration_in_the_migration_guide() {
    let migration = page("docs/migration.md");
    let blocks = migration.blocks();
    for (name, _) in EMBEDDED {
        let line = format!("presets = [\"{name}\"]");
        assert!(
            blocks.iter().any(|block| is_whole(block) && block.text.contains(&line)),
            "{line} is missing"
        );
    }
}
