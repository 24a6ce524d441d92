//! The one table of routes: every request goes through one of them, and its template is the metric label.
use std::fmt;

use reqwest::{Method, Url};

use super::{Error, Result};

/// The longest answer of most routes, bytes: far beyond what Ironic says of one node.
pub(super) const ONE: usize = 1024 * 1024;
/// The longest page of a list, or of what an agent has collected. A longer page is asked for again with fewer rows.
pub(super) const MANY: usize = 16 * 1024 * 1024;
/// The longest of what needs no room.
pub(super) const LITTLE: usize = 64 * 1024;

/// One route of the bare metal API.
#[derive(Debug, PartialEq, Eq)]
pub struct Route {
    /// The HTTP method.
    pub method: Method,
    /// The path with placeholders, `/v1/nodes/{node}`.
    pub template: &'static str,
    /// Whether it changes something.
    pub mutating: bool,
}

impl Route {
    const fn read(template: &'static str) -> Self {
        Self {
            method: Method::GET,
            template,
            mutating: false,
        }
    }

    const fn write(method: Method, template: &'static str) -> Self {
        Self {
            method,
            template,
            mutating: true,
        }
    }

    /// How long an answer may be, bytes, once it is decompressed: what is longer is not read to its end. A refusal has only words.
    pub(super) fn longest(&self, status: u16) -> usize {
        match self.template {
            _ if !(200..300).contains(&status) => LITTLE,
            "/v1" => LITTLE,
            template
                if self.method == Method::GET
                    && (!template.contains('{') || template.ends_with("/inventory")) =>
            {
                MANY
            }
            _ => ONE,
        }
    }

    /// The URL with one argument for each placeholder, in order.
    ///
    /// An argument is one path segment, percent-encoded; one that would change which route is meant (empty,
    /// `.`, `..`, or a word that is a route of its own) is refused.
    pub(super) fn url(&self, base: &Url, arguments: &[&str]) -> Result<Url> {
        let mut url = base.clone();
        let mut arguments = arguments.iter();
        let mut path = url
            .path_segments_mut()
            .map_err(|()| Error::settings("the endpoint cannot be a base URL"))?;
        path.pop_if_empty();
        for segment in self.template.split('/').skip(1) {
            if segment.starts_with('{') {
                path.push(argument(arguments.next().copied().unwrap_or_default())?);
            } else {
                path.push(segment);
            }
        }
        drop(path);
        Ok(url)
    }
}

/// An argument that can only mean itself.
fn argument(text: &str) -> Result<&str> {
    match text {
        "" | "." | ".." | "detail" => Err(Error::argument(format!("{text:?} is not a name or an id"))),
        _ => Ok(text),
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.template)
    }
}

/// Declares the routes once: name, method, template.
macro_rules! routes {
    (@make GET $template:literal) => { Route::read($template) };
    (@make $method:ident $template:literal) => { Route::write(Method::$method, $template) };
    ($($(#[$doc:meta])* $name:ident = $method:ident $template:literal,)*) => {
        $($(#[$doc])* pub static $name: Route = routes!(@make $method $template);)*

        /// Every route.
        pub static ROUTES: &[&Route] = &[$(&$name,)*];
    };
}

routes! {
    /// Version discovery.
    DISCOVER = GET "/v1",
    /// Node creation.
    NODE_CREATE = POST "/v1/nodes",
    /// Node listing.
    NODE_LIST = GET "/v1/nodes",
    /// One node.
    NODE_GET = GET "/v1/nodes/{node}",
    /// Node change.
    NODE_PATCH = PATCH "/v1/nodes/{node}",
    /// Node deletion.
    NODE_DELETE = DELETE "/v1/nodes/{node}",
    /// What a node's interfaces lack.
    NODE_VALIDATE = GET "/v1/nodes/{node}/validate",
    /// Node history.
    NODE_HISTORY = GET "/v1/nodes/{node}/history",
    /// One entry of a node's history.
    NODE_HISTORY_EVENT = GET "/v1/nodes/{node}/history/{event}",
    /// Power verbs.
    NODE_POWER = PUT "/v1/nodes/{node}/states/power",
    /// Provision verbs.
    NODE_PROVISION = PUT "/v1/nodes/{node}/states/provision",
    /// The RAID wanted.
    NODE_RAID = PUT "/v1/nodes/{node}/states/raid",
    /// The boot mode.
    NODE_BOOT_MODE = PUT "/v1/nodes/{node}/states/boot_mode",
    /// Secure boot.
    NODE_SECURE_BOOT = PUT "/v1/nodes/{node}/states/secure_boot",
    /// The console.
    NODE_CONSOLE = GET "/v1/nodes/{node}/states/console",
    /// The console, on or off.
    NODE_CONSOLE_SET = PUT "/v1/nodes/{node}/states/console",
    /// The traits of a node.
    NODE_TRAITS = GET "/v1/nodes/{node}/traits",
    /// All traits of a node at once.
    NODE_TRAITS_SET = PUT "/v1/nodes/{node}/traits",
    /// All traits of a node, removed.
    NODE_TRAITS_REMOVE = DELETE "/v1/nodes/{node}/traits",
    /// One trait, set.
    NODE_TRAIT_ADD = PUT "/v1/nodes/{node}/traits/{trait}",
    /// One trait, removed.
    NODE_TRAIT_REMOVE = DELETE "/v1/nodes/{node}/traits/{trait}",
    /// Maintenance, set.
    NODE_MAINTENANCE_SET = PUT "/v1/nodes/{node}/maintenance",
    /// Maintenance, lifted.
    NODE_MAINTENANCE_CLEAR = DELETE "/v1/nodes/{node}/maintenance",
    /// From where a machine boots.
    NODE_BOOT_DEVICE = GET "/v1/nodes/{node}/management/boot_device",
    /// From where a machine is to boot.
    NODE_BOOT_DEVICE_SET = PUT "/v1/nodes/{node}/management/boot_device",
    /// From where a machine can boot.
    NODE_BOOT_DEVICES = GET "/v1/nodes/{node}/management/boot_device/supported",
    /// A non-maskable interrupt.
    NODE_NMI = PUT "/v1/nodes/{node}/management/inject_nmi",
    /// The lights of a machine.
    NODE_INDICATORS = GET "/v1/nodes/{node}/management/indicators",
    /// One light.
    NODE_INDICATOR = GET "/v1/nodes/{node}/management/indicators/{indicator}",
    /// One light, switched.
    NODE_INDICATOR_SET = PUT "/v1/nodes/{node}/management/indicators/{indicator}",
    /// Virtual media.
    NODE_VMEDIA = GET "/v1/nodes/{node}/vmedia",
    /// Virtual media, attached.
    NODE_VMEDIA_ATTACH = POST "/v1/nodes/{node}/vmedia",
    /// Virtual media, detached.
    NODE_VMEDIA_DETACH = DELETE "/v1/nodes/{node}/vmedia",
    /// The VIFs of a node.
    NODE_VIFS = GET "/v1/nodes/{node}/vifs",
    /// A VIF, attached.
    NODE_VIF_ATTACH = POST "/v1/nodes/{node}/vifs",
    /// A VIF, detached.
    NODE_VIF_DETACH = DELETE "/v1/nodes/{node}/vifs/{vif}",
    /// The firmware settings of a machine.
    NODE_BIOS = GET "/v1/nodes/{node}/bios",
    /// One firmware setting.
    NODE_BIOS_SETTING = GET "/v1/nodes/{node}/bios/{setting}",
    /// The firmware versions of a machine.
    NODE_FIRMWARE = GET "/v1/nodes/{node}/firmware",
    /// What an inspection found.
    NODE_INVENTORY = GET "/v1/nodes/{node}/inventory",
    /// The parts of a machine that are nodes.
    NODE_CHILDREN = GET "/v1/nodes/{node}/children",
    /// The allocation of a node.
    NODE_ALLOCATION = GET "/v1/nodes/{node}/allocation",
    /// The allocation of a node, deleted.
    NODE_ALLOCATION_DELETE = DELETE "/v1/nodes/{node}/allocation",
    /// The methods of a node's own driver.
    NODE_VENDOR_METHODS = GET "/v1/nodes/{node}/vendor_passthru/methods",
    /// A method of a node's own driver, called with GET.
    NODE_VENDOR_GET = GET "/v1/nodes/{node}/vendor_passthru/{method}",
    /// A method of a node's own driver, called with POST.
    NODE_VENDOR_POST = POST "/v1/nodes/{node}/vendor_passthru/{method}",
    /// A method of a node's own driver, called with PUT.
    NODE_VENDOR_PUT = PUT "/v1/nodes/{node}/vendor_passthru/{method}",
    /// A method of a node's own driver, called with PATCH.
    NODE_VENDOR_PATCH = PATCH "/v1/nodes/{node}/vendor_passthru/{method}",
    /// A method of a node's own driver, called with DELETE.
    NODE_VENDOR_DELETE = DELETE "/v1/nodes/{node}/vendor_passthru/{method}",
    /// Port creation.
    PORT_CREATE = POST "/v1/ports",
    /// Port listing.
    PORT_LIST = GET "/v1/ports",
    /// One port.
    PORT_GET = GET "/v1/ports/{port}",
    /// Port change.
    PORT_PATCH = PATCH "/v1/ports/{port}",
    /// Port deletion.
    PORT_DELETE = DELETE "/v1/ports/{port}",
    /// Port group creation.
    PORT_GROUP_CREATE = POST "/v1/portgroups",
    /// Port group listing.
    PORT_GROUP_LIST = GET "/v1/portgroups",
    /// One port group.
    PORT_GROUP_GET = GET "/v1/portgroups/{portgroup}",
    /// Port group change.
    PORT_GROUP_PATCH = PATCH "/v1/portgroups/{portgroup}",
    /// Port group deletion.
    PORT_GROUP_DELETE = DELETE "/v1/portgroups/{portgroup}",
    /// Chassis creation.
    CHASSIS_CREATE = POST "/v1/chassis",
    /// Chassis listing.
    CHASSIS_LIST = GET "/v1/chassis",
    /// One chassis.
    CHASSIS_GET = GET "/v1/chassis/{chassis}",
    /// Chassis change.
    CHASSIS_PATCH = PATCH "/v1/chassis/{chassis}",
    /// Chassis deletion.
    CHASSIS_DELETE = DELETE "/v1/chassis/{chassis}",
    /// Allocation creation.
    ALLOCATION_CREATE = POST "/v1/allocations",
    /// Allocation listing.
    ALLOCATION_LIST = GET "/v1/allocations",
    /// One allocation.
    ALLOCATION_GET = GET "/v1/allocations/{allocation}",
    /// Allocation change.
    ALLOCATION_PATCH = PATCH "/v1/allocations/{allocation}",
    /// Allocation deletion.
    ALLOCATION_DELETE = DELETE "/v1/allocations/{allocation}",
    /// Volume connector creation.
    VOLUME_CONNECTOR_CREATE = POST "/v1/volume/connectors",
    /// Volume connector listing.
    VOLUME_CONNECTOR_LIST = GET "/v1/volume/connectors",
    /// One volume connector.
    VOLUME_CONNECTOR_GET = GET "/v1/volume/connectors/{connector}",
    /// Volume connector change.
    VOLUME_CONNECTOR_PATCH = PATCH "/v1/volume/connectors/{connector}",
    /// Volume connector deletion.
    VOLUME_CONNECTOR_DELETE = DELETE "/v1/volume/connectors/{connector}",
    /// Volume target creation.
    VOLUME_TARGET_CREATE = POST "/v1/volume/targets",
    /// Volume target listing.
    VOLUME_TARGET_LIST = GET "/v1/volume/targets",
    /// One volume target.
    VOLUME_TARGET_GET = GET "/v1/volume/targets/{target}",
    /// Volume target change.
    VOLUME_TARGET_PATCH = PATCH "/v1/volume/targets/{target}",
    /// Volume target deletion.
    VOLUME_TARGET_DELETE = DELETE "/v1/volume/targets/{target}",
    /// Deploy template creation.
    DEPLOY_TEMPLATE_CREATE = POST "/v1/deploy_templates",
    /// Deploy template listing.
    DEPLOY_TEMPLATE_LIST = GET "/v1/deploy_templates",
    /// One deploy template.
    DEPLOY_TEMPLATE_GET = GET "/v1/deploy_templates/{template}",
    /// Deploy template change.
    DEPLOY_TEMPLATE_PATCH = PATCH "/v1/deploy_templates/{template}",
    /// Deploy template deletion.
    DEPLOY_TEMPLATE_DELETE = DELETE "/v1/deploy_templates/{template}",
    /// Runbook creation.
    RUNBOOK_CREATE = POST "/v1/runbooks",
    /// Runbook listing.
    RUNBOOK_LIST = GET "/v1/runbooks",
    /// One runbook.
    RUNBOOK_GET = GET "/v1/runbooks/{runbook}",
    /// Runbook change.
    RUNBOOK_PATCH = PATCH "/v1/runbooks/{runbook}",
    /// Runbook deletion.
    RUNBOOK_DELETE = DELETE "/v1/runbooks/{runbook}",
    /// All traits of a runbook at once.
    RUNBOOK_TRAITS_SET = PUT "/v1/runbooks/{runbook}/traits",
    /// One trait of a runbook, set.
    RUNBOOK_TRAIT_ADD = PUT "/v1/runbooks/{runbook}/traits/{trait}",
    /// One trait of a runbook, removed.
    RUNBOOK_TRAIT_REMOVE = DELETE "/v1/runbooks/{runbook}/traits/{trait}",
    /// Inspection rule creation.
    INSPECTION_RULE_CREATE = POST "/v1/inspection_rules",
    /// Inspection rule listing.
    INSPECTION_RULE_LIST = GET "/v1/inspection_rules",
    /// One inspection rule.
    INSPECTION_RULE_GET = GET "/v1/inspection_rules/{rule}",
    /// Inspection rule change.
    INSPECTION_RULE_PATCH = PATCH "/v1/inspection_rules/{rule}",
    /// Inspection rule deletion.
    INSPECTION_RULE_DELETE = DELETE "/v1/inspection_rules/{rule}",
    /// Driver listing.
    DRIVER_LIST = GET "/v1/drivers",
    /// One driver.
    DRIVER_GET = GET "/v1/drivers/{driver}",
    /// What a driver wants to know of a node.
    DRIVER_PROPERTIES = GET "/v1/drivers/{driver}/properties",
    /// What a driver wants to know of a RAID.
    DRIVER_RAID = GET "/v1/drivers/{driver}/raid/logical_disk_properties",
    /// The methods of a driver's own.
    DRIVER_VENDOR_METHODS = GET "/v1/drivers/{driver}/vendor_passthru/methods",
    /// A method of a driver's own, called with GET.
    DRIVER_VENDOR_GET = GET "/v1/drivers/{driver}/vendor_passthru/{method}",
    /// A method of a driver's own, called with POST.
    DRIVER_VENDOR_POST = POST "/v1/drivers/{driver}/vendor_passthru/{method}",
    /// A method of a driver's own, called with PUT.
    DRIVER_VENDOR_PUT = PUT "/v1/drivers/{driver}/vendor_passthru/{method}",
    /// A method of a driver's own, called with PATCH.
    DRIVER_VENDOR_PATCH = PATCH "/v1/drivers/{driver}/vendor_passthru/{method}",
    /// A method of a driver's own, called with DELETE.
    DRIVER_VENDOR_DELETE = DELETE "/v1/drivers/{driver}/vendor_passthru/{method}",
    /// Conductor listing.
    CONDUCTOR_LIST = GET "/v1/conductors",
    /// One conductor.
    CONDUCTOR_GET = GET "/v1/conductors/{conductor}",
    /// Shard listing.
    SHARD_LIST = GET "/v1/shards",
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(base: &str, route: &Route, arguments: &[&str]) -> String {
        route.url(&base.parse().unwrap(), arguments).unwrap().to_string()
    }

    #[test]
    fn a_route_is_appended_to_the_endpoint() {
        assert_eq!(
            url("http://h:6385", &NODE_GET, &["n"]),
            "http://h:6385/v1/nodes/n"
        );
        assert_eq!(
            url("https://h/baremetal", &NODE_POWER, &["n"]),
            "https://h/baremetal/v1/nodes/n/states/power"
        );
    }

    #[test]
    fn an_argument_is_one_segment() {
        assert_eq!(
            url("http://h", &NODE_GET, &["a/../b?c#d e"]),
            "http://h/v1/nodes/a%2F..%2Fb%3Fc%23d%20e"
        );
        assert_eq!(
            url("http://h", &NODE_GET, &["ns~name"]),
            "http://h/v1/nodes/ns~name"
        );
    }

    #[test]
    fn an_argument_that_would_mean_another_route_is_refused() {
        let base = "http://h".parse().unwrap();
        for odd in ["", ".", "..", "detail"] {
            assert!(NODE_DELETE.url(&base, &[odd]).is_err(), "{odd}");
        }
        assert!(NODE_DELETE.url(&base, &[]).is_err());
    }

    #[test]
    fn every_route_is_in_the_table_once_and_knows_whether_it_mutates() {
        for (place, route) in ROUTES.iter().enumerate() {
            assert_eq!(route.mutating, route.method != Method::GET, "{route}");
            assert_eq!(
                ROUTES.iter().position(|other| other == route),
                Some(place),
                "{route}"
            );
        }
    }
}
