//! OW01 to OW03: a video belongs to the client that ordered it, and does not exist for any other.

mod accounts;
mod formerly;
mod ids;
mod list;
mod routes;

use sha2::Digest;

use crate::support::gateway::Gateway;
use crate::support::message::Message;
use crate::support::request::{Request, create, form_to, get, post, request};
use crate::support::upstream::{Reply, Upstream, answer};

/// Clients' keys, by the names they have in the configuration.
const ONE: &str = "rg-key-of-client-one-1";
const OTHER: &str = "rg-key-of-client-other";

/// An upstream that calls the video of the prompt "x" `video_x`, and answers everything else as if it were there.
async fn upstream() -> Upstream {
    Upstream::start(Reply::default().read().made(made)).await
}

fn made(request: &Message) -> Vec<u8> {
    let body = String::from_utf8_lossy(&request.body);
    let is_paid = request.start.starts_with("POST");
    let word = |start: &str| Some(body.split_once(start)?.1.split(['"', '\r']).next()?.to_owned());
    let prompt = word("\"prompt\":\"").or_else(|| word("name=\"prompt\"\r\n\r\n"));
    let path_id = request.start.split(['/', ' ', '?']).nth(4).unwrap_or_default().to_owned();
    let id = match (prompt, word("name=\"name\"\r\n\r\n")) {
        (Some(prompt), _) if is_paid => format!("video_{prompt}"),
        (_, Some(name)) if is_paid => format!("char_{name}"),
        _ => path_id,
    };
    let json = format!(r#"{{"id":"{id}","object":"video","status":"queued","name":"x"}}"#);
    answer(200, &[("content-type", "application/json")], json)
}

/// `[auth.keys.NAME]` of each key, with its settings.
fn keys(keys: &[(&str, &str, &str)]) -> String {
    let table = |(name, key, settings): &(&str, &str, &str)| {
        let hash: String = sha2::Sha256::digest(key).iter().map(|byte| format!("{byte:02x}")).collect();
        format!("[auth.keys.{name}]\nsha256 = \"{hash}\"\n{settings}\n")
    };
    keys.iter().map(table).collect()
}

/// A gateway with these keys; `auth` stands in `[auth]`, and whatever else there is comes behind.
async fn gateway(upstream: &Upstream, auth: &str, keys: &str, more: &str) -> Gateway {
    let toml = format!(
        "presets = [\"openai\"]\n[auth]\nmode = \"keys\"\n{auth}\n{keys}\
         [upstreams.main]\nbase_url = \"{{upstream}}\"\ncredential = {{ env = \"UPSTREAM_KEY\" }}\n{more}"
    );
    Gateway::start(upstream, &toml).await
}

/// A gateway with two clients.
async fn two(upstream: &Upstream) -> Gateway {
    gateway(upstream, "", &keys(&[("one", ONE, ""), ("other", OTHER, "")]), "").await
}

/// The request of the client with this key.
fn by(key: &str, request: Request) -> Request {
    request.without("authorization").with("authorization", &format!("Bearer {key}"))
}

/// A create of the video `video_{name}`.
fn order(name: &str) -> Request {
    create(&format!(r#"{{"prompt":"{name}","model":"sora-2"}}"#))
}

/// Every request that names a video, in both kinds of body. `{id}` stands for the video's.
fn that_name(id: &str) -> Vec<Request> {
    let video = format!("name=\"video[id]\"\r\n\r\n{id}");
    let (prompt, seconds) = ("name=\"prompt\"\r\n\r\nnext", "name=\"seconds\"\r\n\r\n4");
    vec![
        get(&format!("/v1/videos/{id}")),
        request("HEAD", &format!("/v1/videos/{id}")),
        get(&format!("/v1/videos/{id}/content")),
        get(&format!("/v1/videos/{id}/content?variant=thumbnail")),
        post(&format!("/v1/videos/{id}/remix"), r#"{"prompt":"next"}"#),
        form_to(&format!("/v1/videos/{id}/remix"), &[prompt]),
        post("/v1/videos/edits", &format!(r#"{{"prompt":"next","video":{{"id":"{id}"}}}}"#)),
        form_to("/v1/videos/edits", &[prompt, &video]),
        post(
            "/v1/videos/extensions",
            &format!(r#"{{"prompt":"next","seconds":"4","video":{{"id":"{id}"}}}}"#),
        ),
        form_to("/v1/videos/extensions", &[prompt, seconds, &video]),
        form_to("/v1/videos/extensions", &[&video, prompt, seconds]),
        request("DELETE", &format!("/v1/videos/{id}")),
    ]
}
