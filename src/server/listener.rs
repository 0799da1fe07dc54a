//! Listening sockets that several workers can share a port with.

use std::io;
use std::net::{SocketAddr, TcpListener};

use socket2::{Domain, Protocol, Socket, Type};

/// Connections the kernel keeps for us while we are busy.
const BACKLOG: i32 = 1024;

/// Takes `address` for this process. Binding the same address again gives another listener, and the kernel
/// spreads connections over them.
///
/// # Errors
/// If the address is taken or not ours; the message names it.
pub fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    socket(address, true).map_err(|error| named(&error, address))
}

/// As [`bind`], for the first listener on an address: fails if any other process listens there.
///
/// # Errors
/// As [`bind`].
pub fn bind_first(address: SocketAddr) -> io::Result<TcpListener> {
    // A shared port is shared with every process of the same user; only an unshared one tells that it is taken.
    drop(socket(address, false).map_err(|error| named(&error, address))?);
    bind(address)
}

fn socket(address: SocketAddr, shared: bool) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(shared)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(TcpListener::from(socket))
}

fn named(error: &io::Error, address: SocketAddr) -> io::Error {
    io::Error::new(error.kind(), format!("cannot listen on {address}: {error} (choose another address)"))
}
