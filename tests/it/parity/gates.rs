//! Nodes that go on when a scenario says so, and not after a while: however slow the machine is, what a wait has to see is there to
//! be seen.

#![cfg(test)]

use std::path::PathBuf;

use ironwright_stack::proxy::{Action, Callback};

use super::scene::{SIDES, Scene, Side};

impl Scene<'_> {
    /// What a side's node waits for that has it in its script (`OP_gate`).
    pub fn gate(&self, side: Side, name: &str) -> PathBuf {
        self.stack().run.file(&format!("{}.gate", self.name(side, name)))
    }

    /// Lets a side's node go on.
    pub fn open(&self, side: Side, name: &str) {
        std::fs::write(self.gate(side, name), "").expect("the gate opens");
    }

    /// Lets each side's node go on when that side has looked at its nodes so often from now on.
    pub fn open_after(&self, looks: u64, name: &str) {
        for side in SIDES {
            let gate = self.gate(side, name);
            let open = Callback::new(move |_| {
                let opened = std::fs::write(&gate, "");
                async move { opened.expect("the gate opens") }
            });
            self.proxy(side)
                .when_request(|seen| seen.method == "GET" && seen.path.starts_with("/v1/nodes"))
                .nth(looks)
                .then(Action::CallAfter(open));
        }
    }
}
