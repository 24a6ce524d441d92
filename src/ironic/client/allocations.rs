//! Allocations (API 1.52).
use std::time::Duration;

use futures::Stream;
use json_patch::Patch;
use tokio::time::Instant;

use super::call::Call;
use super::query::AllocationQuery;
use super::resource::{Chooses, Resource, Routes, whole};
use super::routes::{
    ALLOCATION_CREATE, ALLOCATION_DELETE, ALLOCATION_GET, ALLOCATION_LIST, ALLOCATION_PATCH, NODE_ALLOCATION,
    NODE_ALLOCATION_DELETE,
};
use super::wait::next_look;
use super::{Client, Error, Result, Route};
use crate::ironic::model::{
    Allocation, AllocationCreate, AllocationState, AllocationUpdate, ApiVersion, Seen, Update,
};

impl Resource for Allocation {
    const WHAT: &'static str = "allocations";
    const SINCE: u16 = 52;
    const ROUTES: Routes = Routes {
        create: &ALLOCATION_CREATE,
        list: &ALLOCATION_LIST,
        get: &ALLOCATION_GET,
        patch: &ALLOCATION_PATCH,
        delete: &ALLOCATION_DELETE,
    };
    const NAMED: bool = true;

    fn id(&self) -> &str {
        &self.uuid
    }
}

impl Client {
    /// Creates an allocation; Ironic answers before it has found a node: see [`Client::wait_for_allocation`]. Repeatable, as every
    /// creation (see [`Client::create_node`]), unless it is a backfill that leaves the uuid to Ironic.
    ///
    /// A backfill (API 1.58) is done when it is answered. Where one fails, Ironic answers 500 and leaves an allocation in `error`
    /// behind: delete it.
    pub async fn create_allocation(&self, allocation: &AllocationCreate) -> Result<Seen<Allocation>> {
        let backfill = allocation.node.is_some();
        if backfill {
            let version = self.versions().await?.negotiated;
            super::query::supported("an allocation of a node that is in use", 58, version)?;
        } else if allocation.resource_class.is_none() {
            return Err(Error::argument("an allocation needs a resource class or a node"));
        }
        let chooses = if backfill {
            Chooses::Ironic
        } else {
            Chooses::Client
        };
        self.create_one(allocation, chooses).await
    }

    /// One allocation by uuid or name, in full.
    pub async fn get_allocation(&self, id: &str) -> Result<Seen<Allocation>> {
        self.get_one(id, &[]).await
    }

    /// Only these fields of an allocation, and its uuid.
    pub async fn get_allocation_fields(&self, id: &str, fields: &[&str]) -> Result<Seen<Allocation>> {
        self.get_one(id, fields).await
    }

    /// One allocation by uuid or name, if there is one.
    pub async fn find_allocation(&self, id: &str) -> Result<Option<Seen<Allocation>>> {
        self.find_one(id).await
    }

    /// The allocations that match.
    pub fn list_allocations(
        &self,
        query: AllocationQuery,
    ) -> impl Stream<Item = Result<Seen<Allocation>>> + Send + 'static {
        self.list_all(query)
    }

    /// Changes fields and keys of an allocation and no others, if they are not so already (API 1.57).
    pub async fn update_allocation(&self, id: &str, update: &AllocationUpdate) -> Result<Seen<Allocation>> {
        self.can_change_allocations().await?;
        self.update_one(id, &update.changes()).await
    }

    /// Changes an allocation; either all of the patch or nothing of it (API 1.57).
    pub async fn patch_allocation(&self, id: &str, patch: &Patch) -> Result<Seen<Allocation>> {
        self.can_change_allocations().await?;
        self.patch_one(id, patch).await
    }

    /// Deletes an allocation and frees its node; tells whether it was there. Ironic refuses while the node is active or in a
    /// transition and not in maintenance.
    pub async fn delete_allocation(&self, id: &str) -> Result<bool> {
        self.delete_one::<Allocation>(id).await
    }

    /// Waits until Ironic has found a node: at least one look, then one a second.
    ///
    /// When there was none it ends with [`Error::Unallocated`], or, with `ignore_error`, with the allocation as it is. Ironic does
    /// not try again. When the time is over it ends with [`Error::StillWaiting`]: some allocations are never looked after again,
    /// so delete it and create another one.
    pub async fn wait_for_allocation(
        &self,
        id: &str,
        timeout: Duration,
        ignore_error: bool,
    ) -> Result<Seen<Allocation>> {
        let started = Instant::now();
        loop {
            let look = Instant::now();
            let seen = self.get_allocation(id).await?;
            match &seen.value.state {
                AllocationState::Active => return Ok(seen),
                AllocationState::Error if ignore_error => return Ok(seen),
                AllocationState::Error => {
                    return Err(Error::Unallocated {
                        allocation: seen.value.uuid,
                        last_error: seen.value.last_error,
                    });
                }
                AllocationState::Allocating | AllocationState::Unknown(_) => {}
            }
            if started.elapsed() >= timeout {
                return Err(Error::StillWaiting {
                    what: "allocation",
                    id: seen.value.uuid,
                    after: timeout,
                    state: seen.value.state.to_string(),
                });
            }
            next_look(look, started, timeout).await;
        }
    }

    /// The allocation of a node, if it has one.
    pub async fn get_node_allocation(&self, node: &str) -> Result<Option<Seen<Allocation>>> {
        let call = self.to_allocation_of(&NODE_ALLOCATION, node)?;
        match self.call(call).await {
            Ok(answer) => whole(answer.seen(&NODE_ALLOCATION)?, &NODE_ALLOCATION).map(Some),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Deletes the allocation of a node; tells whether it had one.
    pub async fn delete_node_allocation(&self, node: &str) -> Result<bool> {
        self.remove(self.to_allocation_of(&NODE_ALLOCATION_DELETE, node)?)
            .await
    }

    fn to_allocation_of(&self, route: &'static Route, node: &str) -> Result<Call> {
        Ok(self
            .to_node(route, node)?
            .needs(Allocation::WHAT, ApiVersion::v1(Allocation::SINCE)))
    }

    async fn can_change_allocations(&self) -> Result<()> {
        let version = self.versions().await?.negotiated;
        super::query::supported("a change of an allocation", 57, version)
    }
}
