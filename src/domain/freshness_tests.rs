//! Every combination of what was known then, what is known now, and how long ago it was.

use super::*;

fn form(uid: &str, version: u64, generation: i64, deleting: bool) -> Form {
    Form {
        uid: uid.to_owned(),
        version,
        generation,
        deleting,
    }
}

/// What can be known of an object whose form then was that of uid `a`, version 5, generation 2; and whether that still speaks for it.
fn forms() -> Vec<(Option<Form>, bool)> {
    let mut all = vec![(None, false)];
    for uid in ["a", "b"] {
        for version in [4, 5, 6] {
            for generation in [1, 2, 3] {
                for deleting in [false, true] {
                    let behind = version < 5;
                    let same = uid == "a" && (behind || (generation == 2 && !deleting));
                    all.push((Some(form(uid, version, generation, deleting)), same));
                }
            }
        }
    }
    all
}

fn proofs() -> Vec<(Proof, bool)> {
    let mut all = vec![(Proof::Needless, true), (Proof::Missing, false)];
    for announced in [0, 1999, 2000, 2001, 60_000] {
        for looked in [0, 2000, 4999, 5000, 5001, 60_000] {
            let (announced, looked) = (Duration::from_millis(announced), Duration::from_millis(looked));
            let young = announced.as_millis() <= 2000 && looked.as_millis() <= 5000;
            all.push((Proof::Given { announced, looked }, young));
        }
    }
    all
}

#[test]
fn only_what_is_still_meant_and_young_is_sent() {
    let then = Forms {
        object: Some(form("a", 5, 2, false)),
        cloud: Some(form("a", 5, 2, false)),
    };
    let mut sent = 0;
    for (object, meant) in forms() {
        for (cloud, reached) in forms() {
            for (proof, young) in proofs() {
                let newest = Forms {
                    object: object.clone(),
                    cloud: cloud.clone(),
                };
                let judged = judge(&then, &newest, proof);
                assert_eq!(
                    judged.is_ok(),
                    meant && reached && young,
                    "{newest:?} {proof:?}: {judged:?}"
                );
                sent += usize::from(judged.is_ok());
                if let Err(stale) = judged {
                    assert_eq!(stale.is_late(), meant && reached, "{stale:?}");
                }
            }
        }
    }
    assert!(sent > 0);
}

#[test]
fn without_an_object_or_a_cloud_nothing_is_sent() {
    let whole = Forms {
        object: Some(Form::default()),
        cloud: Some(Form::default()),
    };
    assert_eq!(judge(&whole, &whole, Proof::Needless), Ok(()));
    for (object, cloud) in [(true, false), (false, true), (false, false)] {
        let part = Forms {
            object: whole.object.clone().filter(|_| object),
            cloud: whole.cloud.clone().filter(|_| cloud),
        };
        assert!(judge(&part, &whole, Proof::Needless).is_err());
        assert!(judge(&whole, &part, Proof::Needless).is_err());
    }
}

#[test]
fn a_look_that_bears_an_announcement_holds_until_the_step_has_gone_out() {
    for millis in (0..6000).step_by(100) {
        let looked = Duration::from_millis(millis);
        let then = Proof::Given {
            announced: ANNOUNCED,
            looked: looked + ANNOUNCED,
        };
        let whole = Forms {
            object: Some(Form::default()),
            cloud: Some(Form::default()),
        };
        assert_eq!(bears(looked), judge(&whole, &whole, then).is_ok(), "{looked:?}");
    }
}

#[test]
fn a_form_is_read_from_the_metadata() {
    let metadata = ObjectMeta {
        uid: Some("u".to_owned()),
        resource_version: Some("17".to_owned()),
        generation: Some(3),
        ..ObjectMeta::default()
    };
    assert_eq!(Form::of(&metadata), form("u", 17, 3, false));
}
