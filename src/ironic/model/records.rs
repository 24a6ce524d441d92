//! How the wire types are declared: once a kind, so that all of them read and write alike.
use serde_json::Value;

use super::Object;

/// A field that can be missing.
pub(super) trait Field {
    /// Whether nothing is to be written for it.
    fn is_missing(&self) -> bool {
        false
    }
}

impl<T> Field for Option<T> {
    fn is_missing(&self) -> bool {
        self.is_none()
    }
}

impl Field for String {}
impl Field for bool {}
impl Field for i64 {}
impl Field for Object {}
impl Field for Value {}
impl<T> Field for Vec<T> {}

/// Whether a field of an object that was read is missing.
pub(super) fn is_missing<T: Field>(field: &T) -> bool {
    field.is_missing()
}

/// Whether a field of an object to be made is as if it were not given.
pub(super) fn is_default<T: Default + PartialEq>(field: &T) -> bool {
    *field == T::default()
}

/// Declares what Ironic shows: any part may be missing, `null` and missing are the same, and what this crate does not know is
/// in `other`, so that it survives reading and writing.
macro_rules! record {
    ($(#[$doc:meta])* $name:ident { $($(#[$about:meta])* $field:ident: $kind:ty,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
        pub struct $name {
            $(
                $(#[$about])*
                #[serde(
                    default,
                    deserialize_with = "super::null_as_default",
                    skip_serializing_if = "super::records::is_missing"
                )]
                pub $field: $kind,
            )*
            /// Everything else: links, and what newer Ironics say.
            #[serde(flatten)]
            pub other: super::Object,
        }
    };
}

/// Declares the body of a creation: only what is set is sent, and what is not set is Ironic's default.
macro_rules! creation {
    ($(#[$doc:meta])* $name:ident { $($(#[$about:meta])* $field:ident: $kind:ty,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
        pub struct $name {
            $(
                $(#[$about])*
                #[serde(skip_serializing_if = "super::records::is_default")]
                pub $field: $kind,
            )*
        }
    };
}

/// Declares what can be changed of an object, field by field.
macro_rules! update {
    ($(#[$doc:meta])* $name:ident { $($(#[$about:meta])* $field:ident = $wire:literal: $kind:ty,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq)]
        pub struct $name {
            $($(#[$about])* pub $field: $kind,)*
        }

        impl super::change::Update for $name {
            fn changes(&self) -> Vec<(&'static str, super::change::FieldChange)> {
                let fields = [$(($wire, super::change::Changing::change(&self.$field)),)*];
                let named = |(name, change): (&'static str, Option<_>)| Some((name, change?));
                fields.into_iter().filter_map(named).collect()
            }
        }
    };
}

pub(super) use {creation, record, update};
