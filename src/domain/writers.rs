//! Which runs of the operator wrote marks for this cluster, and until when.
//!
//! A cluster is named in marks by an id that it has for as long as it lives. One that is restored from a snapshot beside the original has
//! the same id, and objects with the same uids: by these alone, neither can tell the other's marks from its own. So each run that holds the
//! Lease signs the marks that it writes, and the Lease keeps the runs that there were. A mark that was signed by a run which the Lease does
//! not know, or after that run had ended, was written by another cluster with the same identity.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// So many runs are remembered.
const MOST: usize = 50;

/// What nobody knows of may have been written so long after the history began, by clocks that differ.
const SLACK: SignedDuration = SignedDuration::from_mins(1);

/// A run may have written for so long after it was last seen to hold the Lease: its clock may have been put right in between.
const SET_BACK: SignedDuration = SignedDuration::from_hours(1);

/// A Lease that nobody has held for longer than any handover takes tells nothing of who wrote meanwhile.
const AWAY: SignedDuration = SignedDuration::from_mins(5);

/// Who wrote a mark, and when.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Signature {
    /// The run.
    pub by: String,
    /// The time, by the writer's clock.
    pub at: String,
}

/// A run that has ended.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Run {
    /// Its id.
    pub id: String,
    /// When it was last seen to hold the Lease.
    pub until: Timestamp,
}

/// The runs of a cluster that have ended, as its Lease keeps them.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct History {
    /// What was signed before this time is believed, whoever signed it: nothing is known of the runs before.
    pub since: Timestamp,
    /// The last ones, the oldest first.
    pub runs: Vec<Run>,
    /// The run that held the Lease when this was written.
    #[serde(default)]
    pub current: String,
}

impl History {
    /// Of a cluster that has no history yet.
    pub fn new(now: Timestamp) -> Self {
        Self {
            since: now,
            runs: vec![],
            current: String::new(),
        }
    }

    /// What a new run makes of it, by whom the Lease was found to be held (none: nobody), and when that was renewed.
    #[must_use]
    pub fn taken(
        mut self,
        run: &str,
        holder: Option<&str>,
        renewed: Option<Timestamp>,
        now: Timestamp,
    ) -> Self {
        if let Some(renewed) = renewed {
            let before = std::mem::take(&mut self.current);
            let kept = holder.is_none_or(|holder| holder == before || holder == run);
            if !before.is_empty() && before != run {
                self = self.with(&before, renewed);
            }
            if let Some(holder) = holder.filter(|holder| *holder != run) {
                self = self.with(holder, renewed);
            }
            // Somebody held it who keeps no history, such as an earlier version; or nobody did for long.
            if !kept {
                self.since = self.since.max(renewed);
            } else if holder.is_none() && now.duration_since(renewed) > AWAY {
                self.since = now;
            }
        }
        run.clone_into(&mut self.current);
        self
    }

    /// As a Lease has it. What cannot be read is no history.
    pub fn read(text: Option<&str>, now: Timestamp) -> Self {
        let read = text.and_then(|text| serde_json::from_str(text).ok());
        read.unwrap_or_else(|| Self::new(now))
    }

    /// As it is written to a Lease.
    pub fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// A run has ended.
    #[must_use]
    pub fn with(mut self, id: &str, until: Timestamp) -> Self {
        let earlier = self.runs.iter().find(|run| run.id == id).map(|run| run.until);
        self.runs.retain(|run| run.id != id);
        self.runs.push(Run {
            id: id.to_owned(),
            until: earlier.map_or(until, |earlier| earlier.max(until)),
        });
        let surplus = self.runs.len().saturating_sub(MOST);
        for forgotten in self.runs.drain(..surplus) {
            self.since = self.since.max(forgotten.until);
        }
        self
    }
}

/// The run that writes now, and those before it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Writers {
    /// The id of this run.
    pub run: String,
    /// The runs before.
    pub before: History,
}

impl Writers {
    /// The signature of this run.
    pub fn sign(&self, now: Timestamp) -> Signature {
        Signature {
            by: self.run.clone(),
            at: now.to_string(),
        }
    }

    /// Whether a mark may be this cluster's own. `accepted`: runs of others that a person has accepted, separated by commas.
    pub fn know(&self, signature: &Signature, accepted: Option<&str>) -> bool {
        if signature.by == self.run || accepts(accepted, &signature.by) {
            return true;
        }
        // One that cannot be read proves nothing.
        let Ok(at) = signature.at.parse::<Timestamp>() else {
            return true;
        };
        let run = self.before.runs.iter().find(|run| run.id == signature.by);
        let (until, slack) = run.map_or((self.before.since, SLACK), |run| (run.until, SET_BACK));
        at.duration_since(until) <= slack
    }
}

fn accepts(accepted: Option<&str>, id: &str) -> bool {
    accepted.is_some_and(|accepted| accepted.split(',').any(|one| one.trim() == id))
}

/// Runs that this cluster does not know, in words.
pub fn say(strangers: &BTreeSet<String>, annotation: &str) -> String {
    let all = strangers.iter().map(String::as_str).collect::<Vec<_>>().join(",");
    format!(
        "Marks of this cluster's own objects were written by runs of the operator that its Lease does not know ({all}): another cluster with the same id works on these machines, or did, such as one that was restored from a snapshot of etcd. Nothing is written. Stop one of the two, or give it another cluster id; then annotate the BareMetalCloud with {annotation}=\"{all}\"."
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn signed(by: &str, second: i64) -> Signature {
        Signature {
            by: by.to_owned(),
            at: at(second).to_string(),
        }
    }

    fn writers(run: &str, before: History) -> Writers {
        Writers {
            run: run.to_owned(),
            before,
        }
    }

    #[test]
    fn what_a_run_of_this_cluster_signed_while_it_ran_is_its_own() {
        let history = History::new(at(100)).with("a", at(1000)).with("b", at(2000));
        let me = writers("c", history);
        for (by, second, known) in [
            ("c", 9000, true),
            ("a", 500, true),
            ("a", 4600, true),
            ("a", 4601, false),
            ("b", 1900, true),
            ("b", 6000, false),
            ("x", 90, true),
            ("x", 160, true),
            ("x", 161, false),
        ] {
            assert_eq!(me.know(&signed(by, second), None), known, "{by} at {second}");
            assert!(me.know(&signed(by, second), Some("y, x,a,b")), "{by} is accepted");
        }
        let odd = Signature {
            by: "x".into(),
            at: "yesterday".into(),
        };
        assert!(me.know(&odd, None));
    }

    /// The original goes on after the snapshot with the same run; the copy begins with the Lease as it was then.
    #[test]
    fn a_cluster_and_its_copy_know_each_other_from_what_they_wrote_since() {
        let original = writers("a", History::new(at(0)));
        let copy = writers("b", History::new(at(0)).with("a", at(1000)));
        assert!(copy.know(&original.sign(at(900)), None), "before the snapshot");
        assert!(!copy.know(&original.sign(at(5000)), None), "after it");
        assert!(!original.know(&copy.sign(at(1500)), None));
    }

    #[test]
    fn a_history_is_bounded_and_what_it_forgets_is_believed() {
        let mut history = History::new(at(0));
        for run in 0..200 {
            history = history.with(&format!("r{run}"), at(run * 100));
        }
        assert_eq!(history.runs.len(), MOST);
        assert!(history.text().len() < 4096);
        assert_eq!(History::read(Some(&history.text()), at(7)), history);
        let me = writers("me", history);
        assert!(me.know(&signed("r3", 300), None));
        assert!(me.know(&signed("r199", 19_900), None));
        assert!(!me.know(&signed("x", 19_900), None));
    }

    #[test]
    fn who_kept_no_history_is_believed_until_then() {
        let history = History::new(at(0)).taken("a", None, None, at(0));
        // An earlier version took the Lease from a run that was killed, and was killed in turn.
        let history = history.taken("b", Some("old"), Some(at(900)), at(950));
        let me = writers("b", history.clone());
        for (by, second) in [("a", 800), ("old", 900), ("unknown", 900)] {
            assert!(me.know(&signed(by, second), None), "{by}");
        }
        assert!(!me.know(&signed("unknown", 2000), None));
        // The operator was elsewhere for a day, and has let go of this Lease before.
        let day = 86_400;
        let back = history.clone().taken("c", None, Some(at(1000)), at(day));
        assert!(writers("c", back).know(&signed("elsewhere", day - 60), None));
        let handover = history.taken("c", None, Some(at(1000)), at(1010));
        assert!(!writers("c", handover).know(&signed("elsewhere", day - 60), None));
    }

    #[test]
    fn a_run_that_ended_twice_ended_the_second_time() {
        let history = History::new(at(0))
            .with("a", at(20))
            .with("b", at(30))
            .with("a", at(10));
        assert_eq!(
            history.runs.iter().find(|run| run.id == "a").unwrap().until,
            at(20)
        );
        assert_eq!(history.runs.len(), 2);
    }

    #[test]
    fn what_cannot_be_read_is_no_history() {
        for text in [None, Some(""), Some("{}"), Some("[]")] {
            assert_eq!(History::read(text, at(5)), History::new(at(5)), "{text:?}");
        }
    }
}
