//! `reelgate explain`: what would become of a request. Runs the very checks of a create and calls nobody.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::SystemTime;

use axum::body::Bytes;
use serde_json::{Map, Value, json};

use super::{Failed, Process, terminal};
use crate::capability::Mode;
use crate::capability::allowed::Asker;
use crate::capability::create::FIELDS;
use crate::capability::judgement::Judgement;
use crate::config::Config;
use crate::error::{ApiError, openai};
use crate::params::{self, Encoding};
use crate::rejection::Rejection;
use crate::rewrite::{self, Boundary};

mod key;

use key::Holder;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Model, as a client would send it
    #[arg(long)]
    model: Option<String>,
    /// Length, as a client would send it
    #[arg(long)]
    seconds: Option<String>,
    /// Size, as a client would send it
    #[arg(long)]
    size: Option<String>,
    /// Prompt
    #[arg(long, default_value = "a cat")]
    prompt: String,
    /// What the client would send as x-reelgate-mode; counts where the configuration lets clients choose
    #[arg(long, value_enum)]
    mode: Option<ModeArg>,
    /// Judge it as a request with this key: its name below [auth.keys]; says what the key may, too
    #[arg(long, value_name = "NAME")]
    key: Option<String>,
    /// Take the body from a file instead of the options above
    #[arg(long, value_name = "FILE", conflicts_with_all = ["model", "seconds", "size"])]
    body: Option<PathBuf>,
    /// Content type of the file
    #[arg(long, default_value = "application/json", requires = "body")]
    content_type: String,
    /// Print JSON instead of text
    #[arg(long)]
    json: bool,
}

/// What would be asked, and by whom.
struct Asked<'c> {
    content_type: String,
    body: Bytes,
    mode: Option<Mode>,
    holder: Option<Holder<'c>>,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum ModeArg {
    Strict,
    Adjust,
}

/// What becomes of the request.
enum Verdict {
    Forwarded { judgement: Box<Judgement>, body: Vec<u8> },
    Rejected(Box<ApiError>),
}

pub(super) fn explain(process: &Process, args: &Args) -> Result<ExitCode, Failed> {
    let config = process.config()?;
    let (content_type, body) = request(args)?;
    // Without a configuration there is nobody who could have forbidden it.
    let mode = args.mode.filter(|_| config.mode_header || process.config.is_none());
    let mode = mode.map(|mode| match mode {
        ModeArg::Strict => Mode::Strict,
        ModeArg::Adjust => Mode::Adjust,
    });
    let holder = args.key.as_deref().map(|name| Holder::find(&config, name)).transpose()?;
    let asked = Asked { content_type, body, mode, holder };
    let verdict = match judged(&config, &asked) {
        Ok(verdict) => verdict,
        Err(reason) => Verdict::Rejected(Box::new(ApiError::rejected(&reason, &config.wording))),
    };
    terminal::write(said(&verdict, asked.holder.as_ref(), (&config, args.json)).as_bytes())?;
    Ok(match verdict {
        Verdict::Forwarded { .. } => ExitCode::SUCCESS,
        Verdict::Rejected(_) => ExitCode::from(REJECTED),
    })
}

/// Exit code for a request that would be rejected: the command itself did what it should.
const REJECTED: u8 = 2;

fn request(args: &Args) -> Result<(String, Bytes), Failed> {
    if let Some(path) = &args.body {
        let body = fs::read(path)
            .map_err(|error| Failed::Other(format!("{} cannot be read: {error}", path.display())))?;
        return Ok((args.content_type.clone(), body.into()));
    }
    let mut fields = Map::new();
    for (name, value) in [("model", &args.model), ("seconds", &args.seconds), ("size", &args.size)] {
        if let Some(value) = value {
            fields.insert(name.to_owned(), Value::from(value.as_str()));
        }
    }
    fields.insert("prompt".to_owned(), Value::from(args.prompt.as_str()));
    Ok(("application/json".to_owned(), Value::Object(fields).to_string().into()))
}

fn judged(config: &Config, asked: &Asked<'_>) -> Result<Verdict, Rejection> {
    let Asked { content_type, body, mode, holder } = asked;
    // As at the edge: before anything is read.
    let asker = match holder {
        Some(holder) => holder.asker(*mode, SystemTime::now())?,
        None => Asker { mode: *mode, ..Asker::default() },
    };
    let encoding = Encoding::from_content_type(Some(content_type.as_bytes()))?;
    let limit = if encoding.is_json() { config.limits.json_body } else { config.limits.form_body };
    let read = body.len() as u64;
    if read > limit {
        return Err(Rejection::BodyTooLarge { limit, read });
    }
    let params = params::parse(&encoding, body, FIELDS, &config.limits.fields)?;
    let judgement = config.capabilities.judge_create(&params, &asker)?;
    // Any boundary will do: the body is shown, and not sent.
    let pieces = rewrite::apply(body, &params, &judgement.edits, &Boundary::new(0));
    Ok(Verdict::Forwarded { body: pieces.concat(), judgement: Box::new(judgement) })
}

fn said(verdict: &Verdict, holder: Option<&Holder<'_>>, (config, json): (&Config, bool)) -> String {
    if !json {
        return as_text(verdict, config) + &holder.map(Holder::as_text).unwrap_or_default();
    }
    let mut said = as_json(verdict, config);
    if let (Some(members), Some(holder)) = (said.as_object_mut(), holder) {
        members.insert("key".to_owned(), holder.as_json());
    }
    format!("{said:#}\n")
}

fn as_text(verdict: &Verdict, config: &Config) -> String {
    match verdict {
        Verdict::Rejected(error) => {
            let form = config.wording.form(error.class);
            format!(
                "Rejected, the upstream is not called. The client gets\n\nHTTP/1.1 {}\ncontent-type: {}\n\n{}\n",
                error.status,
                openai::content_type(form),
                openai::body(error, form).trim_end()
            )
        }
        Verdict::Forwarded { judgement, body } => forwarded_text(judgement, body, config),
    }
}

fn forwarded_text(judgement: &Judgement, body: &[u8], config: &Config) -> String {
    let Judgement { model, seconds, size, .. } = judgement;
    let upstream = model.as_ref().map_or(&config.default_upstream, |model| &model.upstream);
    let mut text = format!("Forwarded to upstream \"{upstream}\"\n");
    let known = |value: Option<String>| value.unwrap_or_else(|| "left to the upstream".to_owned());
    text += &format!("  model    {}\n", known(model.as_ref().map(|model| model.name.to_string())));
    text += &format!("  seconds  {}\n", known(seconds.map(|seconds| seconds.to_string())));
    text += &format!("  size     {}\n", known(size.map(|size| size.to_string())));
    if let Some(price) = price(judgement) {
        text += &format!("  price    {price}\n");
    }
    if let Some(told) = judgement.told() {
        text += &format!("The client is told\n  x-reelgate-adjusted: {told}\n");
    }
    if judgement.edits.is_empty() {
        return text + "Its values are sent unchanged\n";
    }
    text += "The body is edited\n";
    for edit in &judgement.edits {
        text += &format!("  {} = {}\n", edit.param, edit.value);
    }
    match std::str::from_utf8(body) {
        Ok(body) if body.len() <= SHOWN_MAX => text + &format!("and sent as\n  {body}\n"),
        Ok(_) | Err(_) => text + &format!("and sent as {} bytes\n", body.len()),
    }
}

/// Longest body that is shown, in bytes.
const SHOWN_MAX: usize = 4096;

/// Price of the whole video, where it is known.
fn price(judgement: &Judgement) -> Option<f64> {
    let per_second = judgement.model.as_ref()?.price.at(judgement.size)?;
    Some(per_second * f64::from(judgement.seconds?))
}

fn as_json(verdict: &Verdict, config: &Config) -> Value {
    match verdict {
        Verdict::Rejected(error) => json!({
            "verdict": "rejected",
            "status": error.status.as_u16(),
            "body": openai::body(error, config.wording.form(error.class)),
        }),
        Verdict::Forwarded { judgement, body } => json!({
            "verdict": if judgement.adjustments.is_empty() { "accepted" } else { "adjusted" },
            "model": judgement.model.as_ref().map(|model| &*model.name),
            "seconds": judgement.seconds,
            "size": judgement.size.map(|size| size.to_string()),
            "price": price(judgement),
            "adjusted": judgement.adjustments.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "body": String::from_utf8_lossy(body),
        }),
    }
}
