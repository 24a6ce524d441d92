//! Which API version to speak: asked once, then the same for every request.
use reqwest::header::HeaderMap;
use serde::Deserialize;
use tokio::time::{Instant, timeout_at};

use super::call::Call;
use super::routes::DISCOVER;
use super::{Client, Error, Result};
use crate::ironic::model::ApiVersion;

/// The header of each bound, with every answer of Ironic.
const MINIMUM: &str = "x-openstack-ironic-api-minimum-version";
const MAXIMUM: &str = "x-openstack-ironic-api-maximum-version";
/// The version an answer was given in: missing when the version itself was refused.
const EFFECTIVE: &str = "x-openstack-ironic-api-version";

/// What an Ironic speaks and what is spoken with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VersionRange {
    /// The oldest it speaks.
    pub min: ApiVersion,
    /// The newest it speaks.
    pub max: ApiVersion,
    /// What every request asks for: the newest both sides know, or the one in the settings.
    pub negotiated: ApiVersion,
}

impl VersionRange {
    /// Negotiates, unless a version was settled on beforehand.
    fn of(min: ApiVersion, max: ApiVersion, settled: Option<ApiVersion>) -> Result<Self> {
        if let Some(version) = settled.filter(|version| !(min..=max).contains(version)) {
            return Err(Error::NotSupported {
                what: "the configuration",
                needs: version,
                has: max,
            });
        }
        let negotiated = settled.unwrap_or(max.min(ApiVersion::TESTED));
        if negotiated < min {
            return Err(Error::NotSupported {
                what: "this client",
                needs: min,
                has: negotiated,
            });
        }
        Ok(Self { min, max, negotiated })
    }

    /// The bounds in the headers of an answer.
    pub(super) fn in_headers(headers: &HeaderMap) -> Option<(ApiVersion, ApiVersion)> {
        let version = |name| headers.get(name)?.to_str().ok()?.parse().ok();
        Some((version(MINIMUM)?, version(MAXIMUM)?))
    }
}

/// Whether an answer was given in some API version at all.
pub(super) fn is_versioned(headers: &HeaderMap) -> bool {
    headers.contains_key(EFFECTIVE)
}

/// The part of the discovery document that matters.
#[derive(Deserialize)]
struct Document {
    version: Bounds,
}

#[derive(Deserialize)]
struct Bounds {
    min_version: String,
    version: String,
}

impl Client {
    /// What this Ironic speaks: asked once, and again only when Ironic refuses the version.
    pub async fn versions(&self) -> Result<VersionRange> {
        self.versions_by(Instant::now() + self.inner.deadline).await
    }

    /// The same within a deadline. One call asks, the others wait for it.
    pub(super) async fn versions_by(&self, until: Instant) -> Result<VersionRange> {
        let Ok(mut known) = timeout_at(until, self.inner.versions.lock()).await else {
            return Err(self.too_late(&DISCOVER, "version discovery"));
        };
        if let Some(range) = *known {
            return Ok(range);
        }
        let range = self.discover(until).await?;
        *known = Some(range);
        Ok(range)
    }

    async fn discover(&self, until: Instant) -> Result<VersionRange> {
        let call = Call::new(&DISCOVER, &self.inner.base, &[])?;
        let answer = self
            .insist(&call, None, until, None)
            .await
            .map_err(|failed| failed.error)?;
        let document: Document = answer.json(&DISCOVER)?;
        let bound = |text: &str| {
            text.parse()
                .map_err(|_| answer.nonsense(&DISCOVER, "the versions of the API are not versions"))
        };
        VersionRange::of(
            bound(&document.version.min_version)?,
            bound(&document.version.version)?,
            self.inner.api_version,
        )
    }

    /// After Ironic refused the version `used`: the version to try instead, if there is another.
    pub(super) async fn renegotiate(
        &self,
        used: ApiVersion,
        bounds: (ApiVersion, ApiVersion),
    ) -> Option<ApiVersion> {
        let range = VersionRange::of(bounds.0, bounds.1, self.inner.api_version).ok()?;
        *self.inner.versions.lock().await = Some(range);
        (range.negotiated != used).then_some(range.negotiated)
    }
}
