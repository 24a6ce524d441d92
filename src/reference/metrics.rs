//! The metrics, as they are registered.

use super::{code, head, table};
use crate::metrics::{Described, Metrics};

const INTRODUCTION: &str = "
Served at `/metrics` on port 8080, in Prometheus' text format. What ends in `_seconds` is in seconds. Labels are closed sets: no
name of an object and no text of an error ever becomes a time series. One that has not happened yet is not listed.
";

/// What a label says.
const LABELS: &[(&str, &str)] = &[
    (
        "fault",
        "Ironic's fault; `maintenance` without one, whoever asked for it; `hardware` where the BMC reports a critical state.",
    ),
    (
        "kind",
        "The kind of object, such as `BareMetalNode`; `Secret` for watches.",
    ),
    ("method", "The HTTP method."),
    (
        "operation",
        "`deploy`; `clean`: also undeploying; `destroy`: switching off and removing; `destructive`: all that destroys.",
    ),
    ("outcome", "How it ended, in a word."),
    (
        "route",
        "The path in Ironic's API with placeholders, such as `/v1/nodes/{node}`.",
    ),
    (
        "state",
        "Ironic's provision state; `unknown` for one that this version does not know.",
    ),
    ("status", "The HTTP status; `none` if no answer came."),
    (
        "verb",
        "What was asked of Ironic: a provision verb such as `active`, or a power change.",
    ),
    ("version", "The version of ironwright."),
];

/// The page.
pub fn page() -> Result<String, prometheus::Error> {
    let rows = Metrics::described()?.into_iter().map(row);
    let metrics = table(&["metric", "type", "labels", "what it says"], rows);
    let labels = LABELS
        .iter()
        .map(|(name, says)| vec![code(name), (*says).to_owned()]);
    let labels = table(&["label", "what it says"], labels);
    let head = head("Metrics", "src/metrics.rs");
    Ok(format!("{head}{INTRODUCTION}\n{metrics}\n## Labels\n\n{labels}"))
}

fn row(metric: Described) -> Vec<String> {
    let labels = metric.labels.iter().map(|label| code(label)).collect::<Vec<_>>();
    vec![
        code(&metric.name),
        metric.kind.to_owned(),
        labels.join(", "),
        metric.help,
    ]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{LABELS, Metrics};

    #[test]
    fn exactly_the_labels_in_use_are_explained() {
        let used: BTreeSet<_> = Metrics::described()
            .unwrap()
            .into_iter()
            .flat_map(|metric| metric.labels)
            .collect();
        let explained: BTreeSet<_> = LABELS.iter().map(|(name, _)| (*name).to_owned()).collect();
        assert_eq!(explained, used);
    }
}
