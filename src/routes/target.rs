//! Which targets are plainly spelled. Whatever could be read as another path by another server ends here.

use axum::http::{Method, Uri};
use percent_encoding::percent_decode_str;

use crate::config::VideoIds;
use crate::rejection::Rejection;

/// Longest id of a video, in bytes.
const ID_MAX: usize = 128;
/// Longest id where ids carry more than a name, in bytes.
const ENCODED_ID_MAX: usize = 512;

/// Why a request is not offered. `allow`: the methods that its path has; `None` where it names nothing.
pub(super) fn not_offered(method: &Method, uri: &Uri, allow: Option<&'static str>) -> Rejection {
    let (method, path) = (method.to_string(), uri.path().to_owned());
    match allow {
        Some(allow) => Rejection::MethodNotAllowed { method, path, allow },
        None => Rejection::UnknownUrl { method, path },
    }
}

/// Lets only plainly spelled paths through to the routes.
pub(super) fn check(method: &Method, uri: &Uri) -> Result<(), Rejection> {
    let passes = match uri.path().strip_prefix("/v1/") {
        Some(rest) => is_plain_path(rest) && !is_disguised(rest),
        None => false,
    };
    if passes { Ok(()) } else { Err(not_offered(method, uri, None)) }
}

/// Segments that are not empty and not dots, of characters that mean the same everywhere.
fn is_plain_path(rest: &str) -> bool {
    // An id may hide a slash, since it is looked up before it is sent on; no other segment may, or a decoding server
    // would see another path.
    let hiding = id_index(rest);
    rest.split('/').enumerate().all(|(index, segment)| {
        if hiding == Some(index) {
            return is_id_segment(segment);
        }
        !matches!(segment, "" | "." | "..") && is_plain_segment(segment)
    })
}

/// Which segment below `/v1/` is the id of a video or a character.
fn id_index(rest: &str) -> Option<usize> {
    match rest {
        _ if rest.starts_with("videos/characters/") => Some(2),
        _ if rest.starts_with("videos/") => Some(1),
        _ => None,
    }
}

fn is_plain_segment(segment: &str) -> bool {
    escapes_pass(segment, |byte| match byte {
        b'/' | b'%' | b'\\' | b';' | 0..=0x1f | 0x7f | b'-' | b'.' | b'_' | b'~' => false,
        other => !other.is_ascii_alphanumeric(),
    })
}

/// A segment that can mean the id of a video: well escaped, and no step in a path.
fn is_id_segment(segment: &str) -> bool {
    if is_plain_id(segment) {
        // Nearly all are.
        return !segment.is_empty();
    }
    let decoded = percent_decode_str(segment).decode_utf8_lossy();
    !matches!(&*decoded, "" | "." | "..") && escapes_pass(segment, |_| true)
}

/// An id as sent: what may stand in a segment, and nothing that decodes to steps in a path.
fn is_encoded_id(id: &str) -> bool {
    let decoded = percent_decode_str(id).decode_utf8_lossy();
    let steps = decoded.split(['/', '\\']).any(|step| matches!(step, "" | "." | ".."));
    let escapes = escapes_pass(id, |byte| !matches!(byte, b'\\' | b';' | 0..=0x1f | 0x7f));
    (1..=ENCODED_ID_MAX).contains(&id.len()) && escapes && !steps
}

/// Whether a segment has only plain characters, and only escapes of bytes that `passes`.
fn escapes_pass(segment: &str, passes: impl Fn(u8) -> bool) -> bool {
    let mut bytes = segment.bytes();
    while let Some(byte) = bytes.next() {
        let plain = match byte {
            b'%' => {
                let digits = (bytes.next().and_then(hex), bytes.next().and_then(hex));
                matches!(digits, (Some(high), Some(low)) if passes(high * 16 + low))
            }
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => true,
            // What RFC 3986 allows in a segment, but for `;`, which some servers cut a path at.
            other => b"-._~!$&'()*+,=:@".contains(&other),
        };
        if !plain {
            return false;
        }
    }
    true
}

fn hex(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// Whether a path that is none of the video routes could pass for one upstream: servers that ignore case, or
/// cut off endings, would take it for an unjudged create.
fn is_disguised(rest: &str) -> bool {
    let first = rest.split('/').next().unwrap_or(rest);
    let starts_alike = first.get(..6).is_some_and(|start| start.eq_ignore_ascii_case("videos"));
    starts_alike && first != "videos"
}

/// Whether an id has only characters that no client escapes.
pub(super) fn is_plain_id(id: &str) -> bool {
    id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

/// Whether this can be the id of a video or a character.
pub(super) fn is_id(ids: VideoIds) -> fn(&str) -> bool {
    match ids {
        VideoIds::Plain => |id| (1..=ID_MAX).contains(&id.len()) && is_plain_id(id),
        VideoIds::Encoded => is_encoded_id,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passes(path: &str) -> bool {
        let rest = path.strip_prefix("/v1/").expect("below /v1");
        is_plain_path(rest) && !is_disguised(rest)
    }

    #[test]
    fn plain_paths_pass() {
        for path in [
            "/v1/videos",
            "/v1/videos/video_1/content",
            "/v1/models/ft:gpt-4o:org::id",
            "/v1/a%20b",
            "/v1/%E7%8C%AB",
        ] {
            assert!(passes(path), "{path}");
        }
    }

    /// VA12
    #[test]
    fn whatever_could_be_another_path_is_refused() {
        for path in [
            "/v1/",
            "/v1//videos",
            "/v1/videos/",
            "/v1/videos//content",
            "/v1/./videos",
            "/v1/../admin",
            "/v1/videos/..",
            "/v1/%2e%2e/admin",
            "/v1/%2E/x",
            "/v1/videos%2fx",
            "/v1/models/x%5c..",
            "/v1/a\\b",
            "/v1/models/x%00",
            "/v1/videos/%2e%2e/content",
            "/v1/videos;x=1",
            "/v1/videos%3bx",
            "/v1/%76ideos",
            "/v1/Videos",
            "/v1/VIDEOS/x",
            "/v1/videos.json",
            "/v1/videosx",
            "/v1/%252e%252e/x",
            "/v1/a%2",
            "/v1/a%zz",
            "/v1/a%",
            "/v1/a\"b",
            "/v1/a%0d%0ab",
        ] {
            assert!(!passes(path), "{path}");
        }
    }

    /// VA12: a slash may hide in an id, and nowhere else.
    #[test]
    fn only_an_id_may_hide_a_slash() {
        for (path, passes) in [
            ("videos/a%2Fb/content", true),
            ("videos/characters/a%2Fb", true),
            ("x%2F..%2Fvideos", false),
            ("models/a%2Fb", false),
            ("videos%2Fa", false),
            ("videos/a/b%2Fc", false),
            ("videos/%2e%2e", false),
            ("videos/a%2", false),
        ] {
            assert_eq!(is_plain_path(path), passes, "{path}");
        }
    }

    #[test]
    fn an_id_is_plain_unless_the_upstream_wants_more() {
        let plain = is_id(VideoIds::Plain);
        assert!(plain("video_68f6fc4041688190a4c620f15c37907b0cdf0b22c52ca4b4"));
        for id in ["", "a b", "a%20b", "a.b", "a:b", &"a".repeat(129)] {
            assert!(!plain(id), "{id}");
        }
        let encoded = is_id(VideoIds::Encoded);
        assert!(
            encoded("video_bGl0ZWxsbTpjdXN0b20%2BX%2FY%3D")
                && encoded("id:openai")
                && encoded("video%201%2F2%3Fx")
        );
        for id in
            ["", "a%00", "a;b", "..", "%2e%2e", "..%2f..%2fadmin", "a%2f%2e%2e%2fb", "a%2f%2fb", "a%5cb"]
        {
            assert!(!encoded(id), "{id}");
        }
    }
}
