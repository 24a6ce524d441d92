//! TCP ports that stay ours from the moment they are chosen until they are given back.
//!
//! "Bind port 0, remember the number, close" loses the port to whoever comes next, most often to an outgoing
//! connection of a busy machine. So ports come from below the ephemeral range, and each is held by a listener on
//! a second loopback address, which reserves the number for as long as its owner lives without being in the way
//! of the server on 127.0.0.1. It needs no file and leaves nothing behind.

use std::collections::HashSet;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;

use anyhow::{Context, Result, bail};

/// Below Linux's default ephemeral range (32768 and up), above what services commonly use.
const FIRST: u16 = 21_000;
const LAST: u16 = 31_999;
/// Any address of 127.0.0.0/8 that nobody else binds to would do.
const RESERVATIONS: Ipv4Addr = Ipv4Addr::new(127, 86, 0, 1);
/// State "listening" in `/proc/net/tcp`.
const LISTENING: &str = "0A";

/// A port reserved for a server that is going to listen on 127.0.0.1. Given back when dropped.
#[derive(Debug)]
pub struct Port {
    number: u16,
    _reservation: TcpListener,
}

impl Port {
    /// Reserves a free port.
    pub fn reserve() -> Result<Self> {
        let span = LAST - FIRST;
        let start = fastrand::u16(0..=span);
        (0..=span)
            .map(|step| FIRST + (start + step) % (span + 1))
            .find_map(Self::try_reserve)
            .with_context(|| format!("no free port between {FIRST} and {LAST}"))
    }

    /// The number.
    pub fn number(&self) -> u16 {
        self.number
    }

    fn try_reserve(number: u16) -> Option<Self> {
        let reservation = TcpListener::bind((RESERVATIONS, number)).ok()?;
        TcpListener::bind((Ipv4Addr::LOCALHOST, number)).ok()?;
        Some(Self {
            number,
            _reservation: reservation,
        })
    }
}

/// Fails unless the process group `group` has the listener on 127.0.0.1:`port`: an answer from there alone does
/// not prove that the server we started gave it.
pub fn prove_owner(port: u16, group: u32) -> Result<()> {
    let sockets = listening_sockets(port)?;
    if sockets.is_empty() {
        bail!("nothing listens on 127.0.0.1:{port}");
    }
    let ours = processes_of(group)?.iter().any(|pid| holds_any(*pid, &sockets));
    if !ours {
        bail!("a process that is not ours listens on 127.0.0.1:{port}");
    }
    Ok(())
}

/// Inodes of the sockets listening on 127.0.0.1:`port`.
fn listening_sockets(port: u16) -> Result<HashSet<String>> {
    let address = format!("0100007F:{port:04X}");
    let table = std::fs::read_to_string("/proc/net/tcp").context("cannot read /proc/net/tcp")?;
    Ok(table
        .lines()
        .filter_map(|line| listening_inode(line, &address))
        .collect())
}

/// The inode in a line of `/proc/net/tcp` that describes a listener on `address`.
fn listening_inode(line: &str, address: &str) -> Option<String> {
    let mut fields = line.split_whitespace().skip(1);
    let (local, state) = (fields.next()?, fields.nth(1)?);
    (local == address && state == LISTENING)
        .then(|| fields.nth(5).map(ToOwned::to_owned))
        .flatten()
}

/// The living processes of a process group.
pub(crate) fn processes_of(group: u32) -> Result<Vec<u32>> {
    let entries = std::fs::read_dir("/proc").context("cannot list /proc")?;
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    Ok(pids.filter(|pid| group_of(*pid) == Some(group)).collect())
}

fn group_of(pid: u32) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The command name, in parentheses, may itself hold spaces and parentheses.
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_whitespace();
    let state = fields.next()?;
    let group = fields.nth(1)?.parse().ok()?;
    (state != "Z").then_some(group)
}

fn holds_any(pid: u32, sockets: &HashSet<String>) -> bool {
    let Ok(descriptors) = std::fs::read_dir(Path::new("/proc").join(pid.to_string()).join("fd")) else {
        return false;
    };
    descriptors.flatten().any(|descriptor| {
        let target = std::fs::read_link(descriptor.path()).unwrap_or_default();
        let inode = target
            .to_str()
            .and_then(|target| target.strip_prefix("socket:[")?.strip_suffix(']'));
        inode.is_some_and(|inode| sockets.contains(inode))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reserved_port_is_given_to_nobody_else_and_can_be_listened_on() {
        let first = Port::reserve().unwrap();
        assert!(Port::try_reserve(first.number()).is_none(), "reserved twice");
        let server = TcpListener::bind(("127.0.0.1", first.number())).unwrap();
        drop(server);
        let number = first.number();
        drop(first);
        assert!(Port::try_reserve(number).is_some(), "not given back");
    }

    #[test]
    fn a_port_somebody_listens_on_is_not_reserved() {
        let port = Port::reserve().unwrap();
        let number = port.number();
        let _server = TcpListener::bind(("127.0.0.1", number)).unwrap();
        drop(port);
        assert!(Port::try_reserve(number).is_none());
    }

    #[test]
    fn the_owner_of_a_listener_is_told_from_others() {
        let port = Port::reserve().unwrap();
        let ours = group_of(std::process::id()).unwrap();
        let nobody = prove_owner(port.number(), ours).unwrap_err().to_string();
        assert!(nobody.starts_with("nothing listens"), "{nobody}");
        let _server = TcpListener::bind(("127.0.0.1", port.number())).unwrap();
        prove_owner(port.number(), ours).unwrap();
        let foreign = prove_owner(port.number(), u32::MAX).unwrap_err().to_string();
        assert!(foreign.starts_with("a process that is not ours"), "{foreign}");
    }
}
