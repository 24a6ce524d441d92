//! Conditions and reasons: what each means and what would help.

use super::{code, head, table};
use crate::api::advice::Class;
use crate::api::conditions::{Reason, types};

const INTRODUCTION: &str = "
Every object has three conditions, as `kubectl wait`, `helm --wait`, Flux and Argo CD read them. Exactly one of them is true.
";

const READING: &str = "
Each condition has a *reason*, one of the words below, and a *message* that says what is awaited, what would help, and what
Ironic said in Ironic's words. `status.observedGeneration` is the generation spoken of; it is -1 before the first look.

```sh
kubectl get bmn -A -o wide                    # reason and message of every machine
kubectl -n metal describe bmn rack1-u07       # conditions and Events
kubectl -n metal annotate bmn rack1-u07 --overwrite ironwright.dev/retry=\"$(date)\"   # try again what was given up
```

A step that failed is tried again after 5 seconds, then after pauses that double up to 5 minutes. A change of the spec, a new
version of a Secret it names, or a new value of the annotation begins anew.
";

/// The page.
pub fn page() -> String {
    let mut page = head(
        "Conditions and reasons",
        "src/api/conditions.rs and src/api/advice.rs",
    );
    page.push_str(INTRODUCTION);
    page.push('\n');
    page.push_str(&conditions());
    page.push_str(READING);
    for &class in Class::ALL {
        page.push_str(&section(class));
    }
    page
}

fn conditions() -> String {
    let rows = [
        (types::READY, "The object is as its spec says."),
        (
            types::RECONCILING,
            "The operator is at work on it, or waits for something that it will notice by itself.",
        ),
        (
            types::STALLED,
            "Nothing goes on until a person has done something.",
        ),
        (
            types::DRIFTED,
            "Besides the three, where it applies: the machine is not as the spec says, and stays so for now.",
        ),
        (
            types::HEALTHY,
            "Besides the three, once a machine is seen: Ironic has found no fault, nobody but the spec has put it into maintenance, and its BMC reports nothing critical.",
        ),
    ];
    table(
        &["condition", "true means"],
        rows.map(|(name, meaning)| vec![code(name), meaning.to_owned()]),
    )
}

fn section(class: Class) -> String {
    let (title, words) = words(class);
    let rows = Reason::ALL.iter().filter(|reason| reason.class() == class);
    let rows = rows.map(|reason| {
        let help = if reason.help().is_empty() {
            "–"
        } else {
            reason.help()
        };
        let meaning = reason.meaning().trim().to_owned();
        vec![code(reason.as_str()), meaning, help.to_owned()]
    });
    let table = table(&["reason", "meaning", "what would help"], rows);
    format!("\n## {title}\n\n{words}\n\n{table}")
}

fn words(class: Class) -> (&'static str, &'static str) {
    match class {
        Class::AsWanted => ("As wanted", "`Ready` is true."),
        Class::AtWork => (
            "At work",
            "`Reconciling` is true: Ironic or the operator is doing it.",
        ),
        Class::Waiting => (
            "Waiting",
            "`Reconciling` is true: something else comes first. The operator notices when it is there.",
        ),
        Class::Failed => (
            "Failed",
            "A step failed, and Ironic's words are in the message. `Reconciling` is true while it is tried again, `Stalled` once it is given up.",
        ),
        Class::Blocked => (
            "Blocked",
            "`Stalled` is true: a person decides, here or in Ironic. What Ironic itself may come to allow is also tried again, with pauses.",
        ),
        Class::Terminal => (
            "To be corrected",
            "`Stalled` is true: repeating it would change nothing. A correction is tried at once.",
        ),
        Class::Difference => (
            "Different",
            "Reasons of `Drifted`, beside what the three other conditions say. `AwaitingState` is one, too.",
        ),
        Class::Health => (
            "Health",
            "Reasons of `Healthy`, beside `Fault` and `Maintenance`.",
        ),
    }
}
