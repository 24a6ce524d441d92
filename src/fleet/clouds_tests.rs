//! Clouds that share an Ironic.

use jiff::Timestamp;

use super::*;
use crate::fleet::limits::Request;
use crate::ironic::model::{Standing, Work};

fn way(cloud: &CloudKey) -> Way<'_> {
    let (place, secret) = ("here", "");
    Way { cloud, place, secret }
}

fn terms() -> Terms {
    Terms {
        intervals: Intervals::default(),
        limits: Limits {
            cleans: 1,
            ..Limits::default()
        },
        requests_in_flight: 8,
    }
}

/// What a node of a cloud that is no longer seen holds would be held for ever: it cannot give it back by itself.
#[tokio::test]
async fn who_loses_sight_of_a_shared_ironic_leaves_the_room_to_others() {
    rustls::crypto::ring::default_provider().install_default().ok();
    let (woken, _wakes) = mpsc::unbounded_channel();
    for (n, lose) in [
        (|clouds: &Clouds, key: &CloudKey| clouds.break_off((key, "here"), "no".to_owned()))
            as fn(&_, &_) -> _,
        |clouds: &Clouds, key: &CloudKey| clouds.remove(key),
    ]
    .into_iter()
    .enumerate()
    {
        let clouds = Clouds::default();
        let session = format!("session {n}");
        let [one, other] = ["one", "other"].map(|namespace| CloudKey::new(namespace, "lab"));
        let see = |cloud: &CloudKey| {
            let settings = Settings::new("http://127.0.0.1:9");
            clouds
                .observe(way(cloud), &session, settings, terms(), &woken)
                .unwrap()
                .observer
        };
        let (observer, same) = (see(&one), see(&other));
        assert!(Arc::ptr_eq(&observer, &same));
        let ask = |namespace: &str| {
            let key = ObjectKey::new(namespace, "n1");
            observer.ask_room(Request {
                key: key.clone(),
                id: namespace.to_owned(),
                work: Work::Clean,
                since: Timestamp::UNIX_EPOCH,
            });
            key
        };
        let (first, second) = (ask("one"), ask("other"));
        assert_eq!(observer.standing(&first), Standing::Granted(Work::Clean));
        assert!(matches!(observer.standing(&second), Standing::Waiting(..)));
        let left: Option<Arc<Observer>> = lose(&clouds, &one);
        left.unwrap().forget(&first);
        assert_eq!(observer.standing(&second), Standing::Granted(Work::Clean));
        assert!(lose(&clouds, &one).is_none());
    }
}
