//! The forms in which a secret is hidden.

use super::super::hiding::hide;
use super::fixture::Case;
use super::quotes::content;
use crate::ironic::model::ProvisionState as S;

#[test]
fn a_secret_is_hidden_in_every_form_in_which_it_is_likely_to_be_repeated() {
    let mut case = Case::new(&S::Manageable);
    let data = [
        ("user", "root"),
        ("password", "p\"ss wörd/1\n"),
        ("key", "-----BEGIN\nfirst-line-of-it\nend\n"),
    ];
    case.secrets.contents = Some(content("1", &data));
    for (said, told) in [
        ("as it is: p\"ss wörd/1", "as it is: ***"),
        (
            r#"in JSON: {"password": "p\"ss wörd/1"}"#,
            r#"in JSON: {"password": "***"}"#,
        ),
        (
            "in a URL: https://h/?p=p%22ss%20w%C3%B6rd%2F1&x",
            "in a URL: https://h/?p=***&x",
        ),
        ("in a form: p=p%22ss+w%C3%B6rd%2F1", "in a form: p=***"),
        ("in lower case: p%22ss%20w%c3%b6rd%2f1", "in lower case: ***"),
        ("base64: cCJzcyB3w7ZyZC8x", "base64: ***"),
        ("basic: cm9vdDpwInNzIHfDtnJkLzE=", "basic: ***="),
        ("a line: first-line-of-it.", "a line: ***."),
        ("no: calm", "no: calm"),
    ] {
        assert_eq!(case.with(|facts| hide(said, facts)), told);
    }
}
