//! What Ironic knows of a machine's parts, and what happened to it.
use super::resource::as_kept;
use super::retry::Repeat;
use super::routes::{
    NODE_BIOS, NODE_BIOS_SETTING, NODE_FIRMWARE, NODE_HISTORY, NODE_HISTORY_EVENT, NODE_INVENTORY, NODE_RAID,
    SHARD_LIST,
};
use super::{Client, Result};
use crate::ironic::model::{
    ApiVersion, BiosSetting, FirmwareComponent, HistoryEvent, Inventory, Object, Shard,
};

impl Client {
    /// Writes down the RAID that the next clean or deploy step is to make (API 1.12), as `logical_disks`; an empty one forgets it.
    pub async fn set_node_target_raid_config(&self, id: &str, config: &Object) -> Result<()> {
        let call = self.to_node(&NODE_RAID, id)?.body(config)?.repeat(Repeat::Once);
        self.ask(call.needs("RAID", ApiVersion::v1(12))).await
    }

    /// The firmware settings of a machine, as last read (API 1.40), with what they can be (API 1.74).
    pub async fn list_node_bios_settings(&self, id: &str) -> Result<Vec<BiosSetting>> {
        let mut call = self.to_node(&NODE_BIOS, id)?;
        if self.versions().await?.negotiated >= ApiVersion::v1(74) {
            call = call.query([("detail", "true")]);
        }
        self.member(call.needs("firmware settings", ApiVersion::v1(40)), "bios")
            .await
    }

    /// One firmware setting of a machine, as last read (API 1.40), with what it can be (API 1.74).
    pub async fn get_node_bios_setting(&self, id: &str, name: &str) -> Result<BiosSetting> {
        let call = self.to_route(&NODE_BIOS_SETTING, &[&as_kept(id), name])?;
        self.member(call.needs("firmware settings", ApiVersion::v1(40)), name)
            .await
    }

    /// The firmware versions of a machine, as last read (API 1.86).
    pub async fn list_node_firmware(&self, id: &str) -> Result<Vec<FirmwareComponent>> {
        let call = self.to_node(&NODE_FIRMWARE, id)?;
        self.member(call.needs("firmware versions", ApiVersion::v1(86)), "firmware")
            .await
    }

    /// What the last inspection found (API 1.81); of a machine that never was inspected it is not found.
    pub async fn get_node_inventory(&self, id: &str) -> Result<Inventory> {
        let call = self.to_node(&NODE_INVENTORY, id)?;
        self.read_one(call.needs("inventories", ApiVersion::v1(81))).await
    }

    /// What happened to a node (API 1.78), oldest first, in full.
    pub async fn node_history(&self, id: &str) -> Result<Vec<HistoryEvent>> {
        let call = self.to_node(&NODE_HISTORY, id)?.query([("detail", "true")]);
        self.member(call.needs("node history", ApiVersion::v1(78)), "history")
            .await
    }

    /// One entry of a node's history (API 1.78), by its uuid.
    pub async fn get_node_history_event(&self, id: &str, event: &str) -> Result<HistoryEvent> {
        let call = self.to_route(&NODE_HISTORY_EVENT, &[&as_kept(id), &as_kept(event)])?;
        self.read_one(call.needs("node history", ApiVersion::v1(78)))
            .await
    }

    /// The shards with the number of their nodes (API 1.82).
    pub async fn list_shards(&self) -> Result<Vec<Shard>> {
        let call = self.to_route(&SHARD_LIST, &[])?;
        self.member(call.needs("shards", ApiVersion::v1(82)), "shards")
            .await
    }
}
