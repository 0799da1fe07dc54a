//! Every reason for which the gateway itself refuses a request.
//!
//! Reasons only: what is said about them, and with which status, is [`crate::error`]'s business.
//! This room imports nothing, so that every room may name a reason.

use std::fmt;
use std::time::Duration;

mod part_flaw;

pub use part_flaw::PartFlaw;

/// A field, query parameter or header that a [`Rejection`] can be about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Param {
    /// `model`, of create.
    Model,
    /// `prompt`, of everything that starts a generation.
    Prompt,
    /// `input_reference`, of create.
    InputReference,
    /// `image_url`, a member of `input_reference`.
    ReferenceImageUrl,
    /// `file_id`, a member of `input_reference`.
    ReferenceFileId,
    /// `seconds`, of create and extensions.
    Seconds,
    /// `size`, of create.
    Size,
    /// `video`, of edits, extensions and characters.
    Video,
    /// `id`, the one member of `video`.
    VideoId,
    /// `name`, of characters.
    Name,
    /// `fps`, frames a second: no field of OpenAI's, and judged by the range of a model.
    Fps,
    /// `num_inference_steps`: no field of OpenAI's, and judged by the range of a model.
    NumInferenceSteps,
    /// `variant`, a query parameter of content.
    Variant,
    /// `limit`, a query parameter of list.
    Limit,
    /// `order`, a query parameter of list.
    Order,
    /// `after`, a query parameter of list.
    After,
    /// `x-reelgate-mode`, a request header of our own.
    Mode,
}

impl Param {
    /// The name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Prompt => "prompt",
            Self::InputReference => "input_reference",
            Self::ReferenceImageUrl => "input_reference.image_url",
            Self::ReferenceFileId => "input_reference.file_id",
            Self::Seconds => "seconds",
            Self::Size => "size",
            Self::Video => "video",
            Self::VideoId => "video.id",
            Self::Name => "name",
            Self::Fps => "fps",
            Self::NumInferenceSteps => "num_inference_steps",
            Self::Variant => "variant",
            Self::Limit => "limit",
            Self::Order => "order",
            Self::After => "after",
            Self::Mode => "x-reelgate-mode",
        }
    }
}

impl fmt::Display for Param {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a value is, in the words OpenAI's type errors use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Noun {
    /// A JSON string, or a text part of a form.
    String,
    /// A JSON number without fraction and exponent.
    Integer,
    /// Any other JSON number; `1000.0` is one.
    Decimal,
    /// `true` or `false`.
    Boolean,
    /// `null`.
    Null,
    /// A JSON array, or a form field such as `field[]` or `field[0]`.
    Array,
    /// A JSON object, or a form field such as `field[key]`.
    Object,
    /// A form part with a file name.
    File,
}

/// What a field of the wrong type should have been.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    /// One of these literals, in message order.
    OneOf(Vec<String>),
    /// Any value of this type.
    Type(Noun),
}

/// The time in which a quota counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Per {
    /// A second.
    Second,
    /// A minute.
    Minute,
    /// An hour.
    Hour,
    /// A day.
    Day,
}

impl Per {
    /// How long it is.
    #[must_use]
    pub const fn duration(self) -> Duration {
        match self {
            Self::Second => Duration::from_secs(1),
            Self::Minute => Duration::from_mins(1),
            Self::Hour => Duration::from_hours(1),
            Self::Day => Duration::from_hours(24),
        }
    }
}

/// Why a request is answered by the gateway instead of its upstream.
#[expect(missing_docs, reason = "the fields are what the line above each reason speaks of")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rejection {
    // --- the head of the request -------------------------------------------------------------
    /// The path names nothing the gateway offers, or is not plainly spelled.
    UnknownUrl { method: String, path: String },
    /// The path is offered, but not with this method. `allow` is the `Allow` header.
    MethodNotAllowed { method: String, path: String, allow: &'static str },
    /// The request target is longer than the limit, in bytes.
    TargetTooLong { limit: usize },
    /// `Host` is missing, doubled or malformed.
    BadHost,
    /// `Transfer-Encoding` is anything but plain `chunked`.
    BadTransferEncoding,
    /// A header that must stand alone stands there twice. The header's name.
    DoubledHeader(&'static str),
    /// An `Expect` other than `100-continue`.
    BadExpectation,
    /// `Content-Encoding` is not `identity`. The value as sent.
    ContentEncoding(String),
    /// Neither JSON nor a form, or in another character set. The value as sent.
    ContentType(String),
    /// Anything but a form, where only a form is taken. The value as sent.
    NotAForm(String),

    // --- who is asking -----------------------------------------------------------------------
    /// No credential, or none that can be read.
    NoKey,
    /// A credential that is not one of the configured keys. The key as sent.
    WrongKey(String),
    /// One that was, until its time was over: its configured name, and the key as sent. Its holder is told the same.
    ExpiredKey { name: String, key: String },
    /// Two headers, of these names, carry two different credentials.
    TwoKeys([&'static str; 2]),
    /// A model that the client's key may not have videos made by. Its holder's name, and the model as sent.
    NoModelAccess { client: String, model: String },

    // --- the body as a whole -----------------------------------------------------------------
    /// More bytes than the limit. `read` is what was announced or had been read.
    BodyTooLarge { limit: u64, read: u64 },
    /// The body broke off, or its chunks were malformed.
    BodyBroken,
    /// The body stopped arriving for longer than the limit.
    BodyStalled,
    /// Not exactly one well-formed JSON object.
    MalformedJson,
    /// Not a well-formed form, or one that two parsers could read differently.
    MalformedForm,
    /// A part of a form that cannot be read, or could be read in two ways. `part` counts from 1.
    MalformedPart { part: usize, flaw: PartFlaw },
    /// More parts than the limit.
    TooManyParts { limit: usize },

    // --- single fields -----------------------------------------------------------------------
    /// A field that is not the operation's, and that the operator does not let through. Its name as sent.
    UnknownParameter(String),
    /// A field that stands there twice. Its name as sent.
    DuplicateParameter(String),
    /// A required field that is absent.
    Missing(Param),
    /// A field of the wrong type.
    WrongType { param: Param, expected: Expected, got: Noun },
    /// A value outside a closed list. `allowed` is in message order.
    NotListed { param: Param, got: String, allowed: Vec<String> },
    /// A value that the shared list has and this model lacks.
    NotForModel { param: Param, model: String, got: String, allowed: Vec<String> },
    /// A text that must have a certain form, given as a regular expression.
    NotAPattern { param: Param, pattern: &'static str },
    /// A model nobody configured, where the list of models is open.
    UnknownModel(String),
    /// An empty string where at least one character is needed.
    Empty(Param),
    /// A text longer than the limit, both in characters.
    TooLong { param: Param, max: usize, got: usize },
    /// An integer above the limit. `got` as sent.
    AboveMax { param: Param, max: u64, got: String },
    /// An integer, possibly negative, below the limit. `got` as sent.
    BelowMin { param: Param, min: u64, got: String },
    /// An object that must have exactly one of these members, and has none or both.
    NotExactlyOne { param: Param, members: [&'static str; 2] },
    /// A file of a media type that is not taken. `got` as sent.
    FileType { param: Param, got: String, allowed: Vec<String> },

    // --- paid calls that must not be made twice ----------------------------------------------
    /// `Idempotency-Key` is not 1 to 255 printable ASCII characters.
    InvalidIdempotencyKey,
    /// `Idempotency-Key` was used for another request before.
    IdempotencyMismatch,
    /// An earlier try of the same call may have been accepted. `ledger_id` is its record.
    CreateUnresolved { ledger_id: String },
    /// The call could not be written down, and so was not made.
    LedgerUnavailable,
    /// A file of the call could not be put on disk, and so it was not made.
    SpoolUnavailable,

    // --- things that do not exist ------------------------------------------------------------
    /// A video that does not exist for the client: another client's, one that the ledger does not know, or an id that no
    /// upstream could have made. The id as sent.
    UnknownVideo(String),
    /// The same of a character.
    UnknownCharacter(String),
    /// A file at the upstream, which may be another client's. The id as sent.
    UnknownFile(String),
    /// A list of videos, from a ledger that keeps no order of them.
    ListNotKept,

    // --- how much is asked for ---------------------------------------------------------------
    /// More calls than a quota allows: `limit` in a time. `wait` until the next would pass. The model, and the
    /// client's key, by their configured names.
    RateLimited { model: Option<String>, client: Option<String>, limit: (u32, Per), wait: Duration },
    /// The client's key has used up what it may have made in a day or a month. `wait` until the next begins.
    OverBudget { wait: Duration },
    /// The client's key has a budget, and what the call costs is not known.
    UnknownCost,
    /// As many jobs as may run at once are running.
    TooManyJobs,
    /// As many calls as the gateway takes at once are under way.
    Overloaded,
    /// The process was told to stop while the call waited for its turn.
    Stopping,
}

impl Rejection {
    /// The field it is about, if it is about one that there is.
    #[must_use]
    pub const fn param(&self) -> Option<Param> {
        if let Self::UnknownModel(_) = self {
            return Some(Param::Model);
        }
        let (Self::Missing(param)
        | Self::Empty(param)
        | Self::WrongType { param, .. }
        | Self::NotListed { param, .. }
        | Self::NotForModel { param, .. }
        | Self::NotAPattern { param, .. }
        | Self::TooLong { param, .. }
        | Self::AboveMax { param, .. }
        | Self::BelowMin { param, .. }
        | Self::NotExactlyOne { param, .. }
        | Self::FileType { param, .. }) = self
        else {
            return None;
        };
        Some(*param)
    }

    /// Whether the same request would pass at another time.
    #[must_use]
    pub const fn is_limit(&self) -> bool {
        matches!(
            self,
            Self::RateLimited { .. }
                | Self::OverBudget { .. }
                | Self::TooManyJobs
                | Self::Overloaded
                | Self::Stopping
        )
    }
}
