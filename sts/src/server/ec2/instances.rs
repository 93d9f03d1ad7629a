//! The instances of an account. What starts or stops is done when it is looked at again.

use keyfob_sigv4::Timestamp;
use rand::RngExt as _;

use super::{
    catalog::{IMAGE_ID, check_image, is_type},
    list::{Filters, named, numbered, page},
};
use crate::server::{
    api::Request,
    query::{
        Parameters, unknown_action,
        xml::{element, optional, parent},
    },
    refusal::Refusal,
};

/// An instance.
#[derive(Clone, Debug)]
pub(in crate::server) struct Instance {
    id: String,
    reservation: String,
    image: String,
    kind: String,
    key_name: Option<String>,
    state: State,
    launched: Timestamp,
    tags: Vec<(String, String)>,
    /// By which a request for it is known that comes again.
    token: Option<String>,
}

/// A state of an instance, by its code and name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct State(u32, &'static str);

impl State {
    const PENDING: Self = Self(0, "pending");
    const RUNNING: Self = Self(16, "running");
    const SHUTTING_DOWN: Self = Self(32, "shutting-down");
    const TERMINATED: Self = Self(48, "terminated");
    const STOPPING: Self = Self(64, "stopping");
    const STOPPED: Self = Self(80, "stopped");

    fn xml(self, name: &str) -> String {
        let Self(code, text) = self;
        parent(
            name,
            &(element("code", &code.to_string()) + &element("name", text)),
        )
    }
}

/// What an action makes of instances.
struct Change {
    from: &'static [State],
    through: State,
    to: State,
    /// What the refusal says that cannot be done.
    verb: &'static str,
}

const START: Change = Change {
    from: &[State::STOPPED, State::RUNNING],
    through: State::PENDING,
    to: State::RUNNING,
    verb: "started",
};

const STOP: Change = Change {
    from: &[State::RUNNING, State::STOPPED],
    through: State::STOPPING,
    to: State::STOPPED,
    verb: "stopped",
};

const TERMINATE: Change = Change {
    from: &[State::RUNNING, State::STOPPED, State::TERMINATED],
    through: State::SHUTTING_DOWN,
    to: State::TERMINATED,
    verb: "terminated",
};

/// The filters of `DescribeInstances`, of those that EC2 has. The last three match nothing, because
/// the instances are in no network.
const FILTERS: [&str; 16] = [
    "architecture",
    "availability-zone",
    "client-token",
    "image-id",
    "instance-id",
    "instance-state-code",
    "instance-state-name",
    "instance-type",
    "key-name",
    "owner-id",
    "reservation-id",
    "tag-key",
    "tag:",
    "private-ip-address",
    "subnet-id",
    "vpc-id",
];

impl Instance {
    /// Returns the instances that an account has at first: one that runs, and one that is stopped.
    pub(in crate::server) fn first(now: Timestamp) -> Vec<Self> {
        let instance = |id: &str, state, name: &str| Self {
            id: id.to_owned(),
            reservation: id.replacen("i-", "r-", 1),
            image: IMAGE_ID.to_owned(),
            kind: "t3.micro".to_owned(),
            key_name: None,
            state,
            launched: now,
            tags: vec![("Name".to_owned(), name.to_owned())],
            token: None,
        };
        vec![
            instance("i-0123456789abcdef0", State::RUNNING, "app"),
            instance("i-1234567890abcdef0", State::STOPPED, "batch"),
        ]
    }

    fn xml(&self, state: State) -> String {
        let tags = self
            .tags
            .iter()
            .map(|(key, value)| parent("item", &(element("key", key) + &element("value", value))));
        let tags: String = tags.collect();
        // EC2 counts seconds, and writes milliseconds.
        let launched = Timestamp::from_unix_seconds(self.launched.unix_seconds()).to_string();
        let launched = launched.replace('Z', ".000Z");
        element("instanceId", &self.id)
            + &element("imageId", &self.image)
            + &state.xml("instanceState")
            + &optional("keyName", self.key_name.as_deref())
            + &element("instanceType", &self.kind)
            + &element("launchTime", &launched)
            + &parent("placement", &element("availabilityZone", "us-east-1a"))
            + &parent("monitoring", &element("state", "disabled"))
            + &element("architecture", "x86_64")
            + &element("rootDeviceType", "ebs")
            + &element("rootDeviceName", "/dev/xvda")
            + &element("virtualizationType", "hvm")
            + &optional("clientToken", self.token.as_deref())
            + &parent("tagSet", &tags)
            + &element("hypervisor", "xen")
    }

    /// Returns the values that filters look at, by the name of the filter.
    fn filters(&self, owner: &str) -> Vec<(String, String)> {
        let State(code, state) = self.state;
        let fixed = [
            ("architecture", "x86_64"),
            ("availability-zone", "us-east-1a"),
            ("client-token", self.token.as_deref().unwrap_or_default()),
            ("owner-id", owner),
            ("reservation-id", &*self.reservation),
            ("image-id", &self.image),
            ("instance-id", &self.id),
            ("instance-state-code", &code.to_string()),
            ("instance-state-name", state),
            ("instance-type", &self.kind),
        ];
        let mut filters = named(&fixed);
        let key_name = self.key_name.clone();
        filters.extend(key_name.map(|name| ("key-name".to_owned(), name)));
        for (key, value) in &self.tags {
            filters.push(("tag-key".to_owned(), key.clone()));
            filters.push((format!("tag:{key}"), value.clone()));
        }
        filters
    }
}

/// Carries out an action on instances.
pub(super) fn run(
    action: &str,
    request: &Request<'_>,
    parameters: &Parameters,
) -> Result<String, Refusal> {
    let (owner, now) = (request.account.id(), request.now);
    request
        .account
        .with_instances(now, |instances| match action {
            "DescribeInstances" => describe(instances, owner, parameters),
            "RunInstances" => run_instances(instances, owner, parameters, now),
            "StartInstances" => change(instances, parameters, &START),
            "StopInstances" => change(instances, parameters, &STOP),
            "TerminateInstances" => change(instances, parameters, &TERMINATE),
            "RebootInstances" => reboot(instances, parameters),
            other => Err(unknown_action(other, "2016-11-15")),
        })
}

fn describe(
    instances: &[Instance],
    owner: &str,
    parameters: &Parameters,
) -> Result<String, Refusal> {
    let wanted = indices(instances, parameters)?;
    if !wanted.is_empty() && parameters.get("MaxResults").is_some() {
        let message = "The parameter instancesSet cannot be used with the parameter maxResults";
        return Err(Refusal::bad("InvalidParameterCombination", message));
    }
    let shown = instances.iter().enumerate();
    let shown = shown.filter(|(index, _)| wanted.is_empty() || wanted.contains(index));
    let filters = Filters::read(&FILTERS, parameters)?;
    let shown = shown.map(|(_, instance)| instance);
    let shown: Vec<&Instance> = shown
        .filter(|one| filters.admit(&one.filters(owner)))
        .collect();
    let reservations = shown.chunk_by(|one, next| one.reservation == next.reservation);
    let items = reservations.map(|instances| reservation(owner, instances, None));
    page("reservationSet", &items.collect::<Vec<_>>(), parameters)
}

/// Formats what a reservation has, with all instances in a state, or each in its own.
fn reservation(owner: &str, instances: &[&Instance], state: Option<State>) -> String {
    let id = instances
        .first()
        .map(|instance| instance.reservation.as_str());
    let items = instances
        .iter()
        .map(|instance| parent("item", &instance.xml(state.unwrap_or(instance.state))));
    optional("reservationId", id)
        + &element("ownerId", owner)
        + &parent("groupSet", "")
        + &parent("instancesSet", &items.collect::<String>())
}

fn run_instances(
    instances: &mut Vec<Instance>,
    owner: &str,
    parameters: &Parameters,
    now: Timestamp,
) -> Result<String, Refusal> {
    let image = parameters.get("ImageId").ok_or_else(|| {
        let message = "The request must contain the parameter ImageId";
        Refusal::bad("MissingParameter", message)
    })?;
    check_image(image)?;
    let kind = parameters.get("InstanceType").unwrap_or("t3.micro");
    if !is_type(kind) {
        let message = format!("Invalid value '{kind}' for InstanceType.");
        return Err(Refusal::bad("InvalidParameterValue", message));
    }
    let least = parameters.number("MinCount", 1, 1..=32)?;
    let most = parameters.number("MaxCount", 1, least..=32)?;
    let token = parameters.get("ClientToken").map(str::to_owned);
    let known: Vec<&Instance> = instances
        .iter()
        .filter(|instance| token.is_some() && instance.token == token)
        .collect();
    if let Some(first) = known.first() {
        let is_same = first.image == image
            && first.kind == kind
            && first.key_name.as_deref() == parameters.get("KeyName")
            && first.tags == tags(parameters)
            && usize::try_from(most).is_ok_and(|most| most == known.len());
        if !is_same {
            let message = "The request uses the same client token as a previous, but non-identical \
                           request.";
            return Err(Refusal::bad("IdempotentParameterMismatch", message));
        }
        return Ok(reservation(owner, &known, None));
    }
    let reservation_id = random_id("r-");
    let new = (0..most).map(|_| Instance {
        id: random_id("i-"),
        reservation: reservation_id.clone(),
        image: image.to_owned(),
        kind: kind.to_owned(),
        key_name: parameters.get("KeyName").map(str::to_owned),
        state: State::RUNNING,
        launched: now,
        tags: tags(parameters),
        token: token.clone(),
    });
    let new: Vec<Instance> = new.collect();
    let answer = reservation(owner, &new.iter().collect::<Vec<_>>(), Some(State::PENDING));
    instances.extend(new);
    Ok(answer)
}

/// Returns the tags that the request asks for on its instances.
fn tags(parameters: &Parameters) -> Vec<(String, String)> {
    let mut tags = Vec::new();
    for number in 1.. {
        let part = |name: &str| parameters.get(&format!("TagSpecification.{number}.{name}"));
        let Some(of) = part("ResourceType") else {
            break;
        };
        let pairs = (1..).map_while(|tag| {
            let key = part(&format!("Tag.{tag}.Key"))?;
            let value = part(&format!("Tag.{tag}.Value")).unwrap_or_default();
            Some((key.to_owned(), value.to_owned()))
        });
        if of == "instance" {
            tags.extend(pairs);
        }
    }
    tags
}

fn change(
    instances: &mut [Instance],
    parameters: &Parameters,
    change: &Change,
) -> Result<String, Refusal> {
    let indices = required(instances, parameters)?;
    for &index in &indices {
        let Instance { id, state, .. } = &instances[index];
        if !change.from.contains(state) {
            let verb = change.verb;
            let message =
                format!("The instance '{id}' is not in a state from which it can be {verb}.");
            return Err(Refusal::bad("IncorrectInstanceState", message));
        }
    }
    let changed = indices.into_iter().map(|index| {
        let instance = &mut instances[index];
        let previous = instance.state;
        // One that is there already stays.
        let current = if previous == change.to {
            previous
        } else {
            change.through
        };
        instance.state = change.to;
        let members = element("instanceId", &instance.id)
            + &current.xml("currentState")
            + &previous.xml("previousState");
        parent("item", &members)
    });
    Ok(parent("instancesSet", &changed.collect::<String>()))
}

fn reboot(instances: &[Instance], parameters: &Parameters) -> Result<String, Refusal> {
    for index in required(instances, parameters)? {
        if instances[index].state != State::RUNNING {
            let id = &instances[index].id;
            let message = format!("Instance '{id}' is not in 'running' state.");
            return Err(Refusal::bad("IncorrectState", message));
        }
    }
    Ok(element("return", "true"))
}

/// Returns where the instances are that the request must name.
fn required(instances: &[Instance], parameters: &Parameters) -> Result<Vec<usize>, Refusal> {
    let indices = indices(instances, parameters)?;
    if indices.is_empty() {
        let message = "The request must contain the parameter InstanceId";
        return Err(Refusal::bad("MissingParameter", message));
    }
    Ok(indices)
}

/// Returns where the instances are that the request names, each once.
fn indices(instances: &[Instance], parameters: &Parameters) -> Result<Vec<usize>, Refusal> {
    let mut indices = Vec::new();
    for id in numbered(parameters, "InstanceId") {
        let index = instances.iter().position(|instance| instance.id == id);
        let index = index.ok_or_else(|| {
            let message = format!("The instance ID '{id}' does not exist");
            Refusal::bad("InvalidInstanceID.NotFound", message)
        })?;
        if !indices.contains(&index) {
            indices.push(index);
        }
    }
    Ok(indices)
}

/// Returns a random id: 17 digits in hexadecimal after the prefix.
fn random_id(prefix: &str) -> String {
    let number = rand::rng().random_range(0..1_u128 << 68);
    format!("{prefix}{number:017x}")
}
