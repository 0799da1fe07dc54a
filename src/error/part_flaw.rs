//! Words for what is wrong with one part of a form.

use crate::rejection::PartFlaw;

/// The message, with the part's number in the form, from 1.
pub(super) fn message(part: usize, flaw: &PartFlaw) -> String {
    format!("Could not parse multipart form: part {part}: {}.", what(flaw))
}

fn what(flaw: &PartFlaw) -> String {
    match flaw {
        PartFlaw::HeadTooLong { limit } => {
            format!("no empty line ends its headers within {limit} bytes")
        }
        PartFlaw::HeadNotText => "its headers are not UTF-8".to_owned(),
        PartFlaw::HeadLine => "a line of its headers is not a name, a colon and a value".to_owned(),
        PartFlaw::HeadControl => {
            "its headers contain a control character, or a line with another end than the form has".to_owned()
        }
        PartFlaw::DoubledHeader(name) => format!("the header {name} appears twice"),
        PartFlaw::UnknownContentHeader => "it has an unknown header that starts with 'content'".to_owned(),
        PartFlaw::NoDisposition => "the header Content-Disposition is missing".to_owned(),
        PartFlaw::NotFormData => "its Content-Disposition is not form-data".to_owned(),
        PartFlaw::Disposition => "the parameters of its Content-Disposition are malformed".to_owned(),
        PartFlaw::NoName => "its Content-Disposition has no name".to_owned(),
        PartFlaw::TwoNames => "its Content-Disposition has two names".to_owned(),
        PartFlaw::EncodedName => "its name is encoded (name*, or =?...?=); send it as plain text".to_owned(),
        PartFlaw::NameCharacter => "its name contains a backslash, a semicolon or a quote".to_owned(),
        PartFlaw::NameTooLong { limit } => format!("its name is longer than {limit} bytes"),
        PartFlaw::TwoFilenames => "it has two file names".to_owned(),
        PartFlaw::ExtendedFilename => "its filename* is malformed; RFC 8187 says how to write one".to_owned(),
        PartFlaw::FilenameTooLong { limit } => format!("the file name is longer than {limit} bytes"),
        PartFlaw::TransferEncoding => {
            "its Content-Transfer-Encoding is not 7bit, 8bit or binary; send the bytes as they are".to_owned()
        }
        PartFlaw::ContentEncoding => "it has a Content-Encoding; send the bytes as they are".to_owned(),
        PartFlaw::Length => "its Content-Length is not the length of its content".to_owned(),
        PartFlaw::FileType { limit } => {
            format!("the Content-Type of its file is longer than {limit} bytes, or multipart or message")
        }
        PartFlaw::TextType => {
            "it has no file name, and its Content-Type is not text/plain in UTF-8".to_owned()
        }
        PartFlaw::NotText => "its text is not in UTF-8, or not in the character set it declares".to_owned(),
        PartFlaw::TextTooLong { limit } => format!("its text is longer than {limit} bytes"),
    }
}
