//! What the figures were measured on.

use anyhow::Result;

use super::stage::Stage;

/// Asks the Python environment, which has no `pip`, for the versions that matter.
const VERSIONS: &str = "from importlib.metadata import version as v; import platform; \
    print(f'Python {platform.python_version()}, Ironic {v(\"ironic\")}, openstacksdk {v(\"openstacksdk\")}')";

/// A few lines for people.
pub(super) async fn describe(stage: &Stage) -> Result<String> {
    let read = |path| std::fs::read_to_string(path).unwrap_or_default();
    let cores = std::thread::available_parallelism()?;
    let cpu = field(&read("/proc/cpuinfo"), "model name").unwrap_or_else(|| "of an unknown model".to_owned());
    let memory = field(&read("/proc/meminfo"), "MemTotal").unwrap_or_default();
    let kib: u64 = memory.trim_end_matches(" kB").parse().unwrap_or_default();
    let (kernel, load) = (read("/proc/sys/kernel/osrelease"), read("/proc/loadavg"));
    let load = load.split_whitespace().take(3).collect::<Vec<_>>().join(" ");
    Ok(format!(
        "Machine: {cores} cores ({cpu}), {} GiB of memory, Linux {}; load at the end {load}\n{}",
        kib.div_ceil(1 << 20),
        kernel.trim(),
        stage.python(VERSIONS).await?.trim(),
    ))
}

/// The value behind `name : value` or `name: value`.
fn field(text: &str, name: &str) -> Option<String> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}
