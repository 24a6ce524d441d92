//! What is put on a machine: one type, shared by every kind that deploys.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use super::free_form::FreeForm;
use super::refs::SecretKeyRef;

/// The instance to deploy: becomes the node's `instance_info` and config drive.
#[derive(Clone, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InstanceSpec {
    /// The image to write.
    pub image: Image,
    /// Hints that choose the disk to write to (`instance_info.root_device`), e.g. `{name: /dev/nvme0n1}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root_device: Option<FreeForm>,
    /// Capabilities asked of the node (`instance_info.capabilities`), e.g. `{boot_mode: uefi}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capabilities: Option<FreeForm>,
    /// The config drive handed to the instance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_drive: Option<ConfigDriveSpec>,
    /// Further keys of `instance_info`, as Ironic knows them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extra: Option<FreeForm>,
}

/// An image and how to verify it.
#[derive(Clone, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Image {
    /// Where the image is: an HTTP(S) or file URL, or a Glance id (`image_source`).
    #[schemars(length(min = 1, max = 2048))]
    pub source: String,
    /// Its checksum, or the URL of a checksum file (`image_checksum`). Ironic requires one for whole-disk images.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 2048))]
    pub checksum: Option<String>,
    /// Algorithm of `osHashValue`, e.g. `sha256` (`image_os_hash_algo`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 32))]
    pub os_hash_algo: Option<String>,
    /// Checksum by that algorithm (`image_os_hash_value`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub os_hash_value: Option<String>,
    /// Kernel of a partition image (`kernel`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 2048))]
    pub kernel: Option<String>,
    /// Ramdisk of a partition image (`ramdisk`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 2048))]
    pub ramdisk: Option<String>,
    /// Disk format: `raw`, `qcow2`, … (`image_disk_format`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 32))]
    pub disk_format: Option<String>,
}

/// A config drive: its parts, or the URL of a ready one. The operator packs the parts itself, so that Ironic's
/// conductor needs no tool for images (`genisoimage`), where there is network data, where `interfaces.network` is
/// `noop`, and for user data that is not text; elsewhere Ironic packs them, and may add network data.
#[derive(Clone, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!(has(self.userData) && has(self.userDataFrom))")
    .message("configDrive takes userData or userDataFrom, not both"))]
#[x_kube(validation = Rule::new("!has(self.url) || !(has(self.metaData) || has(self.userData) || has(self.userDataFrom) || has(self.networkData) || has(self.vendorData))")
    .message("configDrive takes a url or its parts, not both"))]
#[x_kube(validation = Rule::new("has(self.url) || has(self.metaData) || has(self.userData) || has(self.userDataFrom) || has(self.networkData) || has(self.vendorData)")
    .message("configDrive is empty: give a url or a part, or leave it out"))]
pub struct ConfigDriveSpec {
    /// `meta_data.json`; `uuid` and, if absent, `name` are added: the node's name where that is a legal host name, else this object's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meta_data: Option<FreeForm>,
    /// `user_data`, verbatim: plain to everybody who may read this object. At most 64 KiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 65536))]
    pub user_data: Option<String>,
    /// `user_data` from a Secret; here it need not be text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_data_from: Option<UserDataFrom>,
    /// `network_data.json`. If it is absent and Neutron serves the machine's network (interfaces `flat` and `neutron`),
    /// Ironic makes it from the ports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network_data: Option<FreeForm>,
    /// `vendor_data2.json`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vendor_data: Option<FreeForm>,
    /// URL of a ready config drive, fetched by the deploy ramdisk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 2048), regex(pattern = "://"))]
    pub url: Option<String>,
}

/// Where the user data comes from.
#[derive(Clone, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UserDataFrom {
    /// A key of a Secret.
    pub secret_ref: SecretKeyRef,
}
