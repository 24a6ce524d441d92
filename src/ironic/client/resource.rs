//! What all resources have in common: every call about a port has its like about an allocation.
use std::time::Duration;

use futures::Stream;
use json_patch::Patch;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use uuid::Uuid;

use super::call::{Call, Failed, problem};
use super::paging::Listing;
use super::query::{Query, supported};
use super::retry::Repeat;
use super::{Client, Error, Result, Route};
use crate::ironic::model::{self, ApiVersion, FieldChange, Object, Seen};

/// The routes of a resource.
pub(super) struct Routes {
    pub create: &'static Route,
    pub list: &'static Route,
    pub get: &'static Route,
    pub patch: &'static Route,
    pub delete: &'static Route,
}

/// A kind of object with routes of its own.
pub(super) trait Resource: Serialize + DeserializeOwned + Send + 'static {
    /// What it is, `ports`.
    const WHAT: &'static str;
    /// The minor API version that brought it.
    const SINCE: u16;
    /// Where it is.
    const ROUTES: Routes;
    /// Whether Ironic also finds it by a name.
    const NAMED: bool;
    /// Its id; empty: it is none of these.
    fn id(&self) -> &str;
    /// What its own PATCH shows of it and is not so.
    fn just_patched(&mut self) {}
}

/// Who chooses the uuid of what is created when the caller does not.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Chooses {
    /// This client, so that the creation can be repeated.
    Client,
    /// Ironic, which has a reason to choose a certain one.
    Ironic,
}

impl Client {
    /// Creates one. With a uuid that is known beforehand the request is sent again after a connection that broke, and finds what
    /// it had created the first time.
    pub(super) async fn create_one<R: Resource>(
        &self,
        body: &impl Serialize,
        chooses: Chooses,
    ) -> Result<Seen<R>> {
        let mut body = object(body)?;
        if chooses == Chooses::Client && !body.contains_key("uuid") {
            body.insert("uuid".into(), Uuid::new_v4().to_string().into());
        }
        let uuid = body.get("uuid").and_then(Value::as_str).map(str::to_owned);
        let route = R::ROUTES.create;
        let mut call = self.about::<R>(route, &[])?.body(&body)?;
        call = call.repeat(if uuid.is_some() {
            Repeat::Once
        } else {
            Repeat::Whole
        });
        match (self.call_once(&call).await, uuid) {
            (Ok(answer), _) => whole(answer.seen(route)?, route),
            (Err(Failed { error, doubt: true }), Some(uuid)) if error.is_already_exists() => self
                .get_one(&uuid, &[])
                .await
                .map_err(|other| if other.is_not_found() { error } else { other }),
            (Err(failed), _) => Err(failed.error),
        }
    }

    /// One by its id, in full or (API 1.8) only these fields of it.
    pub(super) async fn get_one<R: Resource>(&self, id: &str, fields: &[&str]) -> Result<Seen<R>> {
        let route = R::ROUTES.get;
        let mut call = self.about::<R>(route, &[id])?;
        if !fields.is_empty() {
            let fields = with_id(fields.iter().copied());
            call = call
                .query([("fields", fields.as_str())])
                .needs("a selection of fields", ApiVersion::v1(8));
        }
        whole(self.call(call).await?.seen(route)?, route)
    }

    /// One by its id or name, if there is one.
    pub(super) async fn find_one<R: Resource>(&self, id: &str) -> Result<Option<Seen<R>>> {
        if !R::NAMED && Uuid::try_parse(id).is_err() {
            return Ok(None);
        }
        match self.get_one(id, &[]).await {
            Ok(seen) => Ok(Some(seen)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Changes what is to change of one, if that is not so already: reads it, and sends at most one PATCH. Refused because of a
    /// lock, and patient, it reads again.
    pub(super) async fn update_one<R: Resource>(
        &self,
        id: &str,
        changes: &[(&'static str, FieldChange)],
    ) -> Result<Seen<R>> {
        let hasty = self.retry_on_conflict(Duration::ZERO);
        let attempt = || async {
            let now: Seen<R> = hasty.get_one(id, &[]).await?;
            let patch = model::patch(&object(&now.value)?, changes)
                .map_err(|error| Error::argument(error.to_string()))?;
            if patch.0.is_empty() {
                return Ok(now);
            }
            // By uuid from here on: what is read and what is changed is the same even if somebody renames it.
            hasty.patch_one(now.value.id(), &patch).await
        };
        self.patiently(attempt, |error: &Error| error.is_locked()).await
    }

    /// Changes one by a patch; either all of it or nothing.
    pub(super) async fn patch_one<R: Resource>(&self, id: &str, patch: &Patch) -> Result<Seen<R>> {
        let call = self.about::<R>(R::ROUTES.patch, &[id])?;
        self.patched(call, patch).await
    }

    /// Sends a patch with a request that was made for it.
    pub(super) async fn patched<R: Resource>(&self, call: Call, patch: &Patch) -> Result<Seen<R>> {
        if patch.0.is_empty() {
            return Err(Error::argument("the patch is empty"));
        }
        let route = call.route;
        let mut seen: Seen<R> = whole(
            self.call(call.body(patch)?.repeat(Repeat::Whole))
                .await?
                .seen(route)?,
            route,
        )?;
        seen.value.just_patched();
        Ok(seen)
    }

    /// One member of the answer to a request; an answer without it makes no sense.
    pub(super) async fn member<T: DeserializeOwned>(&self, call: Call, name: &str) -> Result<T> {
        let route = call.route;
        let answer = self.call(call).await?;
        let mut body: Object = answer.json(route)?;
        let member = body
            .remove(name)
            .ok_or_else(|| answer.nonsense(route, format!("it has no {name}")))?;
        serde_json::from_value(member).map_err(|error| answer.nonsense(route, problem(&error)))
    }

    /// Sends a request whose answer says nothing.
    pub(super) async fn ask(&self, call: Call) -> Result<()> {
        self.call(call).await.map(drop)
    }

    /// Sends a request to read something.
    pub(super) async fn read_one<T: DeserializeOwned>(&self, call: Call) -> Result<T> {
        let route = call.route;
        self.call(call).await?.json(route)
    }

    /// Deletes one; tells whether it was there.
    pub(super) async fn delete_one<R: Resource>(&self, id: &str) -> Result<bool> {
        if !R::NAMED && Uuid::try_parse(id).is_err() {
            return Ok(false);
        }
        let call = self.about::<R>(R::ROUTES.delete, &[id])?;
        self.remove(call).await
    }

    /// Sends a request that removes something; tells whether it was there.
    pub(super) async fn remove(&self, call: Call) -> Result<bool> {
        match self.call_once(&call.repeat(Repeat::Once)).await {
            Ok(_) => Ok(true),
            // An attempt whose answer was lost may have removed it.
            Err(Failed { error, doubt }) if error.is_not_found() => Ok(doubt),
            Err(failed) => Err(failed.error),
        }
    }

    /// Those that match, page by page.
    pub(super) fn list_all<R: Resource, Q: Query>(
        &self,
        query: Q,
    ) -> impl Stream<Item = Result<Seen<R>>> + Send + 'static {
        let paging = query.paging();
        self.list(Listing {
            route: R::ROUTES.list,
            page_size: paging.page_size.unwrap_or(super::query::PAGE),
            at_most: paging.at_most,
            marker: paging.marker.clone(),
            pairs: Box::new(move |version| {
                supported(R::WHAT, R::SINCE, version)?;
                query.pairs(version)
            }),
        })
    }

    /// A request about a kind of object.
    fn about<R: Resource>(&self, route: &'static Route, id: &[&str]) -> Result<Call> {
        let id: Vec<_> = id.iter().map(|id| as_kept(id)).collect();
        let arguments: Vec<&str> = id.iter().map(AsRef::as_ref).collect();
        let call = self.to_route(route, &arguments)?;
        Ok(call.needs(R::WHAT, ApiVersion::v1(R::SINCE)))
    }

    /// A request.
    pub(super) fn to_route(&self, route: &'static Route, arguments: &[&str]) -> Result<Call> {
        Call::new(route, &self.inner.base, arguments)
    }
}

/// An id as Ironic has it: it compares uuids by case and keeps them in lower case.
pub(super) fn as_kept(id: &str) -> std::borrow::Cow<'_, str> {
    match Uuid::try_parse(id) {
        Ok(_) => id.to_ascii_lowercase().into(),
        Err(_) => id.into(),
    }
}

/// A selection of fields, with the id in any case: without it nobody knows whose they are.
pub(super) fn with_id<'a>(fields: impl IntoIterator<Item = &'a str>) -> String {
    let mut selected = vec!["uuid"];
    selected.extend(fields.into_iter().filter(|field| *field != "uuid"));
    selected.join(",")
}

/// Something as a JSON object.
fn object(value: &impl Serialize) -> Result<Object> {
    match serde_json::to_value(value) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(Error::argument("it is no JSON object")),
        Err(error) => Err(Error::argument(format!("no JSON can say it: {error}"))),
    }
}

/// An object that is one: everything in it is optional, so any JSON object would pass for one.
pub(super) fn whole<R: Resource>(seen: Seen<R>, route: &'static Route) -> Result<Seen<R>> {
    if seen.value.id().is_empty() {
        return Err(Error::Body {
            route,
            status: 200,
            problem: format!("it is none of the {}: it has no id", R::WHAT),
        });
    }
    Ok(seen)
}
