//! `[cors]`: which sites' pages may use the gateway from a browser.

use std::time::Duration;

use axum::http::{HeaderValue, Uri};

use super::reader::Section;

/// `[cors]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cors {
    /// The sites.
    pub origins: Origins,
    /// How long a browser may keep the answer to a preflight.
    pub max_age: Duration,
}

/// The sites whose pages may read answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Origins {
    /// None: answers say nothing to browsers.
    #[default]
    None,
    /// Every site.
    Any,
    /// These, as browsers send them in `Origin`.
    Listed(Vec<HeaderValue>),
}

impl Default for Cors {
    fn default() -> Self {
        // Browsers keep it no longer than two hours.
        Self { origins: Origins::None, max_age: Duration::from_hours(2) }
    }
}

impl Cors {
    pub(super) fn read(mut section: Section<'_>) -> Self {
        let default = Self::default();
        let texts = section.texts("origins").unwrap_or_default();
        let cors = Self {
            origins: read_origins(&section, &texts),
            max_age: section.duration("max_age", default.max_age),
        };
        section.finish();
        cors
    }
}

fn read_origins(section: &Section<'_>, texts: &[String]) -> Origins {
    if texts.iter().any(|text| text == "*") {
        if texts.len() > 1 {
            let right = "use [\"*\"] alone for every site, or name the sites and leave it out";
            section.problem("origins", format!("\"*\" is not allowed beside others ({right})"));
        }
        return Origins::Any;
    }
    let mut listed = Vec::new();
    for text in texts {
        match read_origin(text) {
            Ok(origin) => listed.push(origin),
            Err(right) => section.problem("origins", format!("\"{text}\" is not allowed ({right})")),
        }
    }
    if listed.is_empty() { Origins::None } else { Origins::Listed(listed) }
}

/// The origin, if it is spelled as browsers spell it: they are compared byte by byte. Else what would be right.
fn read_origin(text: &str) -> Result<HeaderValue, String> {
    const RIGHT: &str = "use a scheme, a host and, where it is not the scheme's own, a port, such as \
                         \"https://app.example.com\" or \"http://localhost:3000\"";
    if text.contains('*') {
        return Err("name each site; only [\"*\"] alone stands for every site".to_owned());
    }
    if !text.contains("://") {
        let host = text.split('/').next().unwrap_or_default();
        let is_host = host.contains('.') && host.bytes().all(|byte| byte.is_ascii_graphic());
        return Err(if is_host {
            format!("use the scheme, too: \"https://{host}\"")
        } else {
            RIGHT.to_owned()
        });
    }
    let uri = text.parse::<Uri>().map_err(|_| RIGHT.to_owned())?;
    let (Some(scheme), Some(host)) = (uri.scheme_str(), uri.host().filter(|host| !host.is_empty())) else {
        return Err(RIGHT.to_owned());
    };
    let port = uri.port_u16().filter(|port| !matches!((scheme, port), ("https", 443) | ("http", 80)));
    let port = port.map(|port| format!(":{port}")).unwrap_or_default();
    let right = format!("{scheme}://{host}{port}").to_ascii_lowercase();
    if right != text {
        return Err(format!("use \"{right}\", as browsers send it"));
    }
    HeaderValue::try_from(right).map_err(|_| RIGHT.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_spelled_as_browsers_send_it() {
        for right in [
            "https://app.example.com",
            "https://app.example.com:8443",
            "http://localhost:3000",
            "http://[::1]:3000",
            "https://xn--bcher-kva.example",
            "tauri://localhost",
        ] {
            assert_eq!(read_origin(right), Ok(HeaderValue::from_static(right)));
        }
    }

    #[test]
    fn any_other_spelling_is_told_with_the_right_one() {
        for (wrong, right) in [
            ("https://app.example.com/", "use \"https://app.example.com\", as browsers send it"),
            ("https://app.example.com/studio", "use \"https://app.example.com\", as browsers send it"),
            ("https://app.example.com?a=b", "use \"https://app.example.com\", as browsers send it"),
            ("https://App.Example.com", "use \"https://app.example.com\", as browsers send it"),
            ("https://app.example.com:443", "use \"https://app.example.com\", as browsers send it"),
            ("http://app.example.com:80", "use \"http://app.example.com\", as browsers send it"),
            ("app.example.com", "use the scheme, too: \"https://app.example.com\""),
            ("app.example.com/studio", "use the scheme, too: \"https://app.example.com\""),
            ("https://*.example.com", "name each site; only [\"*\"] alone stands for every site"),
        ] {
            assert_eq!(read_origin(wrong), Err(right.to_owned()), "{wrong}");
        }
        for wrong in ["", "null", "https://", "https://bücher.example", "//app.example.com", "https:app"] {
            let refused = read_origin(wrong).expect_err(wrong);
            assert!(refused.starts_with("use a scheme, a host and"), "{wrong}: {refused}");
        }
    }
}
