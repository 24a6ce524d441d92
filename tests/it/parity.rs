//! Everything on openstacksdk's page "Baremetal API", once through openstacksdk and once through our client, against the same
//! Ironic; and `docs/parity.md`, which is what these scenarios found.

#![cfg(test)]

mod allocations;
mod changes;
mod chassis;
mod claims;
mod config_drives;
mod drivers;
mod gates;
mod listing;
mod nodes;
mod normal;
mod outcome;
mod page;
mod port_groups;
mod ports;
mod scene;
mod sdk;
mod states;
mod vifs;
mod waits;

use std::panic::AssertUnwindSafe;

use futures::FutureExt;
use ironwright_stack::run::workspace;
use scene::Theatre;

/// Plays scenarios, one after the other, to the last.
macro_rules! play {
    ($theatre:ident: $($module:ident::$scene:ident,)*) => {
        $({
            let name = concat!(stringify!($module), "::", stringify!($scene));
            let mut scene = $theatre.scene(name);
            let played = AssertUnwindSafe(Box::pin($module::$scene(&mut scene))).catch_unwind().await;
            if played.is_err() {
                $theatre.wrong.push(format!("{name} ended early, see above"));
            }
        })*
    };
}

#[tokio::test]
async fn every_call_of_the_page_is_shown() {
    let mut theatre = Theatre::open().await;
    play! { theatre:
        nodes::created, nodes::created_in_a_state, nodes::read, nodes::found, nodes::deleted, nodes::deleted_in_use,
        nodes::protected,
        changes::updated, changes::emptied, changes::renamed, changes::updated_in_trouble, changes::updated_while_locked,
        changes::patched,
        listing::filtered, listing::filtered_further, listing::sorted, listing::paged,
        listing::paged_far, listing::selected,
        states::power_states, states::power_refused, states::reboots, states::power_failures, states::provision_states, states::wrong_requests,
        states::refused_requests, states::failures, waits::many, waits::failures, waits::partial_results,
        waits::reservations, waits::validation, waits::validation_without_a_word,
        ports::port_created, ports::port_changed, ports::port_read, ports::port_deleted, ports::ports_listed,
        ports::ports_filtered_by_nothing, ports::ports_sorted, port_groups::created_and_changed, port_groups::read, port_groups::listed, port_groups::sorted,
        port_groups::with_ports,
        drivers::read, chassis::life, chassis::with_nodes, vifs::life, vifs::refused, vifs::locked, vifs::old_api,
        allocations::life, allocations::without_a_node, allocations::waits_that_end, claims::chosen, claims::in_use,
        config_drives::config_drives,
    }
    assert!(theatre.wrong.is_empty(), "{}", theatre.wrong.join("\n"));
    let gaps = page::gaps(&theatre.shown);
    assert!(gaps.is_empty(), "not shown, or not on the page: {gaps:?}");
    let (path, page) = (workspace().join("docs/parity.md"), page::page(&theatre.shown));
    if std::env::var_os("WRITE_PARITY").is_some() {
        std::fs::write(&path, &page).expect("the page is written");
    }
    let now = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(now, page, "docs/parity.md says something else: run `make parity`");
}
