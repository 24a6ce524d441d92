//! Whoever starts the operator again when it has ended: the part of a kubelet, for tests that kill it or let it give up.

#![cfg(test)]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ironwright_stack::{Operator, OperatorOptions, Run};
use tokio::task::JoinHandle;

/// A program that lived for less is started again after a pause, as a kubelet does it.
const SHORT: Duration = Duration::from_secs(1);

/// Keeps an operator running until it is dropped.
pub struct Kubelet {
    lives: Lives,
    task: JoinHandle<()>,
}

/// The lives of an operator; clones are the same.
#[derive(Clone, Default)]
pub struct Lives {
    now: Arc<Mutex<Option<Arc<Operator>>>>,
    begun: Arc<AtomicUsize>,
}

impl Kubelet {
    /// Starts the operator, and again whenever it ends.
    pub fn start(run: Arc<Run>, options: OperatorOptions) -> Self {
        let lives = Lives::default();
        let task = tokio::spawn(keep(run, options, lives.clone()));
        Self { lives, task }
    }

    pub fn lives(&self) -> &Lives {
        &self.lives
    }
}

impl Drop for Kubelet {
    fn drop(&mut self) {
        self.task.abort();
        if std::thread::panicking()
            && let Some(operator) = self.lives.current()
        {
            eprintln!("--- the operator said last:\n{}", operator.process().log_tail(60));
        }
    }
}

async fn keep(run: Arc<Run>, options: OperatorOptions, lives: Lives) {
    loop {
        let began = Instant::now();
        let operator = Arc::new(Operator::launch(&run, &options).expect("the operator is launched"));
        *lives.now.lock().expect("no panic") = Some(Arc::clone(&operator));
        lives.begun.fetch_add(1, Ordering::SeqCst);
        operator.process().wait().await;
        if began.elapsed() < SHORT {
            tokio::time::sleep(SHORT).await;
        }
    }
}

impl Lives {
    /// The operator as it was started last.
    pub fn current(&self) -> Option<Arc<Operator>> {
        self.now.lock().expect("no panic").clone()
    }

    /// How often it was started.
    pub fn begun(&self) -> usize {
        self.begun.load(Ordering::SeqCst)
    }

    /// SIGKILL; returns when it is gone.
    pub async fn kill(&self) {
        if let Some(operator) = self.current() {
            operator.kill().await;
        }
    }
}
