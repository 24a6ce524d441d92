//! The operator's own count of its requests to Ironic: every try of every request, lists included.

use std::collections::BTreeMap;

use anyhow::{Context, Result};

use crate::Operator;

const METRIC: &str = "ironwright_ironic_requests_total{";

/// Requests by method and route.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Requests(BTreeMap<String, f64>);

impl Requests {
    /// Those that an operator has sent so far.
    pub(super) async fn of(operator: &Operator) -> Result<Self> {
        Self::read(&operator.metrics().await?)
    }

    fn read(page: &str) -> Result<Self> {
        let mut requests = BTreeMap::new();
        for line in page.lines().filter_map(|line| line.strip_prefix(METRIC)) {
            let (labels, value) = line.rsplit_once("} ").context("a metric without a value")?;
            let value: f64 = value.parse().context("a metric that is no number")?;
            let label = |name| label(labels, name).unwrap_or("?");
            *requests
                .entry(format!("{} {}", label("method"), label("route")))
                .or_default() += value;
        }
        Ok(Self(requests))
    }

    /// What was added since an earlier count of the same operator.
    pub(super) fn since(&self, before: &Self) -> Self {
        let added = self.0.iter().map(|(route, count)| {
            let known = before.0.get(route).copied().unwrap_or_default();
            (route.clone(), count - known)
        });
        Self(added.filter(|(_, count)| *count > 0.0).collect())
    }

    /// All of them.
    pub(super) fn total(&self) -> f64 {
        // From a positive zero: the empty sum of floats is a negative one.
        self.0.values().fold(0.0, |sum, count| sum + count)
    }

    /// Those to one method and route.
    pub(super) fn to(&self, route: &str) -> f64 {
        self.0.get(route).copied().unwrap_or_default()
    }

    /// Method and route with their number, most first.
    pub(super) fn by_number(&self) -> Vec<(&str, f64)> {
        let mut routes: Vec<_> = self
            .0
            .iter()
            .map(|(route, count)| (route.as_str(), *count))
            .collect();
        routes.sort_by(|one, other| other.1.total_cmp(&one.1));
        routes
    }
}

/// The value of a label; none of ours has a quotation mark in it.
fn label<'a>(labels: &'a str, name: &str) -> Option<&'a str> {
    labels
        .split(',')
        .find_map(|pair| pair.strip_prefix(name)?.strip_prefix("=\"")?.strip_suffix('"'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_summed_and_other_metrics_are_left_out() {
        let page = "# HELP ironwright_ironic_requests_total HTTP requests\n\
            ironwright_ironic_requests_total{method=\"GET\",route=\"/v1/nodes\",status=\"200\"} 5\n\
            ironwright_ironic_requests_total{method=\"GET\",route=\"/v1/nodes\",status=\"503\"} 2\n\
            ironwright_ironic_requests_total{method=\"POST\",route=\"/v1/nodes\",status=\"201\"} 1\n\
            ironwright_ironic_request_duration_seconds_count{method=\"GET\",route=\"/v1/nodes\"} 9\n";
        let requests = Requests::read(page).unwrap();
        assert_eq!(
            requests.by_number(),
            [("GET /v1/nodes", 7.0), ("POST /v1/nodes", 1.0)]
        );
        let mut earlier = Requests::default();
        earlier.0.insert("GET /v1/nodes".to_owned(), 7.0);
        assert_eq!(requests.since(&earlier).by_number(), [("POST /v1/nodes", 1.0)]);
    }
}
