//! API microversions.
use std::fmt;
use std::str::FromStr;

/// An Ironic API microversion, `1.115`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ApiVersion {
    major: u16,
    minor: u16,
}

impl ApiVersion {
    /// The newest version this crate was tested against; never more is asked for.
    pub const TESTED: Self = Self::v1(115);

    /// Version `1.minor`: there is no other major one.
    pub const fn v1(minor: u16) -> Self {
        Self { major: 1, minor }
    }
}

impl fmt::Display for ApiVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// The text is not `<number>.<number>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an API version like 1.115")]
pub struct NotAVersion;

impl FromStr for ApiVersion {
    type Err = NotAVersion;

    fn from_str(text: &str) -> Result<Self, NotAVersion> {
        let (major, minor) = text.trim().split_once('.').ok_or(NotAVersion)?;
        let number = |part: &str| part.parse::<u16>().map_err(|_| NotAVersion);
        Ok(Self {
            major: number(major)?,
            minor: number(minor)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_as_numbers_and_not_as_text() {
        let nine: ApiVersion = "1.9".parse().unwrap();
        let hundred: ApiVersion = " 1.100 ".parse().unwrap();
        assert!(nine < hundred);
        assert_eq!(hundred.to_string(), "1.100");
    }

    #[test]
    fn what_is_not_a_version_is_refused() {
        for text in ["", "1", "1.", ".1", "1.x", "latest", "1.99999999", "1.2.3"] {
            assert_eq!(text.parse::<ApiVersion>(), Err(NotAVersion), "{text}");
        }
    }
}
