//! The `reelgate` binary. Everything it does is in the library.

use std::process::ExitCode;

/// A request is many small allocations: with the system's allocator, a fifth of its time goes there.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    reelgate::cli::main()
}
