//! The `ironwright` binary: arguments, logging, the crypto provider, then the tool that was asked for.

use anyhow::{Context as _, anyhow};
use clap::Parser;
use ironwright::config::{Cli, Command};
use ironwright::{api, operator, reference, telemetry};

fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    // Two TLS libraries in one process make rustls panic; naming the one in use first thing rules that out.
    rustls::crypto::ring::default_provider()
        .install_default()
        .map_err(|_| anyhow!("another TLS provider is installed already"))?;
    match cli.command {
        Command::Crds(crds) => {
            api::files::write(crds.directory.as_deref()).context("cannot write the definitions")
        }
        Command::Reference(wanted) => {
            reference::write(&wanted.directory).context("cannot write the reference")
        }
        Command::Run(run) => {
            telemetry::init(run.log_format)?;
            // One thread: the operator waits, for Ironic and for the apiserver; a thousand nodes on their way take a tenth of a
            // core. A thread more would be an arena of the C library's allocator more, with its own share of what was freed; and a
            // thread that hangs would keep the lease and the probe of a process that does nothing.
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            let result = runtime.block_on(operator::run(&run));
            // A name that is still being looked up must not hold up a process that has lost its lease.
            runtime.shutdown_background();
            Ok(result?)
        }
    }
}
