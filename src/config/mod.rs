//! The configuration: one TOML file, read into types that cannot be wrong any more.
//!
//! [`reader`](self) walks the document and gathers every mistake; one file a section knows its keys. Nothing
//! here opens a socket or looks at a clock, and secrets come in through [`secret::Sources`].

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use toml::Table;

use crate::capability;
use crate::capability::model::Rewrite;
use crate::error::{Form, ModelSize, Wording};

pub mod allow;
pub mod auth;
pub mod budget;
mod capabilities;
pub mod certificates;
pub mod cors;
pub mod ledger;
mod parameters;
pub mod presets;
pub mod quota;
mod reader;
pub mod redis;
pub mod remarks;
pub mod retry;
pub mod routes;
pub mod secret;
pub mod server;
pub mod spool;
#[cfg(test)]
mod tests;
pub mod tracing;
pub mod upstreams;

pub use reader::Problem;
pub use routes::{OtherRoutes, VideoIds};

use reader::{Notes, Section};
use secret::Sources;

/// Everything an operator decides.
#[derive(Clone, Debug)]
pub struct Config {
    /// `[server]`
    pub server: server::Server,
    /// `[cors]`
    pub cors: cors::Cors,
    /// `[limits]`
    pub limits: server::Limits,
    /// `[auth]`
    pub auth: auth::Auth,
    /// `[routes]`
    pub routes: routes::Routes,
    /// `[ledger]`
    pub ledger: ledger::Settings,
    /// `[spool]`
    pub spool: spool::Settings,
    /// `[redis]`
    pub redis: Option<redis::Settings>,
    /// `[rewrite] mode_header`: whether clients may choose with `x-reelgate-mode`.
    pub mode_header: bool,
    /// `[errors]`
    pub wording: Wording,
    /// `[quota]`: what counts for everybody together.
    pub quota: quota::Quota,
    /// `[models.NAME.quota]`
    pub model_quotas: Vec<(Arc<str>, quota::Quota)>,
    /// `[jobs]`
    pub jobs: quota::Watch,
    /// `[tracing]`
    pub tracing: tracing::Tracing,
    /// `[upstreams]`, in order of name.
    pub upstreams: Vec<upstreams::Upstream>,
    /// The upstream that serves all that no model decides.
    pub default_upstream: Arc<str>,
    /// `[shared]`, `[models]` and what goes with them.
    pub capabilities: capability::Table,
}

/// A configuration that cannot be used: every mistake in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unusable(pub Vec<Problem>);

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Unusable {}

impl Config {
    /// The configuration of an empty file: the seed table, and no upstream.
    pub fn embedded() -> Result<Self, Unusable> {
        let nothing = |_: &Path| Err(std::io::ErrorKind::NotFound.into());
        Self::parse("", Path::new(""), Sources { var: &|_| None, file: &nothing })
    }

    /// Reads and checks the file at `path`.
    pub fn load(path: &Path, sources: Sources<'_>) -> Result<Self, Unusable> {
        Self::load_document(path, sources).map(|(config, _)| config)
    }

    /// The same, with the document that was read, its presets laid underneath.
    pub(crate) fn load_document(path: &Path, sources: Sources<'_>) -> Result<(Self, Table), Unusable> {
        let text = (sources.file)(path).map_err(|error| {
            let what = format!("cannot be read: {error} (name a readable file with --config; in a container, mount one there)");
            Unusable(vec![Problem { path: path.display().to_string(), what }])
        })?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let (config, document, mut problems) =
            Self::gather(&text, folder, sources).map_err(|unusable| named(unusable, path))?;
        problems.extend(config.serving_problems());
        usable((config, document), problems)
    }

    /// Reads and checks a document. `folder` is where relative paths of presets start.
    pub fn parse(text: &str, folder: &Path, sources: Sources<'_>) -> Result<Self, Unusable> {
        let (config, _, problems) = Self::gather(text, folder, sources)?;
        usable(config, problems)
    }

    /// What could be read, the whole document, and every mistake on the way.
    fn gather(
        text: &str,
        folder: &Path,
        sources: Sources<'_>,
    ) -> Result<(Self, Table, Vec<Problem>), Unusable> {
        let document: Table = toml::from_str(text).map_err(|error| {
            let what = format!("{} (correct the TOML)", error.to_string().trim());
            Unusable(vec![Problem { path: DOCUMENT.to_owned(), what }])
        })?;
        let notes = Notes::default();
        let merged = presets::lay_under(&document, folder, sources, &notes);
        let config = Self::read(Section::root(&merged, &notes), sources);
        Ok((config, merged, notes.into_problems()))
    }

    fn read(mut root: Section<'_>, sources: Sources<'_>) -> Self {
        root.value("presets");
        let default_upstream: Arc<str> = root.text("default_upstream").unwrap_or("main").into();
        let (rewrite, mode_header) = read_rewrite(root.section("rewrite"));
        let upstreams = root.named_sections("upstreams");
        let redis = root.optional_section("redis");
        let redis = redis.and_then(|section| redis::Settings::read(section, sources));
        let (capabilities, model_quotas) = capabilities::read(&mut root, &default_upstream, rewrite);
        let auth = auth::Auth::read(root.section("auth"), sources);
        let config = Self {
            server: server::Server::read(root.section("server")),
            cors: cors::Cors::read(root.section("cors")),
            limits: server::Limits::read(root.section("limits")),
            routes: routes::Routes::read(root.section("routes"), &auth),
            auth,
            ledger: ledger::Settings::read(root.section("ledger"), redis.as_ref()),
            spool: spool::Settings::read(root.section("spool")),
            redis,
            wording: read_wording(root.section("errors")),
            quota: quota::Quota::read(root.section("quota")),
            jobs: quota::Watch::read(root.section("jobs")),
            tracing: tracing::Tracing::read(root.section("tracing"), sources),
            model_quotas,
            upstreams: upstreams
                .into_iter()
                .filter_map(|(name, section)| upstreams::Upstream::read(name, section, sources))
                .collect(),
            capabilities,
            mode_header,
            default_upstream,
        };
        config.check_credentials(&root);
        config.check_models(&root);
        config.auth.check_against(&config.capabilities, &root);
        root.finish();
        config
    }

    /// Everybody may bring anything as a key where the upstream does not see it.
    fn check_credentials(&self, root: &Section<'_>) {
        let operators =
            self.upstreams.iter().any(|upstream| upstream.credential != upstreams::Credential::Client);
        if operators && self.auth.mode == auth::AuthMode::Passthrough {
            let what = "\"passthrough\" is not allowed while an upstream has a credential of yours: anybody could \
                spend it (use \"keys\", or \"open\" if only you can reach the listener)";
            root.problem_at("auth.mode", what);
        }
        let clients =
            self.upstreams.iter().any(|upstream| upstream.credential == upstreams::Credential::Client);
        if clients && self.auth.mode == auth::AuthMode::Keys {
            let what = "\"keys\" is not allowed while an upstream has credential = \"client\": the gateway's keys \
                would be sent to it (give the upstream a credential, or use \"passthrough\")";
            root.problem_at("auth.mode", what);
        }
    }

    fn check_models(&self, root: &Section<'_>) {
        let exists = |name: &str| self.upstreams.iter().any(|upstream| *upstream.name == *name);
        for model in self.capabilities.models() {
            if self.upstreams.is_empty() || exists(&model.upstream) {
                continue;
            }
            let what =
                format!("there is no upstream \"{}\" (add [upstreams.{0}], or name another)", model.upstream);
            root.problem_at(format!("models.{}.upstream", model.name), what);
        }
    }

    /// What serving needs beyond a well-formed file.
    pub fn check_serving(self) -> Result<Self, Unusable> {
        let problems = self.serving_problems();
        usable(self, problems)
    }

    fn serving_problems(&self) -> Vec<Problem> {
        let default = &self.default_upstream;
        if self.upstream(default).is_none() {
            let what = format!(
                "there is no upstream \"{default}\" (add [upstreams.{default}] with base_url = \"https://…/v1\")"
            );
            return vec![Problem { path: "upstreams".to_owned(), what }];
        }
        Vec::new()
    }

    /// The upstream of that name.
    #[must_use]
    pub fn upstream(&self, name: &str) -> Option<&upstreams::Upstream> {
        self.upstreams.iter().find(|upstream| *upstream.name == *name)
    }
}

/// What is no TOML is told by the name of its file.
fn named(Unusable(mut problems): Unusable, path: &Path) -> Unusable {
    for problem in problems.iter_mut().filter(|problem| problem.path == DOCUMENT) {
        problem.path = path.display().to_string();
    }
    Unusable(problems)
}

/// Stands for the whole document where its file is not known.
const DOCUMENT: &str = "configuration";

fn usable<T>(config: T, problems: Vec<Problem>) -> Result<T, Unusable> {
    if problems.is_empty() { Ok(config) } else { Err(Unusable(problems)) }
}

fn read_rewrite(mut section: Section<'_>) -> (Rewrite, bool) {
    let rewrite = capabilities::read_rewrite(&mut section, &Rewrite::default());
    let mode_header = section.flag("mode_header", false);
    section.finish();
    (rewrite, mode_header)
}

fn read_wording(mut section: Section<'_>) -> Wording {
    let forms = [("service", Form::Service), ("front_door", Form::FrontDoor)];
    let authentication = section.choice("authentication", &forms, Form::Service);
    let json = section.choice("json", &forms, Form::Service);
    let default = ModelSize::default();
    let mut inner = section.section("model_size");
    let some = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(str::to_owned);
    let model_size = ModelSize {
        message: inner.text("message").map_or(default.message, str::to_owned),
        kind: inner.text("type").map_or(default.kind, str::to_owned),
        param: some(inner.any_text("param")),
        code: some(inner.any_text("code")),
    };
    inner.finish();
    section.finish();
    Wording { authentication, json, model_size }
}
