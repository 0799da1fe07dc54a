//! The `reelgate` binary. Everything it does is in the library.

use std::process::ExitCode;

/// A request is many small allocations: with the system's allocator, a quarter of its instructions are there.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    reelgate::cli::main()
}
