//! Chassis: what machines are mounted in.
use super::records::{creation, record, update};
use super::{Change, Edit, Object};

record! {
    /// A chassis, as `GET /v1/chassis/{chassis}` shows it. It has no name.
    Chassis {
        /// Its id; lower case.
        uuid: String,
        /// Free text.
        description: Option<String>,
        /// Anything.
        extra: Object,
        /// RFC 3339.
        created_at: Option<String>,
        /// RFC 3339.
        updated_at: Option<String>,
    }
}

creation! {
    /// The body of `POST /v1/chassis`.
    ChassisCreate {
        /// Chosen by the client; none: the client makes one up, so that a creation can be repeated.
        uuid: Option<String>,
        /// At most 255 characters.
        description: Option<String>,
        /// Anything.
        extra: Object,
    }
}

update! {
    /// What can be changed of a chassis.
    ChassisUpdate {
        /// Free text.
        description = "description": Change<String>,
        /// Anything.
        extra = "extra": Edit,
    }
}
