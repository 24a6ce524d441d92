//! Limited work, asked for at every scrape.

use prometheus::IntGaugeVec;

use super::{Register, opts};

/// How much limited work there is, at the moment of a scrape.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Work {
    /// So many nodes are busy with this operation.
    Running(&'static str, u64),
    /// So many wait to begin it.
    Waiting(&'static str, u64),
    /// So many Ironics are not written to for now.
    Suspended(u64),
    /// So many nodes have a row that cannot be read.
    Odd(u64),
    /// So many nodes wait for their turn to be reconciled.
    Queued(u64),
    /// So many destructive steps a budget allows at this moment.
    BudgetLeft(u64),
}

/// Limited work.
#[derive(Clone)]
pub(super) struct WorkGauges {
    running: IntGaugeVec,
    waiting: IntGaugeVec,
    suspended: IntGaugeVec,
    queued: IntGaugeVec,
    odd: IntGaugeVec,
    /// Without labels: a vector so that there is no series without a budget.
    budget_left: IntGaugeVec,
}

impl WorkGauges {
    /// Creates and registers them.
    pub(super) fn new(register: &Register) -> Result<Self, prometheus::Error> {
        let gauges = |name, help, labels: &[&str]| register.add(IntGaugeVec::new(opts(name, help), labels)?);
        Ok(Self {
            running: gauges(
                "operations_running",
                "Nodes being deployed, torn down or cleaned, and destroyed in any way, or let in for it, on all clouds.",
                &["operation"],
            )?,
            waiting: gauges(
                "operations_waiting",
                "Nodes that wait for room under the limits of their cloud, by what they are to do.",
                &["operation"],
            )?,
            suspended: gauges(
                "writes_suspended",
                "Ironics that are not written to for now, since their last writes got no answer.",
                &[],
            )?,
            odd: gauges(
                "unreadable_nodes",
                "Nodes whose row in Ironic's list makes no sense; nothing is done to them.",
                &[],
            )?,
            queued: gauges(
                "reconciles_queued",
                "Nodes whose turn to be reconciled has not come, since as many of their Ironic are being reconciled as may be.",
                &[],
            )?,
            budget_left: gauges(
                "destructive_budget_left",
                "Destructive steps that the cloud with the least budget left allows now; absent without budgets.",
                &[],
            )?,
        })
    }

    /// Shows what there is now.
    pub(super) fn show(&self, work: &[Work]) {
        let whole = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        self.running.reset();
        self.waiting.reset();
        self.budget_left.reset();
        self.suspended.reset();
        self.queued.reset();
        self.odd.reset();
        let mut least = None;
        for figure in work {
            match *figure {
                Work::Running(operation, count) => {
                    self.running.with_label_values(&[operation]).add(whole(count));
                }
                Work::Waiting(operation, count) => {
                    self.waiting.with_label_values(&[operation]).add(whole(count));
                }
                Work::Suspended(count) => self.suspended.with_label_values::<&str>(&[]).add(whole(count)),
                Work::Odd(count) => self.odd.with_label_values::<&str>(&[]).add(whole(count)),
                Work::Queued(count) => self.queued.with_label_values::<&str>(&[]).add(whole(count)),
                Work::BudgetLeft(left) => least = Some(least.map_or(left, |least: u64| least.min(left))),
            }
        }
        if let Some(least) = least {
            self.budget_left.with_label_values::<&str>(&[]).set(whole(least));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Metrics;
    use super::Work;

    #[test]
    fn limited_work_is_summed_and_the_smallest_budget_counts() {
        let metrics = Metrics::new().unwrap();
        assert!(
            !metrics
                .encode()
                .unwrap()
                .contains("ironwright_destructive_budget_left")
        );
        metrics.on_scrape_work(|| vec![Work::Running("deploy", 2), Work::BudgetLeft(7)]);
        metrics.on_scrape_work(|| {
            vec![
                Work::Running("deploy", 3),
                Work::Waiting("clean", 4),
                Work::BudgetLeft(1),
            ]
        });
        for page in [metrics.encode().unwrap(), metrics.encode().unwrap()] {
            for line in [
                r#"ironwright_operations_running{operation="deploy"} 5"#,
                r#"ironwright_operations_waiting{operation="clean"} 4"#,
                "ironwright_destructive_budget_left 1",
            ] {
                assert!(page.contains(line), "{line} is not in\n{page}");
            }
        }
    }
}
