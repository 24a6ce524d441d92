//! The calls of openstacksdk's page "Baremetal API" that have to be shown, and the page of ours that tells how they compare.

#![cfg(test)]

use std::fmt::Write;

use super::scene::Shown;

/// What the page offers, in its order.
pub const PAGE: &[(&str, &[&str])] = &[
    (
        "Nodes",
        &[
            "create_node",
            "update_node",
            "patch_node",
            "delete_node",
            "get_node",
            "find_node",
            "nodes",
            "set_node_power_state",
            "set_node_provision_state",
            "wait_for_nodes_provision_state",
            "wait_for_node_reservation",
            "validate_node",
        ],
    ),
    (
        "Ports",
        &[
            "create_port",
            "update_port",
            "patch_port",
            "delete_port",
            "get_port",
            "find_port",
            "ports",
        ],
    ),
    (
        "Port groups",
        &[
            "create_port_group",
            "update_port_group",
            "patch_port_group",
            "delete_port_group",
            "get_port_group",
            "find_port_group",
            "port_groups",
        ],
    ),
    ("Drivers", &["drivers", "get_driver"]),
    (
        "Chassis",
        &[
            "create_chassis",
            "update_chassis",
            "patch_chassis",
            "delete_chassis",
            "get_chassis",
            "find_chassis",
            "chassis",
        ],
    ),
    (
        "VIFs",
        &["attach_vif_to_node", "detach_vif_from_node", "list_node_vifs"],
    ),
    (
        "Allocations",
        &[
            "create_allocation",
            "update_allocation",
            "patch_allocation",
            "delete_allocation",
            "get_allocation",
            "allocations",
            "wait_for_allocation",
        ],
    ),
    (
        "Config drives",
        &[
            "configdrive.populate_directory",
            "configdrive.build",
            "configdrive.pack",
        ],
    ),
];

const HEAD: &str = "# The client and openstacksdk

Every call of openstacksdk's page \"Baremetal API\" is made twice against one real Ironic, once through openstacksdk and once through
`ironwright::ironic::client`, on objects of their own. What the caller gets and what Ironic then holds are compared field by field, and
so is what goes wrong. Where nothing else is said, both come to the same. **Better** says what ours does and openstacksdk does not;
the test shows both. Where both come to the same, a call takes no more requests than openstacksdk's, except that an update reads
what it changes; waits are not counted. VIFs are attached to nodes with network interface `noop`; what Ironic says with Neutron
behind it is answered by a proxy in its place.

This page is written by the test `parity` (`make parity`), which fails if a call of the page is not shown or if this page says
anything else.
";

/// The page.
pub fn page(shown: &[Shown]) -> String {
    let mut page = HEAD.to_owned();
    for (section, calls) in PAGE {
        let _ = write!(page, "\n## {section}\n\n| call | shown | test |\n|---|---|---|\n");
        for call in *calls {
            let of_call: Vec<_> = shown.iter().filter(|shown| shown.function == *call).collect();
            let mut scenes: Vec<_> = of_call.iter().map(|shown| format!("`{}`", shown.scene)).collect();
            scenes.dedup();
            let mut told: Vec<_> = of_call.iter().map(|shown| told(shown)).collect();
            told.dedup();
            let _ = writeln!(
                page,
                "| `{call}` | {} | {} |",
                told.join("<br>"),
                scenes.join(", ")
            );
        }
    }
    page
}

fn told(shown: &Shown) -> String {
    if shown.better {
        format!("**better:** {}", shown.what)
    } else {
        shown.what.to_owned()
    }
}

/// Calls of the page that nobody has shown, and calls that were shown but are not on the page.
pub fn gaps(shown: &[Shown]) -> Vec<&'static str> {
    let listed = || PAGE.iter().flat_map(|(_, calls)| calls.iter().copied());
    let mut gaps: Vec<_> = listed()
        .filter(|call| shown.iter().all(|shown| shown.function != *call))
        .collect();
    let strange = shown.iter().map(|shown| shown.function);
    gaps.extend(strange.filter(|call| listed().all(|listed| listed != *call)));
    gaps
}

#[test]
fn a_call_that_is_not_shown_is_a_gap_and_so_is_one_that_is_not_on_the_page() {
    let shown = |function| Shown {
        function,
        scene: "a::b",
        what: "c",
        better: false,
    };
    let mut all: Vec<_> = PAGE
        .iter()
        .flat_map(|(_, calls)| calls.iter().map(|call| shown(call)))
        .collect();
    assert_eq!(gaps(&all), Vec::<&str>::new());
    all.push(shown("inject_nmi_to_node"));
    assert_eq!(gaps(&all), ["inject_nmi_to_node"]);
    all.retain(|shown| shown.function != "ports");
    assert_eq!(gaps(&all), ["ports", "inject_nmi_to_node"]);
}
