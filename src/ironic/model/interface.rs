//! The kinds of hardware interface a node has.
use std::fmt;
use std::str::FromStr;

/// Declares the kinds: variant and text.
macro_rules! kinds {
    ($($variant:ident = $text:literal,)*) => {
        /// A kind of hardware interface; `deploy` is the node's field `deploy_interface`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum InterfaceKind {
            $(#[doc = concat!("The node's `", $text, "_interface`.")] $variant,)*
        }

        impl InterfaceKind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// As Ironic spells it.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)*
                }
            }

            /// The field of a node.
            pub const fn field(self) -> &'static str {
                match self {
                    $(Self::$variant => concat!($text, "_interface"),)*
                }
            }
        }
    };
}

kinds! {
    Bios = "bios",
    Boot = "boot",
    Console = "console",
    Deploy = "deploy",
    Firmware = "firmware",
    Inspect = "inspect",
    Management = "management",
    Network = "network",
    Power = "power",
    Raid = "raid",
    Rescue = "rescue",
    Storage = "storage",
    Vendor = "vendor",
}

impl fmt::Display for InterfaceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// No such kind of interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a kind of hardware interface")]
pub struct NotAnInterface;

impl FromStr for InterfaceKind {
    type Err = NotAnInterface;

    fn from_str(text: &str) -> Result<Self, NotAnInterface> {
        Self::ALL
            .iter()
            .copied()
            .find(|kind| kind.as_str() == text)
            .ok_or(NotAnInterface)
    }
}
