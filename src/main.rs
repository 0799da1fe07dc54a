//! The `reelgate` binary. Everything it does is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    reelgate::cli::main()
}
