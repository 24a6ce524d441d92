//! Log lines: one subscriber for the process, to stderr, as text or JSON.

use std::env;
use std::io::{IsTerminal, stderr};

use thiserror::Error;
use tracing::{Level, Metadata};
use tracing_subscriber::filter::{EnvFilter, ParseError, filter_fn};
use tracing_subscriber::fmt;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};

use crate::config::LogFormat;

/// What is logged without `RUST_LOG`.
///
/// kube's watcher prints every refused attempt by itself, its client every failed connection;
/// [`crate::kubernetes::watch`] reports the same failures once a minute and counts all of them, and every other
/// caller reports its own, so those lines are left out. So are all lines of the targets that [`is_told`] knows.
pub const DEFAULT_FILTER: &str =
    "info,kube=warn,kube_client=warn,kube_client::client=off,kube_runtime=warn,kube_runtime::watcher=error";

/// Whether a line may be written at all, whatever `RUST_LOG` asks for: not one of a library that prints what was sent or received.
///
/// kube's client prints every body that it cannot decode, at WARN, and at other levels headers and refusals. Its watcher prints, at
/// DEBUG, errors that quote values. h2 prints frames. reqwest and rustls log by another way, which nobody listens to here.
fn is_told(metadata: &Metadata<'_>) -> bool {
    let most = match metadata.target() {
        "kube_client::client" => return false,
        "kube_runtime::watcher" => Level::WARN,
        target if target == "h2" || target.starts_with("h2::") => Level::INFO,
        _ => return true,
    };
    *metadata.level() <= most
}

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

/// Sets up logging for the whole process; filtered by `RUST_LOG`, otherwise by [`DEFAULT_FILTER`], and always by [`is_told`].
pub fn init(format: LogFormat) -> Result<(), Error> {
    let filter = match env::var("RUST_LOG") {
        Ok(directives) => filter(&directives)?,
        Err(env::VarError::NotPresent) => filter("")?,
        Err(env::VarError::NotUnicode(_)) => return Err(Error::Encoding),
    };
    let lines = subscriber(filter, format, stderr().is_terminal(), stderr);
    lines.try_init().map_err(Error::AlreadySet)
}

fn subscriber<W>(
    filter: EnvFilter,
    format: LogFormat,
    ansi: bool,
    writer: W,
) -> impl SubscriberInitExt + tracing::Subscriber
where
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    let lines = fmt::layer().with_writer(writer);
    let lines: Box<dyn tracing_subscriber::Layer<_> + Send + Sync> = match format {
        LogFormat::Text => Box::new(lines.with_ansi(ansi)),
        LogFormat::Json => Box::new(lines.json().flatten_event(true).with_current_span(true)),
    };
    registry().with(lines).with(filter).with(filter_fn(is_told))
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
    use std::io::{self, Write};
    use std::sync::{Arc, Mutex};

    use tracing::subscriber::with_default;

    use super::{DEFAULT_FILTER, filter, subscriber};
    use crate::config::LogFormat;

    /// What was written.
    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    macro_rules! lines {
        ($($target:literal)+) => {
            &[$(
                || tracing::error!(target: $target, concat!("<", $target, " error>")),
                || tracing::warn!(target: $target, concat!("<", $target, " warn>")),
                || tracing::info!(target: $target, concat!("<", $target, " info>")),
                || tracing::debug!(target: $target, concat!("<", $target, " debug>")),
                || tracing::trace!(target: $target, concat!("<", $target, " trace>")),
            )+]
        };
    }

    const LINES: &[fn()] = lines!(
        "kube_client::client"
        "kube_client::client::builder"
        "kube_client::config"
        "kube_runtime::watcher"
        "h2::codec"
        "ironwright"
    );

    /// What is written under a filter of lines that say their target, at every level.
    fn written(directives: &str, format: LogFormat) -> String {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = subscriber(filter(directives).unwrap(), format, false, move || writer.clone());
        with_default(subscriber, || {
            for line in LINES {
                line();
            }
        });
        let written = lines.0.lock().unwrap().clone();
        String::from_utf8(written).unwrap()
    }

    #[test]
    fn no_setting_lets_bodies_into_the_log() {
        let loud = [
            "",
            "trace",
            "kube_client=trace",
            "kube_client::client=trace",
            "warn,kube_client::client=warn",
            "trace,kube_client[{x}]=trace,kube_runtime::watcher=trace,h2=trace",
        ];
        for directives in loud {
            for format in [LogFormat::Text, LogFormat::Json] {
                let lines = written(directives, format);
                for body in [
                    "<kube_client::client ",
                    "<kube_runtime::watcher debug>",
                    "<kube_runtime::watcher trace>",
                    "<h2::codec trace>",
                ] {
                    assert!(!lines.contains(body), "{directives}: {lines}");
                }
            }
        }
    }

    #[test]
    fn the_rest_is_told_as_asked_for() {
        let lines = written("trace", LogFormat::Text);
        for told in [
            "<kube_client::config trace>",
            "<kube_runtime::watcher warn>",
            "<kube_client::client::builder trace>",
            "<ironwright trace>",
        ] {
            assert!(lines.contains(told), "{told}: {lines}");
        }
        let lines = written("", LogFormat::Json);
        assert!(lines.contains("<ironwright info>") && !lines.contains("<ironwright debug>"));
        assert!(!lines.contains("<kube_runtime::watcher warn>"), "{lines}");
    }

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
