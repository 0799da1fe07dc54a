//! `reelgate healthcheck`: what a container's health check runs. Needs no curl in the image.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::process::ExitCode;
use std::time::Duration;

use super::{Failed, Process, terminal};

/// How long a gateway that is alive may take to say so.
const PATIENCE: Duration = Duration::from_secs(3);

pub(super) fn healthcheck(process: &Process) -> Result<ExitCode, Failed> {
    // Where the address is told, no file is read: one that was spoiled while the gateway serves by its last good one
    // must not have a healthy container ended.
    let listen =
        process.admin_listen.map_or_else(|| process.config().map(|config| config.server.admin_listen), Ok)?;
    let address = reachable(listen);
    let ready = ask(address).map_err(|error| Failed::Other(format!("{address} does not answer: {error}")))?;
    terminal::write(if ready { b"ready\n" } else { b"not ready\n" })?;
    Ok(if ready { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A listener on every address is asked on this machine's own.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip @ (IpAddr::V4(_) | IpAddr::V6(_)) => ip,
    };
    SocketAddr::new(ip, listen.port())
}

fn ask(address: SocketAddr) -> std::io::Result<bool> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    write!(stream, "GET /readyz HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n")?;
    let mut answer = [0; 12];
    stream.read_exact(&mut answer)?;
    Ok(answer == *b"HTTP/1.1 200")
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn a_file_that_was_spoiled_has_no_say_where_the_address_is_told() {
        let nobody = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
        let config = Some(PathBuf::from("/nowhere/reelgate.toml"));
        let process = Process { config, listen: None, admin_listen: Some(nobody), log: None };
        let failed = healthcheck(&process).expect_err("nobody listens there").to_string();
        assert!(failed.starts_with("127.0.0.1:1 does not answer"), "{failed}");
    }

    #[test]
    fn a_listener_on_every_address_is_asked_on_our_own() {
        let ask = |listen: &str| reachable(listen.parse().expect("an address")).to_string();
        assert_eq!(ask("0.0.0.0:9090"), "127.0.0.1:9090");
        assert_eq!(ask("[::]:9090"), "[::1]:9090");
        assert_eq!(ask("192.0.2.7:9090"), "192.0.2.7:9090");
    }
}
