//! What the rules mean, for the documentation: one sentence for each of [`RULES`](super::rules::RULES), in its order.

/// Name and meaning of every rule, in the order in which they are asked.
pub const MEANINGS: &[(&str, &str)] = &[
    (
        "detach",
        "The object is deleted with `deletionPolicy: Detach`: it goes, and Ironic is not asked.",
    ),
    (
        "look",
        "The node is not seen: no cloud, no answer yet, a cloud that is away, or nothing newer than our own last write.",
    ),
    (
        "trust",
        "The cloud may not be the one that was known: nothing is written, and what is missing there means nothing.",
    ),
    (
        "lost",
        "The node is not listed. That alone is no evidence: it is asked for by its id, and never enrolled a second time.",
    ),
    (
        "taken",
        "The machine is enrolled already, by somebody else, whose it stays.",
    ),
    (
        "observe",
        "`managementPolicy: Observe`: what is there is reported, and nothing is written.",
    ),
    (
        "paused",
        "`spec.paused`, here or on the cloud: nothing is written.",
    ),
    (
        "enrol",
        "Nobody knows the machine: it is enrolled, or, if the object is being deleted, let go.",
    ),
    (
        "transition",
        "Ironic, or somebody else, is at work on the node: wait. A wait for a ramdisk that the spec no longer wants is ended.",
    ),
    (
        "leave",
        "The object is being deleted: the node is removed if it is free, and its instance torn down only for `Undeploy`.",
    ),
    (
        "edit",
        "A field, a trait or the maintenance differs from the spec and can be changed now.",
    ),
    (
        "prove",
        "Changed credentials were written: Ironic is asked to reach the BMC with them before anything else is done.",
    ),
    (
        "tenant",
        "Somebody else's instance is on the node: it is left alone.",
    ),
    (
        "guard",
        "Maintenance, protection or retirement forbids the step that would come next, or keeps the machine from being what the spec offers.",
    ),
    (
        "provision",
        "The next step towards `provision.state` and, once there, `power`.",
    ),
];

#[cfg(test)]
mod tests {
    use super::super::rules::RULES;
    use super::MEANINGS;

    #[test]
    fn every_rule_is_explained_in_its_place() {
        let rules: Vec<_> = RULES.iter().map(|(name, _)| *name).collect();
        let explained: Vec<_> = MEANINGS.iter().map(|(name, _)| *name).collect();
        assert_eq!(explained, rules);
    }
}
