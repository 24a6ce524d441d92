//! What can be changed of a node.
use super::records::update;
use super::{Change, Edit};

update! {
    /// What can be changed of a node in one PATCH, which Ironic makes as a whole or not at all.
    ///
    /// Interfaces and the driver can be changed in `enroll`, `inspecting`, `inspect wait`, `manageable`, `available` or in
    /// maintenance; almost nothing while a transition is under way. Traits, power and provision state, boot mode, console and
    /// RAID have calls of their own.
    NodeUpdate {
        /// Its name. From then on the node is asked for by the new one; its uuid stays.
        name = "name": Change<String>,
        /// The hardware type. Interfaces that it does not support have to change with it.
        driver = "driver": Option<String>,
        /// How to reach the BMC. Ironic does not show secrets, so one that is set is written every time.
        driver_info = "driver_info": Edit,
        /// What the machine is made of.
        properties = "properties": Edit,
        /// Anything.
        extra = "extra": Edit,
        /// What to deploy.
        instance_info = "instance_info": Edit,
        /// The claim. To set it while another one is there is a conflict: Ironic's only compare-and-swap.
        instance_uuid = "instance_uuid": Change<String>,
        /// The name of what is deployed (API 1.104).
        instance_name = "instance_name": Change<String>,
        /// The resource class; one that is set changes only where interfaces may, maintenance does not help.
        resource_class = "resource_class": Change<String>,
        /// The chassis it is in.
        chassis_uuid = "chassis_uuid": Change<String>,
        /// The conductors that may serve it (API 1.46).
        conductor_group = "conductor_group": Change<String>,
        /// The project that owns it (API 1.50).
        owner = "owner": Change<String>,
        /// The project that uses it (API 1.65).
        lessee = "lessee": Change<String>,
        /// Free text (API 1.51).
        description = "description": Change<String>,
        /// The shard (API 1.82).
        shard = "shard": Change<String>,
        /// The machine it is a part of (API 1.83).
        parent_node = "parent_node": Change<String>,
        /// Whether `provide` cleans (API 1.47).
        automated_clean = "automated_clean": Change<bool>,
        /// Protected from removal and rebuild; only of a node that is `active` or in `rescue` (API 1.48).
        protected = "protected": Option<bool>,
        /// Why (API 1.48).
        protected_reason = "protected_reason": Change<String>,
        /// Not to be offered; not of a node that is `available` (API 1.61).
        retired = "retired": Option<bool>,
        /// Why (API 1.61).
        retired_reason = "retired_reason": Change<String>,
        /// Never to be powered off (API 1.95).
        disable_power_off = "disable_power_off": Option<bool>,
        /// Static network of the ramdisk (API 1.66).
        network_data = "network_data": Edit,
        /// In maintenance or not, without a word why: see [`NodeUpdate::maintenance_reason`].
        maintenance = "maintenance": Option<bool>,
        /// Its bios interface.
        bios_interface = "bios_interface": Change<String>,
        /// Its boot interface.
        boot_interface = "boot_interface": Change<String>,
        /// Its console interface.
        console_interface = "console_interface": Change<String>,
        /// Its deploy interface.
        deploy_interface = "deploy_interface": Change<String>,
        /// Its firmware interface.
        firmware_interface = "firmware_interface": Change<String>,
        /// Its inspect interface.
        inspect_interface = "inspect_interface": Change<String>,
        /// Its management interface.
        management_interface = "management_interface": Change<String>,
        /// Its network interface.
        network_interface = "network_interface": Change<String>,
        /// Its power interface.
        power_interface = "power_interface": Change<String>,
        /// Its raid interface.
        raid_interface = "raid_interface": Change<String>,
        /// Its rescue interface.
        rescue_interface = "rescue_interface": Change<String>,
        /// Its storage interface.
        storage_interface = "storage_interface": Change<String>,
        /// Its vendor interface.
        vendor_interface = "vendor_interface": Change<String>,
        /// Put the node into maintenance for this reason. A PATCH cannot say it, so it is a request of its own, made before: what
        /// the rest changes may be possible in maintenance only. Not together with `maintenance: Some(false)`.
        maintenance_reason = "maintenance_reason": Option<String>,
    }
}
