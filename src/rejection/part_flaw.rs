//! What can be wrong with one part of a form.

/// Why a part of a form is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are the limits that the line above each reason speaks of")]
pub enum PartFlaw {
    /// No empty line ends the head within the limit, in bytes.
    HeadTooLong { limit: usize },
    /// The head is not UTF-8.
    HeadNotText,
    /// A line of the head is not a name, a colon and a value.
    HeadLine,
    /// The head has a line with another end than the form has, or a control character.
    HeadControl,
    /// A header that must not stand there twice does.
    DoubledHeader(&'static str),
    /// A header that starts with `content`, and of which nobody knows what it means to the next parser.
    UnknownContentHeader,
    /// There is no `Content-Disposition`.
    NoDisposition,
    /// The `Content-Disposition` is not `form-data`.
    NotFormData,
    /// The parameters of the `Content-Disposition` cannot be read.
    Disposition,
    /// There is no `name`.
    NoName,
    /// There are two of them.
    TwoNames,
    /// The name is encoded in a way that only some parsers decode.
    EncodedName,
    /// The name has a character that parsers read differently.
    NameCharacter,
    /// The name is longer than the limit, in bytes.
    NameTooLong { limit: usize },
    /// Two file names, of which neither wins.
    TwoFilenames,
    /// `filename*` is not what RFC 8187 says.
    ExtendedFilename,
    /// The file name is longer than the limit, in bytes.
    FilenameTooLong { limit: usize },
    /// `Content-Transfer-Encoding` changes what the bytes mean.
    TransferEncoding,
    /// `Content-Encoding` does.
    ContentEncoding,
    /// `Content-Length` is not the length of the content.
    Length,
    /// The type of a file is longer than the limit, in bytes, or that of a message with parts of its own.
    FileType { limit: usize },
    /// A text whose `Content-Type` is no text in a character set that is read.
    TextType,
    /// A text that is not UTF-8, or not ASCII where its character set is another one.
    NotText,
    /// A text that is longer than the limit, in bytes.
    TextTooLong { limit: usize },
}
