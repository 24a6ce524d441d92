//! Who has a key, found without looking at everybody.
//!
//! Keys are kept as hashes of 8 bytes: a fleet has several for each of its objects, and most of them are long. Two keys may share a hash,
//! so whoever is found has to be asked for the key itself.

use std::collections::{BTreeSet, HashMap};
use std::hash::{BuildHasher, Hash, RandomState};

/// Everybody by the hashes of their keys.
#[derive(Clone, Debug)]
pub struct Buckets<T> {
    /// Keyed anew in every process: nobody can choose keys that meet.
    hasher: RandomState,
    buckets: HashMap<u64, Bucket<T>>,
}

/// Most keys have one.
#[derive(Clone, Debug)]
enum Bucket<T> {
    One(T),
    Many(BTreeSet<T>),
}

impl<T> Default for Buckets<T> {
    fn default() -> Self {
        Self {
            hasher: RandomState::new(),
            buckets: HashMap::new(),
        }
    }
}

impl<T: Ord> Buckets<T> {
    /// The hash of a key.
    pub fn hash(&self, key: &impl Hash) -> u64 {
        self.hasher.hash_one(key)
    }

    /// `who` has the key of this hash.
    pub fn put(&mut self, hash: u64, who: T) {
        let bucket = match self.buckets.remove(&hash) {
            None => Bucket::One(who),
            Some(Bucket::One(known)) if known == who => Bucket::One(who),
            Some(Bucket::One(known)) => Bucket::Many(BTreeSet::from([known, who])),
            Some(Bucket::Many(mut all)) => {
                all.insert(who);
                Bucket::Many(all)
            }
        };
        self.buckets.insert(hash, bucket);
    }

    /// `who` has it no longer.
    pub fn take(&mut self, hash: u64, who: &T) {
        let empty = match self.buckets.get_mut(&hash) {
            None => false,
            Some(Bucket::One(known)) => known == who,
            Some(Bucket::Many(all)) => {
                all.remove(who);
                all.is_empty()
            }
        };
        if empty {
            self.buckets.remove(&hash);
        }
    }

    /// Who may have the key of this hash, in their order.
    pub fn get(&self, hash: u64) -> impl Iterator<Item = &T> {
        let (one, many) = match self.buckets.get(&hash) {
            Some(Bucket::One(one)) => (Some(one), None),
            Some(Bucket::Many(all)) => (None, Some(all)),
            None => (None, None),
        };
        one.into_iter().chain(many.into_iter().flatten())
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.buckets.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.buckets.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_is_found_by_a_key_until_they_have_it_no_longer() {
        let mut buckets = Buckets::default();
        let (one, other) = (buckets.hash(&"one"), buckets.hash(&"other"));
        let who = |buckets: &Buckets<u8>, hash| buckets.get(hash).copied().collect::<Vec<_>>();
        for n in [3, 1, 2, 1] {
            buckets.put(one, n);
        }
        buckets.put(other, 9);
        buckets.put(other, 9);
        assert_eq!(who(&buckets, one), [1, 2, 3]);
        assert_eq!(who(&buckets, other), [9]);
        buckets.take(one, &2);
        buckets.take(one, &7);
        assert_eq!(who(&buckets, one), [1, 3]);
        buckets.take(other, &8);
        assert_eq!(who(&buckets, other), [9]);
        assert_eq!(buckets.len(), 2);
        for n in [1, 3, 9] {
            buckets.take(one, &n);
            buckets.take(other, &n);
        }
        assert!(buckets.is_empty());
        assert_eq!(who(&buckets, one), Vec::<u8>::new());
    }

    /// With many in one bucket as with one each, nobody else's entry is looked at.
    #[test]
    fn finding_looks_only_at_those_with_the_key() {
        let mut buckets = Buckets::default();
        for n in 0..10_000_u32 {
            let (own, shared) = (buckets.hash(&n), buckets.hash(&"cloud"));
            buckets.put(own, n);
            buckets.put(shared, n);
        }
        assert_eq!(buckets.get(buckets.hash(&77_u32)).count(), 1);
        assert_eq!(buckets.get(buckets.hash(&"cloud")).count(), 10_000);
    }
}
