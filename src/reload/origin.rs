//! Where a configuration comes from, and can be read from again.

use std::cell::RefCell;
use std::fmt;
use std::path::PathBuf;

use toml::Table;

use super::files::{Files, Reader};
use crate::config::secret::Sources;
use crate::config::{Config, Problem, Unusable};
use crate::telemetry;

/// A configuration file, and what wins over it.
pub struct Origin {
    path: PathBuf,
    overriding: Box<dyn Fn(Config) -> Config + Send + Sync>,
}

/// A configuration, and what it was read from.
#[derive(Debug)]
pub struct Loaded {
    /// What the operator decided.
    pub config: Config,
    /// Where that stands.
    pub source: Source,
}

/// What a configuration was read from.
#[derive(Clone, Debug)]
pub struct Source {
    /// The document, with its presets laid underneath.
    pub(super) document: Table,
    pub(super) files: Files,
    /// What tells this configuration from others; see [`Version`](crate::gateway::Version).
    pub fingerprint: String,
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Origin").field(&self.path).finish()
    }
}

impl Origin {
    /// The file at `path`. `overriding` puts in what wins over it, such as the flags of the process.
    pub fn new(path: PathBuf, overriding: impl Fn(Config) -> Config + Send + Sync + 'static) -> Self {
        Self { path, overriding: Box::new(overriding) }
    }

    /// Reads and checks the file, and every file that it names. Blocks while it does.
    ///
    /// # Errors
    /// With everything that is wrong.
    pub fn load(&self) -> Result<Loaded, Unusable> {
        self.read().1
    }

    /// As [`Self::load`]; and which files were read, also in vain.
    pub(super) fn read(&self) -> (Files, Result<Loaded, Unusable>) {
        let reader = RefCell::new(Reader::default());
        let sources = Sources { file: &|path| reader.borrow_mut().read(path), ..Sources::process() };
        let read = Config::load_document(&self.path, sources).and_then(|(config, document)| {
            let config = (self.overriding)(config);
            telemetry::check(&config.server.log).map_err(|error| stated(&error.to_string()))?;
            Ok((config, document))
        });
        let (files, fingerprint) = reader.into_inner().into_files();
        let loaded = read.map(|(config, document)| {
            let source = Source { document, files: files.clone(), fingerprint };
            Loaded { config, source }
        });
        (files, loaded)
    }
}

/// A problem that is a text already, with its path before a colon.
pub(super) fn stated(text: &str) -> Unusable {
    let (path, what) = text.split_once(": ").unwrap_or(("configuration", text));
    Unusable(vec![Problem { path: path.to_owned(), what: what.to_owned() }])
}
