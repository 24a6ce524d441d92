//! What is asked of a node's BMC: boot device and mode, secure boot, console, interrupts, lights, virtual media.
//!
//! Ironic answers most of it before the BMC has done it; a failure then shows in the node's `last_error` only.
use serde_json::{Value, json};

use super::call::Call;
use super::resource::as_kept;
use super::retry::Repeat;
use super::routes::{
    NODE_BOOT_DEVICE, NODE_BOOT_DEVICE_SET, NODE_BOOT_DEVICES, NODE_BOOT_MODE, NODE_CONSOLE,
    NODE_CONSOLE_SET, NODE_INDICATOR, NODE_INDICATOR_SET, NODE_INDICATORS, NODE_NMI, NODE_SECURE_BOOT,
    NODE_VMEDIA, NODE_VMEDIA_ATTACH, NODE_VMEDIA_DETACH,
};
use super::{Client, Result, Route};
use crate::ironic::model::{ApiVersion, BootDevice, Console, Indicator};

/// What a machine can be started with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BootMode {
    /// Legacy.
    Bios,
    /// UEFI.
    Uefi,
}

/// Something to put into a drive that the BMC simulates.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct VirtualMedium {
    /// `cdrom`, `disk` or `floppy`.
    pub device_type: String,
    /// Where the image is: `http`, `https`, `nfs`, `cifs` or `smb`.
    pub image_url: String,
    /// Who gives it to the BMC: `http`, `local` or `swift`; none: `local`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_download_source: Option<String>,
}

impl Client {
    /// Has Ironic ask the BMC from where the machine boots. Takes the node's lock meanwhile. Not sent again after an error: BMCs lock
    /// accounts.
    pub async fn get_node_boot_device(&self, id: &str) -> Result<BootDevice> {
        self.read_one(self.to_node(&NODE_BOOT_DEVICE, id)?.repeat(Repeat::Write))
            .await
    }

    /// Has the machine boot from a device (`disk`, `pxe`, `cdrom`, …): at the next boot, or at every one.
    pub async fn set_node_boot_device(&self, id: &str, device: &str, persistent: bool) -> Result<()> {
        let body = json!({"boot_device": device, "persistent": persistent});
        self.ask(self.to_node(&NODE_BOOT_DEVICE_SET, id)?.body(&body)?)
            .await
    }

    /// From where the machine can boot.
    pub async fn list_node_boot_devices(&self, id: &str) -> Result<Vec<String>> {
        self.member(self.to_node(&NODE_BOOT_DEVICES, id)?, "supported_boot_devices")
            .await
    }

    /// Asks for a boot mode (API 1.76).
    pub async fn set_node_boot_mode(&self, id: &str, mode: BootMode) -> Result<()> {
        let target = match mode {
            BootMode::Bios => "bios",
            BootMode::Uefi => "uefi",
        };
        self.switch(&NODE_BOOT_MODE, id, target.into()).await
    }

    /// Asks for secure boot, on or off (API 1.76).
    pub async fn set_node_secure_boot(&self, id: &str, on: bool) -> Result<()> {
        self.switch(&NODE_SECURE_BOOT, id, on.into()).await
    }

    async fn switch(&self, route: &'static Route, id: &str, target: Value) -> Result<()> {
        let call = self.to_node(route, id)?.body(&json!({"target": target}))?;
        self.ask(call.needs("setting the boot mode", ApiVersion::v1(76)))
            .await
    }

    /// Whether the console is on, and how to get to it.
    pub async fn get_node_console(&self, id: &str) -> Result<Console> {
        self.read_one(self.to_node(&NODE_CONSOLE, id)?).await
    }

    /// Switches the console on or off.
    pub async fn set_node_console(&self, id: &str, enabled: bool) -> Result<()> {
        let body = json!({"enabled": enabled});
        self.ask(self.to_node(&NODE_CONSOLE_SET, id)?.body(&body)?).await
    }

    /// Interrupts whatever the machine does, so that its operating system writes a crash dump (API 1.29).
    pub async fn inject_nmi_to_node(&self, id: &str) -> Result<()> {
        let call = self.to_node(&NODE_NMI, id)?.body(&json!({}))?;
        self.ask(call.needs("a non-maskable interrupt", ApiVersion::v1(29)))
            .await
    }

    /// The lights of the machine (API 1.63).
    pub async fn list_node_indicators(&self, id: &str) -> Result<Vec<Indicator>> {
        let call = self.to_node(&NODE_INDICATORS, id)?;
        self.member(needs_indicators(call), "indicators").await
    }

    /// What a light shows: `on`, `off`, `blinking` or `unknown` (API 1.63); by its name, [`Indicator::name`].
    pub async fn get_node_indicator(&self, id: &str, indicator: &str) -> Result<String> {
        let call = self.to_route(&NODE_INDICATOR, &[&as_kept(id), indicator])?;
        self.member(needs_indicators(call), "state").await
    }

    /// Switches a light to one of its states (API 1.63).
    pub async fn set_node_indicator(&self, id: &str, indicator: &str, state: &str) -> Result<()> {
        let call = self.to_route(&NODE_INDICATOR_SET, &[&as_kept(id), indicator])?;
        let call = call.body(&json!({"state": state}))?.repeat(Repeat::Once);
        self.ask(needs_indicators(call)).await
    }

    /// What is in the simulated drives, in the driver's own words (API 1.93).
    pub async fn get_node_virtual_media(&self, id: &str) -> Result<Value> {
        let call = self.to_node(&NODE_VMEDIA, id)?;
        self.read_one(call.needs("reading virtual media", ApiVersion::v1(93)))
            .await
    }

    /// Puts something into a simulated drive (API 1.89).
    pub async fn attach_vmedia_to_node(&self, id: &str, medium: &VirtualMedium) -> Result<()> {
        let call = self.to_node(&NODE_VMEDIA_ATTACH, id)?.body(medium)?;
        self.ask(call.needs("virtual media", ApiVersion::v1(89))).await
    }

    /// Empties simulated drives of these types (`cdrom`, `disk`, `floppy`); none: all of them (API 1.89).
    pub async fn detach_vmedia_from_node(&self, id: &str, device_types: &[&str]) -> Result<()> {
        let mut call = self.to_node(&NODE_VMEDIA_DETACH, id)?.repeat(Repeat::Once);
        if !device_types.is_empty() {
            call = call.query([("device_types", device_types.join(",").as_str())]);
        }
        self.ask(call.needs("virtual media", ApiVersion::v1(89))).await
    }
}

fn needs_indicators(call: Call) -> Call {
    call.needs("indicators", ApiVersion::v1(63))
}
