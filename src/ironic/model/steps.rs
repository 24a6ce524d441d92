//! What is written down once and used for many machines: deploy templates, runbooks, inspection rules.
use super::records::{creation, record, update};
use super::{Change, Edit, Object};

record! {
    /// Deploy steps that a trait of an instance asks for, as `GET /v1/deploy_templates/{template}` shows it (API 1.55).
    DeployTemplate {
        /// Its id; lower case.
        uuid: String,
        /// The trait that asks for it.
        name: String,
        /// Free text.
        description: Option<String>,
        /// The steps as Ironic writes them: `interface`, `step`, `args`, `priority`.
        steps: Vec<Object>,
        /// Anything.
        extra: Object,
        /// RFC 3339.
        created_at: Option<String>,
        /// RFC 3339.
        updated_at: Option<String>,
    }
}

creation! {
    /// The body of `POST /v1/deploy_templates` (API 1.55).
    DeployTemplateCreate {
        /// Chosen by the client; none: the client makes one up, so that a creation can be repeated.
        uuid: Option<String>,
        /// A trait: `CUSTOM_…`.
        name: String,
        /// At least one; `interface`, `step`, `args` and `priority` are all needed.
        steps: Vec<Object>,
        /// At most 255 characters.
        description: Option<String>,
        /// Anything.
        extra: Object,
    }
}

update! {
    /// What can be changed of a deploy template.
    DeployTemplateUpdate {
        /// The trait that asks for it.
        name = "name": Option<String>,
        /// All of the steps.
        steps = "steps": Option<Vec<Object>>,
        /// Free text.
        description = "description": Change<String>,
        /// Anything.
        extra = "extra": Edit,
    }
}

record! {
    /// Steps to clean or service machines with, as `GET /v1/runbooks/{runbook}` shows it (API 1.92).
    Runbook {
        /// Its id; lower case.
        uuid: String,
        /// Its name; before API 1.112 the trait that a node must have to run it.
        name: String,
        /// Free text (API 1.112).
        description: Option<String>,
        /// The steps as Ironic writes them: `interface`, `step`, `args`, `order`.
        steps: Vec<Object>,
        /// Nodes with one of these may run it (API 1.112).
        traits: Vec<String>,
        /// Whether the steps run without booting a ramdisk.
        disable_ramdisk: Option<bool>,
        /// Whether every project may run it.
        public: Option<bool>,
        /// The project that owns it.
        owner: Option<String>,
        /// Anything.
        extra: Object,
        /// RFC 3339.
        created_at: Option<String>,
        /// RFC 3339.
        updated_at: Option<String>,
    }
}

creation! {
    /// The body of `POST /v1/runbooks` (API 1.92).
    RunbookCreate {
        /// Chosen by the client; none: the client makes one up, so that a creation can be repeated.
        uuid: Option<String>,
        /// A trait; from API 1.112 on any unreserved URL characters.
        name: String,
        /// At least one; `interface`, `step`, `args` and `order`.
        steps: Vec<Object>,
        /// At most 255 characters (API 1.112).
        description: Option<String>,
        /// Whether the steps run without booting a ramdisk.
        disable_ramdisk: Option<bool>,
        /// Whether every project may run it; then it has no owner.
        public: Option<bool>,
        /// The project that owns it.
        owner: Option<String>,
        /// Anything.
        extra: Object,
    }
}

update! {
    /// What can be changed of a runbook; its traits have calls of their own.
    RunbookUpdate {
        /// Its name.
        name = "name": Option<String>,
        /// All of the steps.
        steps = "steps": Option<Vec<Object>>,
        /// Free text (API 1.112).
        description = "description": Change<String>,
        /// Whether the steps run without booting a ramdisk.
        disable_ramdisk = "disable_ramdisk": Option<bool>,
        /// Whether every project may run it.
        public = "public": Option<bool>,
        /// The project that owns it.
        owner = "owner": Change<String>,
        /// Anything.
        extra = "extra": Edit,
    }
}

record! {
    /// What an inspection does with what it found, as `GET /v1/inspection_rules/{rule}` shows it (API 1.96).
    InspectionRule {
        /// Its id; lower case.
        uuid: String,
        /// Free text.
        description: Option<String>,
        /// `main` or what else Ironic has.
        phase: Option<String>,
        /// Rules of a higher one come first.
        priority: Option<i64>,
        /// Whether its conditions and actions are secret; then they are not shown.
        sensitive: Option<bool>,
        /// When it applies: `op`, `args`, `loop`, `multiple`.
        conditions: Option<Vec<Object>>,
        /// What it does: `op`, `args`, `loop`.
        actions: Option<Vec<Object>>,
        /// RFC 3339.
        created_at: Option<String>,
        /// RFC 3339.
        updated_at: Option<String>,
    }
}

creation! {
    /// The body of `POST /v1/inspection_rules` (API 1.96).
    InspectionRuleCreate {
        /// Chosen by the client; none: the client makes one up, so that a creation can be repeated.
        uuid: Option<String>,
        /// At most 255 characters.
        description: Option<String>,
        /// Ironic's default: `main`.
        phase: Option<String>,
        /// 0 to 9999; Ironic's default: 0.
        priority: Option<i64>,
        /// Whether its conditions and actions are secret.
        sensitive: Option<bool>,
        /// When it applies; none: always.
        conditions: Vec<Object>,
        /// At least one.
        actions: Vec<Object>,
    }
}

update! {
    /// What can be changed of an inspection rule.
    InspectionRuleUpdate {
        /// Free text.
        description = "description": Change<String>,
        /// The phase.
        phase = "phase": Option<String>,
        /// 0 to 9999.
        priority = "priority": Option<i64>,
        /// Whether its conditions and actions are secret; once they are, they stay so.
        sensitive = "sensitive": Option<bool>,
        /// All of the conditions.
        conditions = "conditions": Option<Vec<Object>>,
        /// All of the actions.
        actions = "actions": Option<Vec<Object>>,
    }
}
