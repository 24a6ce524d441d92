//! Whether Ironic's words about a BMC say that it was not reached, or that it refused.
//!
//! The phrases are those of Ironic 39 (`conductor/verify.py`, `drivers/modules/redfish/utils.py`), of sushy 5 (`exceptions.py`), of
//! requests and urllib3 below it, and of the C library. Words that are in neither table count as a refusal: after three tries too many a
//! BMC may lock the account, which needs somebody at the machine, while an object that is stalled needs a new value of an annotation.
//! `IPMI call failed: power status.` is such a case: Ironic leaves out why. (It asks for a minute itself before it says so.)

/// What the words say.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Reach {
    /// The BMC was not reached, or has not started yet: no account is at stake, and nobody is needed.
    Unreached,
    /// It answered and refused, or it cannot be told.
    Refused,
}

/// These win over the others. A certificate is not put right by waiting, and no credentials are sent before it is.
const REFUSED: &[&str] = &[
    "returned code 401",
    "returned code 403",
    "unauthorized",
    "forbidden",
    "authentication",
    "authorization",
    "access denied",
    "credential",
    "password",
    "user name",
    "username",
    "privilege",
    "account",
    "locked",
    "certificate",
    "no x-auth-token",
];

const UNREACHED: &[&str] = &[
    "unable to connect to",
    "redfish connection failed",
    "connection refused",
    "connection reset",
    "connection aborted",
    "connection timed out",
    "connection error",
    "no route to host",
    "network is unreachable",
    "host is unreachable",
    "host is down",
    "timed out",
    "timeout",
    "waiting for the answer",
    "max retries exceeded",
    "failed to establish a new connection",
    "remote end closed connection",
    "broken pipe",
    "name or service not known",
    "temporary failure in name resolution",
    "returned code 500",
    "returned code 502",
    "returned code 503",
    "returned code 504",
    "bad gateway",
    "service unavailable",
    "internal server error",
];

/// Reads the words.
pub fn of(words: &str) -> Reach {
    let words = words.to_lowercase();
    let has = |phrases: &[&str]| phrases.iter().any(|phrase| words.contains(phrase));
    if !has(REFUSED) && has(UNREACHED) {
        Reach::Unreached
    } else {
        Reach::Refused
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What Ironic puts before whatever its driver says.
    const VERIFYING: &str =
        "Failed to get power state for node 1be26c0b-03f2-4d2e-ae87-c02d7f33c123. Error: ";

    #[test]
    fn what_real_drivers_say_is_understood() {
        let table = [
            (
                Reach::Unreached,
                "Redfish connection failed for node 1be26c0b: Unable to connect to https://10.0.0.7/redfish/v1/SessionService/Sessions. Error: HTTPSConnectionPool(host='10.0.0.7', port=443): Max retries exceeded with url: /redfish/v1/ (Caused by NewConnectionError('<urllib3.connection.HTTPSConnection object at 0x7f>: Failed to establish a new connection: [Errno 111] Connection refused'))",
            ),
            (
                Reach::Unreached,
                "Redfish connection failed for node 1be26c0b: Unable to connect to https://10.0.0.7/redfish/v1/. Error: [Errno 113] No route to host",
            ),
            (
                Reach::Unreached,
                "Redfish exception occurred. Error: HTTP GET https://10.0.0.7/redfish/v1/Systems/1 returned code 503. Base.1.0.GeneralError: ServiceTemporarilyUnavailable Extended information: None",
            ),
            (
                Reach::Unreached,
                "Unable to connect to https://10.0.0.7/redfish/v1/. Error: ('Connection aborted.', RemoteDisconnected('Remote end closed connection without response'))",
            ),
            (
                Reach::Unreached,
                "GET /v1/nodes/{node}/management/boot_device did not end within 30s, still waiting for the answer",
            ),
            (
                Reach::Refused,
                "HTTP GET https://10.0.0.7/redfish/v1/Systems/1 returned code 401. Base.1.0.GeneralError: The authentication credentials included with this request are missing or invalid. Extended information: None",
            ),
            (
                Reach::Refused,
                "HTTP POST https://10.0.0.7/redfish/v1/SessionService/Sessions returned code 403. unknown error Extended information: None",
            ),
            (
                Reach::Refused,
                "Unable to connect to https://10.0.0.7/redfish/v1/. Error: [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed certificate",
            ),
            // The account is locked: a server's error, and no time to go on trying.
            (
                Reach::Refused,
                "HTTP GET https://10.0.0.7/redfish/v1/ returned code 503. The user account is locked. Extended information: None",
            ),
            (
                Reach::Refused,
                "Redfish exception occurred. Error: Resource https://10.0.0.7/redfish/v1/Systems/9 not found",
            ),
            (Reach::Refused, "IPMI call failed: power status."),
            (Reach::Refused, "something that nobody has seen before"),
            (Reach::Refused, ""),
        ];
        for (expected, words) in table {
            assert_eq!(of(words), expected, "{words}");
            assert_eq!(of(&format!("{VERIFYING}{words}")), expected, "{words}");
        }
    }

    #[test]
    fn every_phrase_is_written_as_it_is_looked_for() {
        for phrase in REFUSED.iter().chain(UNREACHED) {
            assert_eq!(*phrase, phrase.to_lowercase());
        }
        // The words that Ironic adds itself decide nothing.
        assert_eq!(of(VERIFYING), Reach::Refused);
        for phrase in UNREACHED {
            assert_eq!(of(&format!("{VERIFYING}{phrase}")), Reach::Unreached, "{phrase}");
        }
    }
}
