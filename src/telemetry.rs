//! Log lines: one subscriber for the process, to stderr, as text or JSON.

use std::env;
use std::io::{IsTerminal, stderr};

use thiserror::Error;
use tracing_subscriber::filter::{EnvFilter, ParseError};
use tracing_subscriber::fmt;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};

use crate::config::LogFormat;

/// What is logged without `RUST_LOG`.
///
/// kube's watcher prints every refused attempt by itself, its client every failed connection;
/// [`crate::kubernetes::watch`] reports the same failures once a minute and counts all of them, and every other
/// caller reports its own, so those lines are left out.
pub const DEFAULT_FILTER: &str = "info,kube=warn,kube_client=warn,kube_client::client::builder=off,kube_runtime=warn,kube_runtime::watcher=error";

/// Why logging could not be set up.
#[derive(Debug, Error)]
pub enum Error {
    /// `RUST_LOG` is not a list of filter directives.
    #[error("RUST_LOG is not a list of `target=level` filters")]
    Filter(#[source] ParseError),
    /// `RUST_LOG` is not UTF-8.
    #[error("RUST_LOG is not valid UTF-8")]
    Encoding,
    /// The process already has a subscriber.
    #[error("logging is already set up")]
    AlreadySet(#[source] TryInitError),
}

/// Sets up logging for the whole process; filtered by `RUST_LOG`, otherwise by [`DEFAULT_FILTER`].
pub fn init(format: LogFormat) -> Result<(), Error> {
    let filter = match env::var("RUST_LOG") {
        Ok(directives) => filter(&directives)?,
        Err(env::VarError::NotPresent) => filter("")?,
        Err(env::VarError::NotUnicode(_)) => return Err(Error::Encoding),
    };
    let lines = fmt().with_env_filter(filter).with_writer(stderr);
    match format {
        LogFormat::Text => lines.with_ansi(stderr().is_terminal()).finish().try_init(),
        LogFormat::Json => lines
            .json()
            .flatten_event(true)
            .with_current_span(true)
            .finish()
            .try_init(),
    }
    .map_err(Error::AlreadySet)
}

fn filter(directives: &str) -> Result<EnvFilter, Error> {
    let directives = if directives.trim().is_empty() {
        DEFAULT_FILTER
    } else {
        directives
    };
    EnvFilter::builder().parse(directives).map_err(Error::Filter)
}

#[cfg(test)]
mod tests {
    use super::{DEFAULT_FILTER, filter};

    #[test]
    fn absent_and_empty_mean_the_default() {
        let default = filter(DEFAULT_FILTER).unwrap().to_string();
        assert_eq!(filter("").unwrap().to_string(), default);
        assert_eq!(filter(" ").unwrap().to_string(), default);
    }

    #[test]
    fn given_directives_replace_the_default() {
        assert_eq!(
            filter("ironwright=debug").unwrap().to_string(),
            "ironwright=debug"
        );
    }

    #[test]
    fn nonsense_is_refused() {
        assert!(filter("info,kube=very-loud").is_err());
    }
}
