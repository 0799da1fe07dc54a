//! Remarks on what clients with keys may do. Pure.

use axum::http::Method;

use super::Remark;
use crate::config::Config;
use crate::config::allow::AllowList;
use crate::config::auth::{AuthMode, FileIds, Key, UnknownVideos};
use crate::config::ledger::StoreKind;
use crate::config::reader::joined;
use crate::config::routes::OtherAccess;

/// Keys that are named; of the others their number is told.
const NAMED_MAX: usize = 3;

/// What an operator who gives out keys should know.
pub(super) fn of_keys(config: &Config) -> Vec<Remark> {
    if config.auth.mode != AuthMode::Keys {
        return Vec::new();
    }
    [
        forgotten(config),
        unowned_videos(config),
        unowned_files(config),
        shared_files(config),
        uncounted(config),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Which key made which video, and what it has spent, is what the ledger knows.
fn forgotten(config: &Config) -> Option<Remark> {
    (config.ledger.store == StoreKind::Memory).then(|| Remark {
        path: "ledger.store".to_owned(),
        what: "\"memory\" forgets at every restart which key made which video, and what each has used of its budget \
               (use \"sqlite\" or \"redis\")"
            .to_owned(),
    })
}

/// No key owns what the ledger does not know.
fn unowned_videos(config: &Config) -> Option<Remark> {
    (config.auth.unknown_videos == UnknownVideos::Forward).then(|| Remark {
        path: "auth.unknown_videos".to_owned(),
        what: "with \"forward\" every key can read and delete a video that is not in the ledger, if it knows the id, and \
               can tell such an id from one of another key (use \"refuse\" once those videos are gone)"
            .to_owned(),
    })
}

/// Nor does any own a file.
fn unowned_files(config: &Config) -> Option<Remark> {
    (config.auth.file_ids == FileIds::Forward).then(|| Remark {
        path: "auth.file_ids".to_owned(),
        what: "with \"forward\" every key can use every file at the upstream, if it knows the id (use \"refuse\", and have \
               clients send pictures themselves)"
            .to_owned(),
    })
}

/// Files belong to the account at the upstream, which all keys share.
fn shared_files(config: &Config) -> Option<Remark> {
    let sees = |key: &&Key| {
        let access = access(config, key);
        access.allows(&Method::GET, "/v1/files") || access.allows(&Method::GET, "/v1/files/file-1")
    };
    let keys: Vec<&Key> = keys(config).filter(sees).collect();
    (keys.len() > 1).then(|| Remark {
        path: path_of(&keys),
        what: format!(
            "{} can use /v1/files, where files belong to no key: each can read those of the others (open it to one key, \
             with a list of its own)",
            names(&keys)
        ),
    })
}

/// What is done beside videos is not judged.
fn uncounted(config: &Config) -> Option<Remark> {
    let is_limited = |key: &Key| key.models.is_some() || key.budget.is_limited();
    let writes = |key: &Key| match access(config, key) {
        OtherAccess::Everything => true,
        OtherAccess::Nothing => false,
        OtherAccess::Listed(list) => list.is_some_and(AllowList::allows_writing),
    };
    let keys: Vec<&Key> = keys(config).filter(|key| is_limited(key) && writes(key)).collect();
    (!keys.is_empty()).then(|| Remark {
        path: path_of(&keys),
        what: format!(
            "what is done there by {}, with your credential, is not held to models and budgets, and is not in the ledger \
             (open no more than is needed, and set a quota.other)",
            names(&keys)
        ),
    })
}

fn keys(config: &Config) -> impl Iterator<Item = &Key> {
    config.auth.keys.iter().map(|key| &**key)
}

fn access<'c>(config: &'c Config, key: &'c Key) -> OtherAccess<'c> {
    config.routes.other_access(config.auth.mode, Some(key))
}

/// Where it stands what these keys may use: everybody's list, unless each of them has one of its own.
fn path_of(keys: &[&Key]) -> String {
    let own = keys.iter().find(|_| keys.iter().all(|key| key.allow.is_some()));
    own.map_or_else(|| "routes.allow".to_owned(), |key| format!("{}.allow", joined("auth.keys", &key.name)))
}

fn names(keys: &[&Key]) -> String {
    let mut told: Vec<String> = keys.iter().take(NAMED_MAX).map(|key| key.name.to_string()).collect();
    if let Some(more) = keys.len().checked_sub(NAMED_MAX).filter(|more| *more > 0) {
        told.push(format!("{more} more keys"));
    }
    match told.split_last() {
        Some((last, [])) => format!("the key {last}"),
        Some((last, others)) => format!("the keys {} and {last}", others.join(", ")),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::config::Config;
    use crate::config::secret::Sources;

    /// The remarks on so many keys, each with these settings.
    fn remarks(number: usize, settings: &str, more: &str) -> Vec<String> {
        let keys: String = (0..number)
            .map(|number| format!("[auth.keys.k{number}]\nsha256 = \"{number:064x}\"\n{settings}\n"))
            .collect();
        remarks_on(&format!("auth.mode = \"keys\"\n{keys}{more}"))
    }

    fn remarks_on(text: &str) -> Vec<String> {
        let text = format!("presets = [\"openai\"]\n{text}");
        let sources = Sources { var: &|_| None, file: &|_| Err(std::io::ErrorKind::NotFound.into()) };
        let config =
            Config::parse(&text, Path::new(""), sources).unwrap_or_else(|problems| panic!("{problems}"));
        config.remarks().iter().map(ToString::to_string).collect()
    }

    fn one(number: usize, settings: &str, more: &str) -> String {
        let remarks = remarks(number, settings, more);
        let [remark] = &remarks[..] else { panic!("{remarks:#?}") };
        remark.clone()
    }

    #[test]
    fn keys_with_a_ledger_in_memory_are_remarked_on() {
        let remark = one(1, "", "[ledger]\nstore = \"memory\"");
        assert!(
            remark.starts_with("ledger.store: \"memory\" forgets at every restart which key made"),
            "{remark}"
        );
    }

    #[test]
    fn what_no_key_owns_and_every_key_may_reach_is_remarked_on() {
        for key in ["unknown_videos", "file_ids"] {
            let key_of_one = format!("[auth.keys.one]\nsha256 = \"{:064x}\"", 1);
            let remarks =
                remarks_on(&format!("auth.mode = \"keys\"\nauth.{key} = \"forward\"\n{key_of_one}"));
            let [remark] = &remarks[..] else { panic!("{remarks:#?}") };
            assert!(remark.starts_with(&format!("auth.{key}: with \"forward\" every key can")), "{remark}");
        }
    }

    #[test]
    fn files_that_several_keys_see_are_remarked_on() {
        for open in ["GET /v1/files", "/v1/files/*", "GET *"] {
            let remark = one(2, "", &format!("[routes]\nallow = [\"{open}\"]"));
            let expected = "routes.allow: the keys k0 and k1 can use /v1/files, where files belong to no key";
            assert!(remark.starts_with(expected), "{remark}");
        }
        let remark = one(5, "allow = [\"GET /v1/files\"]", "");
        assert!(
            remark.starts_with("auth.keys.k0.allow: the keys k0, k1, k2 and 2 more keys can use"),
            "{remark}"
        );
        assert_eq!(remarks(1, "", "[routes]\nallow = [\"/v1/files\"]"), [""; 0], "one key sees its own");
        assert_eq!(remarks(2, "", "[routes]\nallow = [\"/v1/responses\"]"), [""; 0]);
    }

    /// CL01: a key with models or a budget never gets past them unnoticed.
    #[test]
    fn routes_that_lead_past_models_and_budgets_are_remarked_on() {
        for settings in ["models = [\"sora-2\"]", "budget = { day = { requests = 1 } }"] {
            let remark = one(1, settings, "[routes]\nallow = [\"POST /v1/responses\"]");
            let expected =
                "routes.allow: what is done there by the key k0, with your credential, is not held to";
            assert!(remark.starts_with(expected), "{remark}");
            assert_eq!(remarks(1, settings, "[routes]\nallow = [\"GET /v1/responses/*\"]"), [""; 0]);
        }
        assert_eq!(
            remarks(1, "", "[routes]\nallow = [\"POST /v1/responses\"]"),
            [""; 0],
            "nothing is limited"
        );
    }

    #[test]
    fn keys_that_reach_videos_alone_are_not_remarked_on() {
        assert_eq!(remarks(3, "models = [\"sora-2\"]", ""), [""; 0]);
    }
}
