//! The bodies of refusals.
use std::sync::LazyLock;

use futures::executor::block_on;
use reqwest::Response;

use super::super::body::Progress;
use super::super::routes::NODE_PATCH;
use super::super::{Auth, Client, Error, Settings};
use super::{SECRET, tells};

/// Statuses with a meaning of their own, and others of their class.
const STATUSES: &[u16] = &[
    301, 400, 401, 403, 404, 405, 406, 409, 410, 412, 413, 418, 429, 500, 501, 502, 503, 504,
];

/// The most that is said of a refusal, bytes.
const WORDS: usize = 1024;

static CLIENT: LazyLock<Option<Client>> = LazyLock::new(|| {
    // An error: there is one already.
    let _installed = rustls::crypto::ring::default_provider().install_default();
    let auth = Auth::HttpBasic {
        username: "fuzzer".to_owned(),
        password: SECRET.into(),
    };
    let settings = Settings {
        auth,
        ..Settings::new("http://ironic.invalid")
    };
    Client::new(settings).ok()
});

/// The body of a refusal, with every status that means something, from Ironic itself and from something in front of it.
///
/// # Panics
///
/// If the refusal loses its status, is too long, tells the password that it was asked with, or says that something is not
/// there, taken or locked when that was not Ironic's word.
pub fn refusal(body: &[u8]) {
    for &status in STATUSES {
        for ironic in [true, false] {
            let error = read(status, ironic, body);
            assert!(error.is_some(), "{status} is no refusal");
            if let Some(error) = error {
                check(status, ironic, &error);
            }
        }
    }
}

/// What the client makes of an answer.
fn read(status: u16, ironic: bool, body: &[u8]) -> Option<Error> {
    let client = CLIENT.as_ref()?;
    let mut answer = http::Response::builder().status(status);
    if ironic {
        answer = answer.header("x-openstack-ironic-api-version", "1.109");
    }
    let answer = Response::from(answer.body(body.to_vec()).ok()?);
    let mut progress = Progress::default();
    let read = client.read(&NODE_PATCH, answer, client.stamp(), &mut progress);
    block_on(read).err().map(|miss| miss.error)
}

fn check(status: u16, ironic: bool, error: &Error) {
    assert_eq!(error.status(), Some(status));
    assert!(error.rejection().is_some(), "{error:?} is no refusal");
    let (words, shown) = (error.words(), format!("{error}"));
    assert!(words.len() <= WORDS, "{} bytes of words", words.len());
    assert!(shown.len() <= WORDS + 100, "{} bytes of error", shown.len());
    assert!(!tells(&words) && !tells(&shown), "the password is told");
    assert!(!tells(&format!("{error:?}")), "the password is told");
    // An object is forgotten, a creation taken for done, and a change repeated on the strength of these.
    let (gone, conflict) = (matches!(status, 404 | 410), matches!(status, 409 | 412));
    assert!(
        !error.is_not_found() || (gone && ironic),
        "{status} says: not there"
    );
    assert!(!error.is_already_exists() || conflict, "{status} says: taken");
    assert!(!error.is_locked() || conflict, "{status} says: locked");
    assert_eq!(error.is_unauthorized(), status == 401);
}
