//! The body of an answer, as far as it is read.
use bytes::Bytes;
use reqwest::Response;

use super::error::ANSWER;
use super::room::{FREE, Place, Room};
use super::routes::MANY;

/// A body of this many bytes or more is kept apart from all else.
const LARGE: u64 = 128 * 1024;

/// The room that is set aside for a large body, bytes, of which only what is written to is memory. It is more than glibc's
/// allocator ever puts among small things (32 MiB), so a page of nodes goes back to the system when it has been read,
/// and leaves no gap of its size for good. A longer body grows as it comes.
const APART: usize = 33 * 1024 * 1024;

/// How far one attempt has come.
#[derive(Default)]
pub(super) struct Progress {
    /// The status of the answer, once there is one.
    pub status: Option<u16>,
    /// It is not the server that is waited for.
    waits_for_place: bool,
}

impl Progress {
    pub fn waits_for(&self) -> &'static str {
        if self.waits_for_place {
            "its turn to read a long answer"
        } else {
            ANSWER
        }
    }
}

/// The beginning of a body.
pub(super) struct Piece {
    pub body: Bytes,
    /// There is more of it.
    pub more: bool,
    /// What a long one is kept under.
    pub place: Option<Place>,
}

/// The body of an answer, up to a length: what comes after it is not read, and the connection closed. The length is that of what is
/// handed over here, decompressed if that was asked for. A page of nodes has megabytes: it is in memory once, while reqwest would put
/// it together from pieces that it keeps meanwhile.
pub(super) async fn start(
    mut response: Response,
    most: usize,
    room: Option<&dyn Room>,
    progress: &mut Progress,
) -> reqwest::Result<Piece> {
    let announced = response.content_length().unwrap_or(LARGE);
    let small = usize::try_from(announced).ok().filter(|_| announced < LARGE);
    let apart = small.unwrap_or(if most < MANY { most } else { APART });
    let mut body = Vec::with_capacity(apart);
    let (mut place, mut more) = (None, false);
    while let Some(piece) = response.chunk().await? {
        let left = most.saturating_sub(body.len());
        body.extend_from_slice(piece.get(..left).unwrap_or(&piece));
        if piece.len() > left {
            more = true;
            break;
        }
        if let Some(room) = room.filter(|_| body.len() > FREE && place.is_none()) {
            progress.waits_for_place = true;
            place = Some(room.enter().await);
            progress.waits_for_place = false;
        }
    }
    let body = body.into();
    Ok(Piece { body, more, place })
}
