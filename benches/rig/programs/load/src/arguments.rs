//! The command line.

use crate::Failure;

/// `MODE PORT REQUEST [--name NUMBER]…`
pub struct Arguments {
    /// What is done.
    pub mode: String,
    /// Where, on 127.0.0.1.
    pub port: u16,
    /// The file with the request.
    pub request: String,
    named: Vec<String>,
}

impl Arguments {
    /// Fails with how it is used.
    pub fn from_command_line() -> Result<Self, Failure> {
        let mut given = std::env::args().skip(1);
        let (Some(mode), Some(port), Some(request)) = (given.next(), given.next(), given.next()) else {
            return Err("usage: rig-load MODE PORT REQUEST [--name NUMBER]...".into());
        };
        Ok(Self { mode, port: port.parse()?, request, named: given.collect() })
    }

    /// The number after `name`, or else `default`.
    pub fn whole(&self, name: &str, default: u64) -> Result<u64, Failure> {
        let Some(at) = self.named.iter().position(|given| given == name) else { return Ok(default) };
        let number = self.named.get(at + 1).ok_or_else(|| format!("{name} wants a number"))?;
        Ok(number.parse().map_err(|_| format!("{name}: {number:?} is not a whole number"))?)
    }
}
