//! The rules of the decision, by name.

use super::{code, head, table};
use crate::domain::node::meanings::MEANINGS;

/// The page.
pub fn page() -> String {
    let introduction = "
What to do next about a machine is decided by an ordered table of rules: the first that has an answer wins. Its name is in
`status.rule` of a BareMetalNode.
";
    let rows = MEANINGS.iter().enumerate().map(|(index, (name, meaning))| {
        let number = (index + 1).to_string();
        vec![number, code(name), (*meaning).to_owned()]
    });
    let table = table(&["", "rule", "it answers when"], rows);
    format!(
        "{}{introduction}\n{table}",
        head("Rules", "src/domain/node/meanings.rs")
    )
}
