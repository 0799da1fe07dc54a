//! The operations over the router, with the clock in hand: one file a subject.

use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use axum::response::Response;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::*;

mod creating;
mod downloading;
mod faulty;
mod judging;
mod keeping;
mod reusing;

const BOUNDARY: &str = "d40b69b744fb3661a98be43952a92e8f";

/// A sandbox whose jobs wait a second and need a second per second of film.
fn sandbox() -> Router {
    router(Options {
        queue_time: Duration::from_secs(1),
        time_per_second: Duration::from_secs(1),
        seed: 1,
        ..Options::default()
    })
}

/// `METHOD /path` with the key every test has.
fn request(line: &str) -> axum::http::request::Builder {
    let (method, uri) = line.split_once(' ').unwrap();
    Request::builder().method(method).uri(uri).header("authorization", "Bearer sk-test")
}

fn with_json(line: &str, body: &str) -> Request<Body> {
    request(line).header("content-type", "application/json").body(body.to_owned().into()).unwrap()
}

/// A form of text fields, and of files where the value starts with `@` and a content type.
fn with_form(line: &str, fields: &[(&str, &str)]) -> Request<Body> {
    let mut body = String::new();
    for (name, value) in fields {
        let part = match value.strip_prefix('@') {
            Some(kind) => format!("; filename=\"a\"\r\nContent-Type: {kind}\r\n\r\nbytes"),
            None => format!("\r\n\r\n{value}"),
        };
        body += &format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"{part}\r\n");
    }
    body += &format!("--{BOUNDARY}--\r\n");
    let kind = format!("multipart/form-data; boundary={BOUNDARY}");
    request(line).header("content-type", kind).body(body.into()).unwrap()
}

async fn ask(sandbox: &Router, request: Request<Body>) -> Response {
    sandbox.clone().oneshot(request).await.unwrap()
}

async fn bytes_of(answer: Response) -> Vec<u8> {
    to_bytes(answer.into_body(), usize::MAX).await.unwrap().to_vec()
}

async fn json_of(answer: Response) -> Value {
    serde_json::from_slice(&bytes_of(answer).await).unwrap()
}

async fn get_json(sandbox: &Router, line: &str) -> Value {
    json_of(ask(sandbox, request(line).body(Body::empty()).unwrap()).await).await
}

/// Starts a film of four seconds and returns its id.
async fn start(sandbox: &Router, prompt: &str) -> String {
    let created = ask(sandbox, with_json("POST /v1/videos", &json!({ "prompt": prompt }).to_string())).await;
    assert_eq!(created.status(), StatusCode::OK);
    json_of(created).await["id"].as_str().unwrap().to_owned()
}

/// Starts a film and waits until it is there.
async fn film(sandbox: &Router) -> String {
    let id = start(sandbox, "a cat").await;
    tokio::time::advance(Duration::from_secs(5)).await;
    id
}
