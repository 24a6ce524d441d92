//! Waiting for something outside this program: asked again and again, with a limit.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// Between two questions. Local servers answer in a millisecond, so that asking often costs little.
const PAUSE: Duration = Duration::from_millis(50);

/// Asks until there is an answer, at most for `limit`. `None` is "not yet"; an error ends the wait.
/// `what` completes the sentence "gave up after 30 s waiting for …".
pub async fn until<T>(
    what: &str,
    limit: Duration,
    mut ask: impl AsyncFnMut() -> Result<Option<T>>,
) -> Result<T> {
    let started = Instant::now();
    loop {
        if let Some(answer) = ask().await.with_context(|| format!("while waiting for {what}"))? {
            return Ok(answer);
        }
        if started.elapsed() > limit {
            bail!("gave up after {} s waiting for {what}", limit.as_secs());
        }
        tokio::time::sleep(PAUSE).await;
    }
}
