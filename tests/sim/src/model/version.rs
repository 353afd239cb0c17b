//! The versions of Nomad that the simulation knows, and what older ones print differently.

use serde_json::{Map, Value, json};

/// Which Nomad the agents and servers are. What differs between them is what recordings of 1.6.10, 1.8.4,
/// 1.10.5, 1.11.2, 1.11.3 and 2.0.5 show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    V1_6,
    V1_8,
    V1_10,
    V1_11_2,
    V1_11_3,
    #[default]
    V2_0,
}

impl Version {
    /// All of them, oldest first.
    pub const ALL: [Self; 6] = [
        Self::V1_6,
        Self::V1_8,
        Self::V1_10,
        Self::V1_11_2,
        Self::V1_11_3,
        Self::V2_0,
    ];

    /// As the agent names it: `1.10.5`.
    pub fn text(self) -> &'static str {
        match self {
            Self::V1_6 => "1.6.10",
            Self::V1_8 => "1.8.4",
            Self::V1_10 => "1.10.5",
            Self::V1_11_2 => "1.11.2",
            Self::V1_11_3 => "1.11.3",
            Self::V2_0 => "2.0.5",
        }
    }

    /// Reads `1.10.5`, or `1.10` where there is only one.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = |version: &Self| {
            let whole = version.text();
            whole == text
                || whole
                    .strip_prefix(text)
                    .is_some_and(|rest| rest.starts_with('.'))
        };
        let mut all = Self::ALL.into_iter().filter(fits);
        let first = all.next()?;
        all.next().is_none().then_some(first)
    }

    /// System jobs have deployments, and their allocations a health.
    pub(crate) fn deploys_system_jobs(self) -> bool {
        self >= Self::V1_11_2
    }

    /// What a blocked evaluation places begins a deployment.
    pub(crate) fn deploys_late_placements(self) -> bool {
        self >= Self::V1_11_2
    }

    /// A stopped batch allocation ends `failed`, whatever its exit code.
    pub(crate) fn fails_stopped_batch(self) -> bool {
        self == Self::V1_10
    }

    /// Evaluations of system jobs of several groups never end well unless they begin a deployment.
    pub(crate) fn fails_system_evaluations(self) -> bool {
        self == Self::V1_11_2
    }

    /// A failed allocation outside a deployment is told to be unhealthy.
    pub(crate) fn judges_failed(self) -> bool {
        self >= Self::V1_8
    }

    /// So is one that is stopped before it began.
    pub(crate) fn judges_unbegun(self) -> bool {
        self >= Self::V1_10
    }

    /// There is a capability `evaluate-job`, and stops tell of `reschedule`.
    pub(crate) fn has_evaluate_job(self) -> bool {
        self >= Self::V1_11_2
    }

    /// A node that takes allocations again makes evaluations of the jobs that it had allocations of.
    pub(crate) fn evaluates_on_eligibility(self) -> bool {
        self < Self::V1_11_2
    }

    /// Event streams take their connection over: no chunks, no compression, no place among the client's
    /// connections, and no word about what is wrong. Before, they are ordinary answers.
    pub(crate) fn takes_streams_over(self) -> bool {
        self >= Self::V1_11_2
    }

    pub(crate) fn has_statuses(self) -> bool {
        self >= Self::V1_8
    }

    /// Status of `Unknown node`.
    pub(crate) fn unknown_node(self) -> u16 {
        if self == Self::V2_0 { 404 } else { 500 }
    }

    /// What is said of a secret that is neither a UUID nor signed.
    pub(crate) fn not_signed(self) -> &'static str {
        if self >= Self::V1_11_2 {
            "failed to parse signed token: go-jose/go-jose: compact JWS format must have three parts"
        } else {
            "failed to verify token: go-jose/go-jose: compact JWS format must have three parts"
        }
    }

    /// Turns the JSON of a 2.0.5 agent, an answer or a line of the event stream, into that of this version.
    pub fn adapt(self, value: &mut Value) {
        if self == Self::V2_0 {
            return;
        }
        match value {
            Value::Array(list) => list.iter_mut().for_each(|element| self.adapt(element)),
            Value::Object(object) => {
                self.adapt_object(object);
                object.values_mut().for_each(|value| self.adapt(value));
            }
            _ => {}
        }
    }

    /// Objects are told by keys that only they have.
    fn adapt_object(self, object: &mut Map<String, Value>) {
        let remove = |object: &mut Map<String, Value>, keys: &[&str]| {
            for key in keys {
                object.remove(*key);
            }
        };
        let has = |key: &str| object.contains_key(key);
        if has("SchedulingEligibility") && has("Version") {
            object.insert("Version".to_owned(), json!(self.text()));
        } else if has("nomad.version") {
            object.insert("nomad.version".to_owned(), json!(self.text()));
        } else if has("Migrate") && has("ForceReschedule") {
            if self < Self::V1_11_2 {
                remove(object, &["MigrateDisablePlacement"]);
            }
        } else if has("StartedAt") && has("LastRestart") {
            if self <= Self::V1_8 {
                object.insert("TaskHandle".to_owned(), Value::Null);
            }
            if self == Self::V1_6 {
                remove(object, &["Paused"]);
            }
        } else if has("IsMultiregion") && has("JobSpecModifyIndex") {
            if self <= Self::V1_8 {
                remove(object, &["CreateTime", "ModifyTime"]);
            }
        } else if has("TriggeredBy") {
            if self < Self::V1_11_2 {
                remove(object, &["PlanAnnotations"]);
            }
        } else if has("NodesEvaluated") && has("CoalescedFailures") {
            if self == Self::V1_6 {
                remove(object, &["NodePool"]);
            }
        } else if has("InterfaceName") && has("DNS") {
            if self == Self::V1_6 {
                remove(object, &["AddressIPv6"]);
            }
        } else {
            self.adapt_job(object, remove);
        }
    }

    /// Jobs, groups, tasks and what they hold.
    fn adapt_job(
        self,
        object: &mut Map<String, Value>,
        remove: impl Fn(&mut Map<String, Value>, &[&str]),
    ) {
        let oldest = self == Self::V1_6;
        let has = |key: &str| object.contains_key(key);
        if has("TaskGroups") && has("JobModifyIndex") && has("Periodic") && has("AllAtOnce") {
            if oldest {
                remove(object, &["UI", "VersionTag"]);
                object.insert("ConsulToken".to_owned(), json!(""));
                object.insert("VaultToken".to_owned(), json!(""));
            }
        } else if has("EphemeralDisk") && has("Tasks") {
            remove(object, &["MaxRunDuration"]);
            if oldest {
                remove(object, &["Disconnect", "PreventRescheduleOnLost"]);
                object.insert("Consul".to_owned(), json!({"Namespace": ""}));
            }
        } else if has("Driver") && has("KillTimeout") {
            if self < Self::V1_11_2 {
                remove(object, &["Secrets"]);
            }
            if oldest {
                remove(object, &["Actions", "Consul", "Identities", "Schedule"]);
                object.insert("Identity".to_owned(), Value::Null);
            }
        } else if has("ChangeMode") && has("Audience") {
            remove(object, &["ExtraClaims"]);
        } else if oldest && has("MemoryMB") && has("Cores") {
            remove(object, &["NUMA", "SecretsMB"]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_whole_or_by_their_beginning() {
        for (text, version) in [
            ("1.6", Some(Version::V1_6)),
            ("1.10.5", Some(Version::V1_10)),
            ("1.11.3", Some(Version::V1_11_3)),
            ("2.0", Some(Version::V2_0)),
            ("1.1", None),
            ("1.11", None),
            ("3", None),
            ("", None),
        ] {
            assert_eq!(Version::parse(text), version, "{text:?}");
        }
    }

    #[test]
    fn older_stubs_lack_keys_wherever_they_are() {
        let stub = json!([{"DesiredTransition": {"ForceReschedule": null, "Migrate": true,
                "MigrateDisablePlacement": null},
            "TaskStates": {"app": {"StartedAt": null, "LastRestart": null, "Paused": ""}}}]);
        let adapted = |version: Version| {
            let mut value = stub.clone();
            version.adapt(&mut value);
            value
        };
        assert_eq!(adapted(Version::V2_0), stub);
        assert_eq!(adapted(Version::V1_11_2), stub);
        let transition = json!({"ForceReschedule": null, "Migrate": true});
        let state = |version| adapted(version)[0]["TaskStates"]["app"].clone();
        assert_eq!(adapted(Version::V1_10)[0]["DesiredTransition"], transition);
        assert_eq!(state(Version::V1_10), stub[0]["TaskStates"]["app"]);
        let both =
            json!({"StartedAt": null, "LastRestart": null, "Paused": "", "TaskHandle": null});
        assert_eq!(state(Version::V1_8), both);
        let oldest = json!({"StartedAt": null, "LastRestart": null, "TaskHandle": null});
        assert_eq!(state(Version::V1_6), oldest);
    }
}
