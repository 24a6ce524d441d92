//! Every call of openstacksdk's bare metal proxy has its like in the client.

#![cfg(test)]

use std::collections::BTreeSet;
use std::path::Path;

use ironwright_stack::run::workspace;

use crate::harness::stack;

/// Those whose like has another name.
const RENAMED: &[(&str, &str)] = &[
    ("call_driver_vendor_passthru", "call_driver_vendor_method"),
    ("call_node_vendor_passthru", "call_node_vendor_method"),
    ("disable_node_console", "set_node_console"),
    ("enable_node_console", "set_node_console"),
    ("get_node_supported_boot_devices", "list_node_boot_devices"),
    ("list_driver_vendor_passthru", "list_driver_vendor_methods"),
    ("list_node_vendor_passthru", "list_node_vendor_methods"),
    ("unset_node_maintenance", "clear_node_maintenance"),
];

/// Those that have none: of all of openstacksdk's services, and bare metal has nothing that they could wait for.
const USELESS: &[&str] = &["wait_for_delete", "wait_for_status"];

/// Prints the names of all methods of the proxy.
const NAMES: &str = "
from openstack.baremetal.v1._proxy import Proxy
print('\\n'.join(name for name, it in vars(Proxy).items() if callable(it) and not name.startswith('_')))
";

/// The names of the functions that a folder's files make public.
fn functions(folder: &Path) -> BTreeSet<String> {
    let files = std::fs::read_dir(folder).expect("a folder");
    let paths = files.map(|file| file.expect("a file").path());
    let texts = paths
        .filter(|path| path.is_file())
        .map(|path| std::fs::read_to_string(path).expect("a text"));
    let mut names = BTreeSet::new();
    for text in texts {
        let lines = text.lines().map(str::trim_start);
        let declared = lines.filter_map(|line| {
            line.strip_prefix("pub async fn ")
                .or_else(|| line.strip_prefix("pub fn "))
        });
        names.extend(
            declared
                .filter_map(|rest| rest.split(['(', '<']).next())
                .map(str::to_owned),
        );
    }
    names
}

#[tokio::test]
async fn every_call_of_openstacksdk_has_its_like() {
    let output = stack().await.ironic.python::<&str>(NAMES, &[]).await.unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let theirs: BTreeSet<&str> = said.lines().collect();
    assert!(
        theirs.len() > 100,
        "{theirs:?} {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let ours = functions(&workspace().join("src/ironic/client"));
    let page = std::fs::read_to_string(workspace().join("docs/client.md")).unwrap();
    let like = |name: &str| {
        let renamed = RENAMED.iter().find(|(theirs, _)| *theirs == name);
        let same = [name.to_owned(), format!("list_{name}")];
        renamed.map_or_else(
            || same.iter().any(|name| ours.contains(name)),
            |(_, ours_is)| ours.contains(*ours_is),
        )
    };
    let missing: Vec<_> = theirs
        .iter()
        .filter(|name| !USELESS.contains(name) && !like(name))
        .collect();
    assert!(missing.is_empty(), "the client has nothing like {missing:?}");
    for (name, like) in RENAMED {
        assert!(theirs.contains(name), "{name} is no more");
        let row = format!("| `{name}` | `{like}` |");
        assert!(page.contains(&row), "docs/client.md lacks {row}");
    }
}
