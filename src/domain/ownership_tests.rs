//! Every mark and every naming, and what must hold of the answer.

use super::*;

fn owner(cluster: &str, namespace: &str, namespace_uid: Option<&str>, name: &str, uid: &str) -> Owner {
    Owner {
        cluster: cluster.to_owned(),
        namespace: namespace.to_owned(),
        namespace_uid: namespace_uid.map(str::to_owned),
        name: name.to_owned(),
        uid: uid.to_owned(),
    }
}

fn ours() -> Owner {
    owner("c", "metal", Some("ns-1"), "n1", "uid-1")
}

/// Every owner that differs from ours in any of the five, or in none.
fn owners() -> impl Iterator<Item = Owner> {
    let clusters = ["c", "other"].into_iter();
    let names =
        clusters.flat_map(|cluster| ["metal", "elsewhere"].map(move |namespace| (cluster, namespace)));
    let uids = names.flat_map(|(cluster, namespace)| {
        [None, Some("ns-1"), Some("ns-2")].map(move |uid| (cluster, namespace, uid))
    });
    uids.flat_map(|(cluster, namespace, namespace_uid)| {
        ["n1", "n2"].into_iter().flat_map(move |name| {
            ["uid-1", "uid-2"].map(move |uid| owner(cluster, namespace, namespace_uid, name, uid))
        })
    })
}

#[test]
fn a_mark_is_own_by_uid_alone_and_a_living_owner_keeps_what_it_has() {
    let mut seen = std::collections::BTreeSet::from([Mark::None]);
    assert_eq!(mark(None, &ours(), Liveness::Living), Mark::None);
    for other in owners() {
        for released in [false, true] {
            for &holder in Liveness::ALL {
                let found = mark(Some((&other, released)), &ours(), holder);
                seen.insert(found);
                let same_cluster = other.cluster == "c";
                assert_eq!(
                    found == Mark::Own,
                    same_cluster && other.uid == "uid-1",
                    "{other:?}"
                );
                if found == Mark::Own {
                    continue;
                }
                assert_eq!(found == Mark::Released, released, "{other:?}");
                if released {
                    continue;
                }
                assert_eq!(found == Mark::Elsewhere, !same_cluster, "{other:?}");
                let namesake = same_cluster && other.namespace == "metal" && other.name == "n1";
                let heir = other.namespace_uid.as_deref() == Some("ns-2");
                let expected = match (same_cluster, namesake, holder) {
                    (false, ..) => Mark::Elsewhere,
                    (true, true, _) if heir => Mark::Orphaned,
                    (true, true, _) => Mark::Predecessor,
                    (true, false, Liveness::Living) => Mark::Living,
                    (true, false, Liveness::Gone) => Mark::Orphaned,
                };
                assert_eq!(found, expected, "{other:?}");
            }
        }
    }
    assert_eq!(seen, Mark::ALL.iter().copied().collect());
}

#[test]
fn an_entity_is_acted_on_only_if_the_spec_names_it_or_the_mark_is_the_objects_own() {
    let mut seen = std::collections::BTreeSet::new();
    for &mark in Mark::ALL {
        for &naming in Naming::ALL {
            let answer = whose(mark, naming);
            seen.insert(answer);
            let acts = matches!(answer, Whose::Ours | Whose::ToTakeOver);
            let named = !matches!(naming, Naming::Unnamed | Naming::Excluded);
            assert!(!acts || named || mark == Mark::Own, "{mark:?} {naming:?}");
            assert!(
                !acts || naming != Naming::Excluded,
                "{mark:?}: import names another one"
            );
            assert!(
                !acts || !matches!(mark, Mark::Living | Mark::Elsewhere),
                "{naming:?}: somebody else has it"
            );
            let mine = mark == Mark::Own || (mark == Mark::None && naming == Naming::Uid);
            assert_eq!(
                answer == Whose::Ours,
                mine && naming != Naming::Excluded,
                "{mark:?} {naming:?}"
            );
            // What was enrolled by hand is taken over by `import` alone, or if it was the object's already.
            if mark == Mark::None && answer == Whose::ToTakeOver {
                assert!(matches!(naming, Naming::Import | Naming::Recorded));
            }
        }
    }
    assert_eq!(seen, Whose::ALL.iter().copied().collect());
}

#[test]
fn what_was_left_behind_goes_to_whoever_names_it() {
    for mark in [Mark::Predecessor, Mark::Released, Mark::Orphaned] {
        for naming in [Naming::Described, Naming::Recorded, Naming::Import, Naming::Uid] {
            assert_eq!(whose(mark, naming), Whose::ToTakeOver, "{mark:?} {naming:?}");
        }
    }
    assert_eq!(whose(Mark::Predecessor, Naming::Unnamed), Whose::Unfit);
}
