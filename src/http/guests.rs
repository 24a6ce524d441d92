//! Who is connected, and who has to leave when somebody comes and there is no room: the oldest connection of the peer that has most
//! of them. So neither one peer that takes all of them, nor half a request that never ends, keeps a probe out.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

/// The connections there are.
#[derive(Clone)]
pub struct Guests {
    room: usize,
    present: Arc<Mutex<Present>>,
}

#[derive(Default)]
struct Present {
    arrivals: u64,
    /// In the order in which they came.
    guests: Vec<Entry>,
}

struct Entry {
    arrival: u64,
    peer: IpAddr,
    leave: CancellationToken,
}

/// One connection; it is over when this is dropped.
pub struct Guest {
    arrival: u64,
    leave: CancellationToken,
    guests: Guests,
}

impl Guests {
    /// Room for so many.
    pub fn new(room: usize) -> Self {
        Self {
            room,
            present: Arc::default(),
        }
    }

    /// Takes one in; another is asked to leave if there are too many.
    pub fn welcome(&self, peer: IpAddr) -> Guest {
        let mut present = self.present();
        if present.guests.len() >= self.room {
            present.ask_one_to_leave();
        }
        present.arrivals += 1;
        let (arrival, leave) = (present.arrivals, CancellationToken::new());
        present.guests.push(Entry {
            arrival,
            peer,
            leave: leave.clone(),
        });
        Guest {
            arrival,
            leave,
            guests: self.clone(),
        }
    }

    fn present(&self) -> MutexGuard<'_, Present> {
        self.present.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Present {
    /// Who is asked counts no more: it holds nothing that lasts, and two that come at once have two others leave.
    fn ask_one_to_leave(&mut self) {
        let mut counts = HashMap::new();
        for guest in &self.guests {
            *counts.entry(guest.peer).or_insert(0_usize) += 1;
        }
        let most = counts.values().copied().max();
        let oldest = self
            .guests
            .iter()
            .position(|guest| counts.get(&guest.peer).copied() == most);
        if let Some(oldest) = oldest {
            self.guests.remove(oldest).leave.cancel();
        }
    }
}

impl Guest {
    /// Waits until it has to make room.
    pub async fn asked_to_leave(&self) {
        self.leave.cancelled().await;
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.guests
            .present()
            .guests
            .retain(|guest| guest.arrival != self.arrival);
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::{Guest, Guests};

    fn peer(number: u8) -> IpAddr {
        IpAddr::V4(Ipv4Addr::new(10, 0, 0, number))
    }

    fn asked(guests: &[Guest]) -> Vec<bool> {
        guests.iter().map(|guest| guest.leave.is_cancelled()).collect()
    }

    #[test]
    fn the_oldest_of_whoever_has_most_makes_room() {
        let guests = Guests::new(4);
        let mut present: Vec<_> = [1, 2, 2, 2].map(|number| guests.welcome(peer(number))).into();
        assert_eq!(asked(&present), [false; 4]);
        present.push(guests.welcome(peer(3)));
        assert_eq!(asked(&present), [false, true, false, false, false]);
        present.push(guests.welcome(peer(2)));
        assert_eq!(asked(&present), [false, true, true, false, false, false]);
        assert_eq!(guests.present().guests.len(), 4);
    }

    #[test]
    fn who_leaves_makes_room() {
        let guests = Guests::new(1);
        drop(guests.welcome(peer(1)));
        let second = guests.welcome(peer(1));
        assert!(!second.leave.is_cancelled());
        assert_eq!(guests.present().guests.len(), 1);
    }
}
