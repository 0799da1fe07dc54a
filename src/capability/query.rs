//! Judging queries. Values are compared as they were sent: the plain spelling is the only one, so that no two parsers
//! can read two things.

use percent_encoding::percent_decode_str;

use crate::rejection::{Param, Rejection};

use super::fields::listed;
use super::ranges::whole_number;
use super::{Table, Unknown};

/// Most entries a list page holds (API reference).
const LIMIT_MAX: u64 = 100;

/// What a query may name, and what else the operator lets through.
#[derive(Clone, Copy, Debug)]
pub struct Allowed<'a> {
    /// The operation's own parameters.
    pub known: &'a [Param],
    /// Further names; their values are not judged.
    pub extra: &'a [String],
    /// Whether a text can be the id of a video.
    pub is_id: fn(&str) -> bool,
}

impl Table {
    /// Judges a query as sent, without its question mark.
    pub fn judge_query(&self, query: &str, allowed: Allowed<'_>) -> Result<(), Rejection> {
        let mut seen: Vec<&str> = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            if seen.contains(&name) {
                return Err(Rejection::DuplicateParameter(decoded(name)));
            }
            seen.push(name);
            self.judge_pair(name, value, allowed)?;
        }
        Ok(())
    }

    /// Judges the query of a paid operation, which has no parameters of its own there: some servers read from it what
    /// they miss in the body. `named`: those that the operator lets through.
    pub fn judge_paid_query(&self, query: &str, named: &[String]) -> Result<(), Rejection> {
        let mut seen: Vec<&str> = Vec::new();
        // Some parsers also separate at semicolons.
        for pair in query.split(['&', ';']).filter(|pair| !pair.is_empty()) {
            let name = pair.split_once('=').map_or(pair, |(name, _)| name);
            if seen.contains(&name) {
                return Err(Rejection::DuplicateParameter(decoded(name)));
            }
            seen.push(name);
            if !self.shared.passes_in_query(name, named.iter().any(|named| named == name)) {
                return Err(Rejection::UnknownParameter(decoded(name)));
            }
        }
        Ok(())
    }

    fn judge_pair(&self, name: &str, value: &str, allowed: Allowed<'_>) -> Result<(), Rejection> {
        let Some(&param) = allowed.known.iter().find(|param| param.name() == name) else {
            return self.judge_unknown(name, allowed);
        };
        if param == Param::Limit {
            return whole_number(param, value, (0, LIMIT_MAX));
        }
        let literals = [(Param::Order, &self.shared.order), (Param::Variant, &self.shared.variant)];
        if let Some((_, list)) = literals.iter().find(|(literal, _)| *literal == param) {
            return judge_literal(param, value, list);
        }
        // The rest names a video.
        if (allowed.is_id)(value) { Ok(()) } else { Err(Rejection::UnknownVideo(decoded(value))) }
    }

    fn judge_unknown(&self, name: &str, allowed: Allowed<'_>) -> Result<(), Rejection> {
        let disguised = || {
            let decoded = decoded(name).to_lowercase();
            allowed.known.iter().any(|param| decoded.starts_with(param.name()))
        };
        let passes = allowed.extra.iter().any(|extra| extra == name)
            || (self.shared.unknown_parameters == Unknown::Forward && !disguised());
        if passes { Ok(()) } else { Err(Rejection::UnknownParameter(decoded(name))) }
    }
}

fn judge_literal(param: Param, value: &str, list: &[String]) -> Result<(), Rejection> {
    listed(param, value, list).map_err(|_| Rejection::NotListed {
        param,
        got: decoded(value),
        allowed: list.to_vec(),
    })
}

/// For messages only: what is compared and forwarded is never decoded.
fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capability::Shared;

    fn table(unknown_parameters: Unknown) -> Table {
        let texts = |list: &[&str]| list.iter().map(|&text| text.to_owned()).collect();
        let shared = Shared {
            variant: texts(&["video", "thumbnail", "spritesheet"]),
            order: texts(&["asc", "desc"]),
            unknown_parameters,
            ..Shared::default()
        };
        Table::new(Vec::new(), None, Vec::new(), shared)
    }

    fn judge(query: &str) -> Result<(), Rejection> {
        let known = &[Param::After, Param::Limit, Param::Order, Param::Variant];
        let extra = &["api-version".to_owned()];
        let is_id = |id: &str| id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        table(Unknown::Reject).judge_query(query, Allowed { known, extra, is_id })
    }

    /// VA14
    #[test]
    fn plain_queries_pass() {
        for query in
            ["", "limit=0", "limit=100&order=asc&after=video_1", "variant=thumbnail", "api-version=1&&"]
        {
            assert_eq!(judge(query), Ok(()), "{query}");
        }
    }

    /// VA14
    #[test]
    fn foreign_doubled_and_disguised_parameters_are_refused() {
        for query in [
            "limit=101",
            "limit=-1",
            "limit=",
            "limit=1.5",
            "limit=+5",
            "limit=05",
            "limit=%31",
            "limit=99999999999999999999",
            "order=newest",
            "order=ASC",
            "order=%61sc",
            "order=asc%0d%0ax:y",
            "order=asc&order=desc",
            "after=../x",
            "after=a%00",
            "%6cimit=5",
            "Limit=5",
            "limit[]=5",
            "x=1",
            "=1",
            "variant=video;limit=5",
            "variant=gif",
        ] {
            assert!(judge(query).is_err(), "{query}");
        }
    }

    #[test]
    fn the_message_shows_what_was_meant() {
        assert_eq!(
            judge("variant=gif%20x"),
            Err(Rejection::NotListed {
                param: Param::Variant,
                got: "gif x".to_owned(),
                allowed: ["video", "thumbnail", "spritesheet"].map(str::to_owned).to_vec(),
            })
        );
    }

    #[test]
    fn unknown_parameters_pass_where_they_are_left_to_the_upstream_but_not_in_disguise() {
        let known = &[Param::Limit];
        let judge = |query| {
            table(Unknown::Forward).judge_query(query, Allowed { known, extra: &[], is_id: |_| true })
        };
        assert_eq!(judge("custom_llm_provider=openai"), Ok(()));
        for query in ["Limit=5", "%6cimit=5", "limit[]=5", "a=1&a=2"] {
            assert!(judge(query).is_err(), "{query}");
        }
    }

    /// VA14: what costs money is judged in its body, and nothing in its query adds to that.
    #[test]
    fn the_query_of_a_paid_operation_holds_only_what_the_operator_lets_through() {
        let named = ["api-version".to_owned(), "n".to_owned(), "seconds".to_owned()];
        for (unknown, passing) in [
            (Unknown::Reject, &["", "&", "api-version=1", "n=2&api-version=preview"][..]),
            (Unknown::Forward, &["api-version=1", "custom_llm_provider=openai", "seed=1&user=2"]),
        ] {
            let table = table(unknown);
            for query in passing {
                assert_eq!(table.judge_paid_query(query, &named), Ok(()), "{query}");
            }
            for query in [
                "api-version=1&api-version=2",
                "api-version=1;seconds=60",
                "api-version=1;num_frames=60",
                "Api-Version=1&width=2",
                "seconds=60",
                "Seconds=60",
                "second%73=60",
                "second%2573=60",
                "seconds[]=60",
                "model=sora-2-pro",
                "N=10",
                "n[]=10",
                "%6e%5b%5d=10",
                "num%5fframes=10",
                "extra_body[num_frames]=10",
                "fps=60",
                "output_path=/x",
            ] {
                let refused = table.judge_paid_query(query, &named);
                assert!(refused.is_err(), "{query}");
            }
        }
    }
}
