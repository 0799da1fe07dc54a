//! Query parameters of list and content. Those nobody knows are ignored.

use axum::extract::Query;
use axum::http::Uri;

use super::answers::ErrorAnswer;
use super::jobs::Page;

const ORDERS: [&str; 2] = ["asc", "desc"];
const VARIANTS: [&str; 3] = ["video", "thumbnail", "spritesheet"];
const DEFAULT_LIMIT: usize = 20;
const MAX_LIMIT: i64 = 100;

/// What a download is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Variant {
    /// The film.
    Video,
    /// One still.
    Thumbnail,
    /// Many small stills in one image.
    Spritesheet,
}

/// Which page of the list is asked for.
pub(super) fn page(uri: &Uri) -> Result<Page, ErrorAnswer> {
    let limit = match parameter(uri, "limit") {
        Some(text) => limit(&text)?,
        None => DEFAULT_LIMIT,
    };
    let order = parameter(uri, "order").unwrap_or_else(|| "desc".to_owned());
    if !ORDERS.contains(&order.as_str()) {
        return Err(ErrorAnswer::invalid_value("order", &order, &ORDERS));
    }
    Ok(Page { limit, ascending: order == "asc", after: parameter(uri, "after") })
}

/// What is to be downloaded; the film if nothing is said.
pub(super) fn variant(uri: &Uri) -> Result<Variant, ErrorAnswer> {
    match parameter(uri, "variant").as_deref() {
        None | Some("video") => Ok(Variant::Video),
        Some("thumbnail") => Ok(Variant::Thumbnail),
        Some("spritesheet") => Ok(Variant::Spritesheet),
        Some(other) => Err(ErrorAnswer::invalid_value("variant", other, &VARIANTS)),
    }
}

fn limit(text: &str) -> Result<usize, ErrorAnswer> {
    let number: i64 =
        text.parse().map_err(|_| ErrorAnswer::invalid_type("limit", "an integer", "a string"))?;
    if number > MAX_LIMIT {
        return Err(ErrorAnswer::above_maximum("limit", MAX_LIMIT, number));
    }
    usize::try_from(number).map_err(|_| ErrorAnswer::below_minimum("limit", 0, number))
}

/// The value of a parameter; of several the last.
fn parameter(uri: &Uri, name: &str) -> Option<String> {
    let Query(all) = Query::<Vec<(String, String)>>::try_from_uri(uri).ok()?;
    all.into_iter().rev().find(|(given, _)| given == name).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page_of(query: &str) -> Result<Page, ErrorAnswer> {
        page(&format!("/v1/videos?{query}").parse().unwrap())
    }

    #[test]
    fn a_list_without_parameters_is_the_newest_twenty() {
        assert_eq!(page_of("").unwrap(), Page { limit: 20, ascending: false, after: None });
    }

    #[test]
    fn every_parameter_of_a_list_counts() {
        let page = page_of("limit=3&order=asc&after=video_1&colour=red").unwrap();
        assert_eq!(page, Page { limit: 3, ascending: true, after: Some("video_1".into()) });
    }

    #[test]
    fn limits_outside_the_range_are_refused() {
        assert_eq!(page_of("limit=101").unwrap_err(), ErrorAnswer::above_maximum("limit", 100, 101));
        assert_eq!(page_of("limit=-1").unwrap_err(), ErrorAnswer::below_minimum("limit", 0, -1));
        assert_eq!(
            page_of("limit=ten").unwrap_err(),
            ErrorAnswer::invalid_type("limit", "an integer", "a string")
        );
    }
}
