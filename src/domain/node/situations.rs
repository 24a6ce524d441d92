//! Every situation there is.

use super::situation::{Gap, Grip, Guard, Place, Refs, Situation, Tenant, View, Want, Writes};

impl Situation {
    /// Every situation that can occur, and some that cannot: a rule must not rely on two facts going together.
    ///
    /// Left out is only what cannot even be said: grip, guard, tenant and fields of a node that is not seen, a place other than
    /// `Absent` in a cloud that is not seen, a `Lost` node (known from a GET) in a list, an absence by list in a GET.
    pub fn all() -> impl Iterator<Item = Self> {
        let sights: Vec<_> = unseen().chain(seen()).collect();
        let asked = Want::ALL.iter().flat_map(|&want| {
            Writes::ALL
                .iter()
                .flat_map(move |&writes| Refs::ALL.iter().map(move |&refs| (want, writes, refs)))
        });
        asked.flat_map(move |(want, writes, refs)| {
            let with = move |sight| Self {
                want,
                writes,
                refs,
                ..sight
            };
            sights.clone().into_iter().map(with)
        })
    }

    /// The first situation of a place in a view.
    fn sight(view: View, place: Place) -> Self {
        Self {
            want: Want::Untouched,
            view,
            writes: Writes::Allowed,
            refs: Refs::Ready,
            place,
            grip: Grip::Free,
            guard: Guard::None,
            tenant: Tenant::Nobody,
            edit: Gap::None,
        }
    }
}

/// The sights without a node.
fn unseen() -> impl Iterator<Item = Situation> {
    let blind = [View::NoCloud, View::NotYet, View::Down, View::Stale].map(|view| (view, Place::Absent));
    let absent = [
        (View::Summary, Place::Absent),
        (View::Summary, Place::Taken),
        (View::Full, Place::Taken),
        (View::Summary, Place::Unlisted),
        (View::Full, Place::Lost),
        (View::Full, Place::LostInstance),
    ];
    blind
        .into_iter()
        .chain(absent)
        .map(|(view, place)| Situation::sight(view, place))
}

/// The sights of a node.
fn seen() -> impl Iterator<Item = Situation> {
    let places = Place::ALL.iter().filter(|place| place.seen());
    let sights = places
        .flat_map(|&place| [View::Summary, View::Full].map(|view| Situation::sight(view, place)))
        .flat_map(|sight| Grip::ALL.iter().map(move |&grip| Situation { grip, ..sight }))
        .flat_map(|sight| Guard::ALL.iter().map(move |&guard| Situation { guard, ..sight }))
        .flat_map(|sight| {
            Tenant::ALL
                .iter()
                .map(move |&tenant| Situation { tenant, ..sight })
        });
    sights.flat_map(|sight| Gap::ALL.iter().map(move |&edit| Situation { edit, ..sight }))
}
