//! Registration: a job as a client sends it becomes the job as the agent stores it.
//!
//! Keys that the agent does not know are dropped, keys that are missing or null get the agent's
//! defaults, which depend on the job type.

use serde_json::{Map, Value, json};

use super::error::ApiError;

/// Takes the keys of `template` from `input`; a missing or null one gets the template's value.
fn fill(input: &Value, template: Value) -> Map<String, Value> {
    let Value::Object(mut template) = template else {
        return Map::new();
    };
    for (key, value) in &mut template {
        match input.get(key) {
            None | Some(Value::Null) => {}
            Some(given) => *value = given.clone(),
        }
    }
    template
}

/// The elements of an array, none for null.
fn list(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Applies `f` to each element; an absent or empty array stays null.
fn map_list(value: Option<&Value>, f: impl Fn(&Value) -> Value) -> Value {
    match list(value) {
        [] => Value::Null,
        elements => elements.iter().map(f).collect(),
    }
}

fn restart_policy(kind: &str) -> Value {
    let (attempts, interval) = match kind {
        "batch" | "sysbatch" => (3, 86_400_000_000_000_i64),
        _ => (2, 1_800_000_000_000),
    };
    json!({"Attempts": attempts, "Delay": 15_000_000_000_i64, "Interval": interval, "Mode": "fail",
           "RenderTemplates": false})
}

fn reschedule_policy(kind: &str) -> Value {
    match kind {
        "service" => json!({"Attempts": 0, "Delay": 30_000_000_000_i64,
            "DelayFunction": "exponential", "Interval": 0, "MaxDelay": 3_600_000_000_000_i64,
            "Unlimited": true}),
        "batch" => json!({"Attempts": 1, "Delay": 5_000_000_000_i64,
            "DelayFunction": "constant", "Interval": 86_400_000_000_000_i64, "MaxDelay": 0,
            "Unlimited": false}),
        _ => Value::Null,
    }
}

fn update_strategy() -> Value {
    json!({"AutoPromote": false, "AutoRevert": false, "Canary": 0, "HealthCheck": "checks",
           "HealthyDeadline": 300_000_000_000_i64, "MaxParallel": 1,
           "MinHealthyTime": 10_000_000_000_i64, "ProgressDeadline": 600_000_000_000_i64,
           "Stagger": 30_000_000_000_i64})
}

fn check(input: &Value, task: &str) -> Value {
    let mut check = fill(
        input,
        json!({"AddressMode": "", "Args": null, "Body": "", "CheckRestart": null, "Command": "",
               "Expose": false, "FailuresBeforeCritical": 0, "FailuresBeforeWarning": 0,
               "GRPCService": "", "GRPCUseTLS": false, "Header": null, "InitialStatus": "",
               "Interval": 0, "Method": "", "Name": "", "Notes": "", "OnUpdate": "", "Path": "",
               "PortLabel": "", "Protocol": "", "SuccessBeforePassing": 0, "TLSServerName": "",
               "TLSSkipVerify": false, "TaskName": task, "Timeout": 0, "Type": ""}),
    );
    if check["OnUpdate"] == "" {
        check["OnUpdate"] = "require_healthy".into();
    }
    check.into()
}

fn service(input: &Value, task: &str) -> Value {
    let mut service = fill(
        input,
        json!({"Address": "", "AddressMode": "auto", "CanaryMeta": null, "CanaryTags": null,
               "Checks": null, "Cluster": "default", "Connect": null, "EnableTagOverride": false,
               "Identity": null, "Kind": "", "Meta": null, "Name": "", "Namespace": "default",
               "OnUpdate": "require_healthy", "PortLabel": "", "Provider": "consul",
               "TaggedAddresses": null, "Tags": null, "TaskName": task, "Weights": null}),
    );
    let checks = map_list(service.get("Checks"), |c| check(c, task));
    service.insert("Checks".into(), checks);
    service.into()
}

fn network(input: &Value) -> Value {
    let mut network = match input {
        Value::Object(map) => map.clone(),
        _ => Map::new(),
    };
    if network.get("Mode").is_none_or(|mode| mode == "") {
        network.insert("Mode".into(), "host".into());
    }
    for ports in ["DynamicPorts", "ReservedPorts"] {
        if let Some(Value::Array(list)) = network.get_mut(ports) {
            for port in list.iter_mut().filter_map(Value::as_object_mut) {
                port.entry("HostNetwork")
                    .or_insert_with(|| "default".into());
            }
        }
    }
    network.into()
}

fn task(input: &Value, group_restart: &Value) -> Value {
    let name = input
        .get("Name")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let mut task = fill(
        input,
        json!({"Actions": null, "Affinities": null, "Artifacts": null, "CSIPluginConfig": null,
               "Config": null, "Constraints": null, "Consul": null, "DispatchPayload": null,
               "Driver": "", "Env": null, "Identities": null,
               "Identity": {"Audience": ["nomadproject.io"], "ChangeMode": "", "ChangeSignal": "",
                            "Env": false, "ExtraClaims": null, "File": false, "Filepath": "",
                            "Name": "default", "ServiceName": "", "TTL": 0},
               "KillSignal": "", "KillTimeout": 5_000_000_000_i64, "Kind": "", "Leader": false,
               "Lifecycle": null, "LogConfig": {}, "Meta": null, "Name": "", "Resources": {},
               "RestartPolicy": {}, "ScalingPolicies": null, "Schedule": null, "Secrets": null,
               "Services": null, "ShutdownDelay": 0, "Templates": null, "User": "", "Vault": null,
               "VolumeMounts": null}),
    );
    let log = fill(
        &task["LogConfig"],
        json!({"Disabled": false, "MaxFileSizeMB": 10, "MaxFiles": 10}),
    );
    task.insert("LogConfig".into(), log.into());
    let resources = fill(
        &task["Resources"],
        json!({"CPU": 100, "Cores": 0, "Devices": null, "DiskMB": 0, "IOPS": 0, "MemoryMB": 300,
               "MemoryMaxMB": 0, "NUMA": null, "Networks": null, "SecretsMB": 0}),
    );
    task.insert("Resources".into(), resources.into());
    let restart = fill(&task["RestartPolicy"], group_restart.clone());
    task.insert("RestartPolicy".into(), restart.into());
    if !task["Lifecycle"].is_null() {
        let lifecycle = fill(&task["Lifecycle"], json!({"Hook": "", "Sidecar": false}));
        task.insert("Lifecycle".into(), lifecycle.into());
    }
    let services = map_list(task.get("Services"), |s| service(s, name));
    task.insert("Services".into(), services);
    task.into()
}

/// The constraints that services of the provider `nomad` imply for their group.
fn service_constraints(group: &Map<String, Value>) -> Vec<Value> {
    let of_tasks = list(group.get("Tasks"))
        .iter()
        .flat_map(|task| list(task.get("Services")));
    let native = list(group.get("Services"))
        .iter()
        .chain(of_tasks)
        .any(|service| service["Provider"] == "nomad");
    if native {
        vec![
            json!({"LTarget": "${attr.nomad.service_discovery}", "Operand": "=", "RTarget": "true"}),
            json!({"LTarget": "${attr.nomad.version}", "Operand": "semver", "RTarget": ">= 1.4.0"}),
        ]
    } else {
        Vec::new()
    }
}

fn group(input: &Value, kind: &str, job_update: Option<&Value>) -> Value {
    let mut group = fill(
        input,
        json!({"Affinities": null, "Constraints": null, "Consul": null, "Count": 1,
               "Disconnect": null, "EphemeralDisk": {}, "MaxClientDisconnect": null,
               "MaxRunDuration": null, "Meta": null, "Migrate": null, "Name": "", "Networks": null,
               "PreventRescheduleOnLost": false, "ReschedulePolicy": null, "RestartPolicy": {},
               "Scaling": null, "Services": null, "ShutdownDelay": null, "Spreads": null,
               "StopAfterClientDisconnect": null, "Tasks": null, "Update": null, "Volumes": null}),
    );
    let disk = fill(
        &group["EphemeralDisk"],
        json!({"Migrate": false, "SizeMB": 300, "Sticky": false}),
    );
    group.insert("EphemeralDisk".into(), disk.into());
    let restart: Value = fill(&group["RestartPolicy"], restart_policy(kind)).into();
    let reschedule = match reschedule_policy(kind) {
        Value::Null => Value::Null,
        template => fill(&group["ReschedulePolicy"], template).into(),
    };
    group.insert("ReschedulePolicy".into(), reschedule);
    let update = match kind {
        "service" | "system" => {
            let of_job = fill(job_update.unwrap_or(&Value::Null), update_strategy());
            fill(&group["Update"], of_job.into()).into()
        }
        _ => Value::Null,
    };
    group.insert("Update".into(), update);
    let migrate = match kind {
        "service" => fill(
            &group["Migrate"],
            json!({"HealthCheck": "checks", "HealthyDeadline": 300_000_000_000_i64,
                   "MaxParallel": 1, "MinHealthyTime": 10_000_000_000_i64}),
        )
        .into(),
        _ => Value::Null,
    };
    group.insert("Migrate".into(), migrate);
    let tasks = map_list(group.get("Tasks"), |t| task(t, &restart));
    group.insert("Tasks".into(), tasks);
    group.insert("RestartPolicy".into(), restart);
    let services = map_list(group.get("Services"), |s| service(s, ""));
    group.insert("Services".into(), services);
    let networks = map_list(group.get("Networks"), network);
    group.insert("Networks".into(), networks);
    let implied = service_constraints(&group);
    if !implied.is_empty() {
        let given = list(group.get("Constraints")).iter().cloned();
        let all: Vec<Value> = given.chain(implied).collect();
        group.insert("Constraints".into(), all.into());
    }
    group.into()
}

/// The stored form of a registered job: every key of the job object but those that the server
/// counts (`Version`, indexes, `Status`, …), which [`super::Job`] adds.
///
/// # Errors
/// 500 with the text of a failed validation.
pub(crate) fn job(input: &Value) -> Result<Map<String, Value>, ApiError> {
    let text = |key: &str| input.get(key).and_then(Value::as_str).unwrap_or_default();
    let kind = match text("Type") {
        "" => "service",
        kind => kind,
    };
    let mut problems = Vec::new();
    if text("ID").is_empty() {
        problems.push("Missing job ID".to_owned());
    } else if text("ID").contains(' ') {
        problems.push("Job ID contains a space".to_owned());
    }
    if !["service", "batch", "system", "sysbatch"].contains(&kind) {
        problems.push(format!("Invalid job type: {kind:?}"));
    }
    if list(input.get("TaskGroups")).is_empty() {
        problems.push("Missing job task groups".to_owned());
    }
    if !problems.is_empty() {
        return Err(ApiError::internal(errors(&problems)));
    }
    let name = match text("Name") {
        "" => text("ID"),
        name => name,
    };
    let mut job = fill(
        input,
        json!({"Affinities": null, "AllAtOnce": false, "Constraints": null, "ConsulNamespace": "",
               "Datacenters": ["*"], "DispatchIdempotencyToken": "", "Dispatched": false,
               "ID": "", "Meta": null, "Multiregion": null, "Name": name, "Namespace": "default",
               "NodePool": "default", "NomadTokenID": "", "ParameterizedJob": null, "ParentID": "",
               "Payload": null, "Periodic": null, "Priority": 50, "Region": "global",
               "Spreads": null, "TaskGroups": [], "Type": kind, "UI": null, "Update": null,
               "VaultNamespace": ""}),
    );
    for (key, empty) in [
        ("Namespace", "default"),
        ("NodePool", "default"),
        ("Name", name),
    ] {
        if job[key] == "" {
            job.insert(key.into(), empty.into());
        }
    }
    if job["Priority"] == 0 {
        job.insert("Priority".into(), 50.into());
    }
    let update = job.get("Update").filter(|u| !u.is_null()).cloned();
    let groups = map_list(job.get("TaskGroups"), |g| group(g, kind, update.as_ref()));
    job.insert("TaskGroups".into(), groups);
    let rolling = matches!(kind, "service" | "system");
    let (parallel, stagger) = if rolling {
        (1, 30_000_000_000_i64)
    } else {
        (0, 0)
    };
    let job_update = fill(
        &update.unwrap_or(Value::Null),
        json!({"AutoPromote": false, "AutoRevert": false, "Canary": 0, "HealthCheck": "",
               "HealthyDeadline": 0, "MaxParallel": parallel, "MinHealthyTime": 0,
               "ProgressDeadline": 0, "Stagger": stagger}),
    );
    job.insert("Update".into(), job_update.into());
    if !job["Periodic"].is_null() {
        let periodic = fill(
            &job["Periodic"],
            json!({"Enabled": true, "ProhibitOverlap": false, "Spec": "", "SpecType": "cron",
                   "Specs": [], "TimeZone": "UTC"}),
        );
        job.insert("Periodic".into(), periodic.into());
    }
    if !job["ParameterizedJob"].is_null() {
        let parameterized = fill(
            &job["ParameterizedJob"],
            json!({"MetaOptional": null, "MetaRequired": null, "Payload": "optional"}),
        );
        job.insert("ParameterizedJob".into(), parameterized.into());
    }
    Ok(job)
}

/// Go's list of errors: `2 errors occurred:` and a bullet each.
pub(crate) fn errors(problems: &[String]) -> String {
    let noun = if problems.len() == 1 {
        "error"
    } else {
        "errors"
    };
    let bullets = problems.join("\n\t* ");
    format!("{} {noun} occurred:\n\t* {bullets}\n\n", problems.len())
}
