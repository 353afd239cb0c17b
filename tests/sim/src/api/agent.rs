//! What the agent tells of itself: `/v1/agent/…`, `/v1/status/…`, regions, the scheduler's
//! configuration, and the token in use.

use serde_json::{Value, json};

use super::acl::{Identity, Style};
use super::call::Call;
use super::reply::{Outcome, Reply};
use super::{Api, REGION, lock, only_get};
use crate::cluster::State;
use crate::model::ApiError;

/// The agent's configuration as a real one prints it; what depends on the cluster is filled in.
const CONFIG: &str = include_str!("agent_config.json");

const SERVER_ID: &str = "bc7e08b3-befa-10c4-abde-90378a6a20b4";

/// Address of the server for other servers; nothing listens there.
const RPC_ADDRESS: &str = "127.0.0.1:4647";

/// What a browser gets to see.
const PAGE: &str = "<!doctype html><title>nomad-sim</title><p>This is a simulated Nomad cluster. It \
                    has an HTTP API and no web interface.</p>\n";

impl Api {
    /// Everything that is not about jobs, allocations, evaluations, deployments or nodes.
    pub(super) fn agent(&self, call: &Call) -> Outcome {
        match call.path.as_str() {
            "/v1/agent/self" => self.agent_self(call),
            "/v1/agent/members" => self.members(call),
            "/v1/agent/health" => health(call),
            "/v1/status/leader" => public(call, &json!(RPC_ADDRESS)),
            "/v1/status/peers" => public(call, &json!([RPC_ADDRESS])),
            "/v1/regions" => public(call, &json!([REGION])),
            "/v1/operator/scheduler/configuration" => self.scheduler(call),
            "/v1/acl/token/self" => self.token_self(call),
            path if path.starts_with("/ui/") => {
                only_get(call)?;
                Ok(Reply::page(PAGE))
            }
            _ => Ok(Reply::nowhere()),
        }
    }

    fn members(&self, call: &Call) -> Outcome {
        only_get(call)?;
        self.enter(call, Style::Ordinary)?.need_node_read()?;
        Ok(Reply::plain(
            &json!({"Members": [member(self.cluster.version().text())], "ServerDC": "dc1", "ServerName": "sim",
                    "ServerRegion": REGION}),
        ))
    }

    fn agent_self(&self, call: &Call) -> Outcome {
        only_get(call)?;
        self.enter(call, Style::AgentSelf)?.need_agent_read()?;
        let mut config: Value = serde_json::from_str(CONFIG).unwrap_or(Value::Null);
        config["ACL"] = json!({"Enabled": self.acl.borrow().is_some(),
            "PolicyTTL": 30_000_000_000_i64, "ReplicationToken": "",
            "RoleTTL": 30_000_000_000_i64, "TokenMaxExpirationTTL": 0,
            "TokenMinExpirationTTL": 0, "TokenTTL": 30_000_000_000_i64});
        config["Version"]["Version"] = self.cluster.version().text().into();
        config["BindAddr"] = "127.0.0.1".into();
        config["NodeName"] = "sim".into();
        config["Ports"] = json!({"HTTP": 4646, "RPC": 4647, "Serf": 4648});
        config["Client"]["Enabled"] = false.into();
        config["Server"]["EnableEventBroker"] = lock(&self.broker).enabled.into();
        let index = self.cluster.read(State::latest_index).to_string();
        let stats = json!({
            "nomad": {"bootstrap": "true", "known_regions": "1", "leader": "true",
                      "leader_addr": RPC_ADDRESS, "server": "true"},
            "raft": {"applied_index": index, "commit_index": index, "last_contact": "0",
                     "last_log_index": index, "num_peers": "0", "state": "Leader", "term": "2"},
            "serf": {"failed": "0", "left": "0", "members": "1"}});
        Ok(Reply::plain(
            &json!({"config": config, "member": member(self.cluster.version().text()), "stats": stats}),
        ))
    }

    fn scheduler(&self, call: &Call) -> Outcome {
        only_get(call)?;
        self.enter(call, Style::Ordinary)?.need_operator_read()?;
        let reply = Reply::plain(
            &json!({"Index": 5, "KnownLeader": true, "LastContact": 0, "NextToken": "",
            "SchedulerConfig": {"CreateIndex": 5, "MemoryOversubscriptionEnabled": false,
                "ModifyIndex": 5, "NodeLimitForFeasibilityChecks": 0, "PauseEvalBroker": false,
                "PreemptionConfig": {"BatchSchedulerEnabled": false,
                    "ServiceSchedulerEnabled": false, "SysBatchSchedulerEnabled": false,
                    "SystemSchedulerEnabled": true},
                "RejectJobRegistration": false, "SchedulerAlgorithm": "binpack"}}),
        );
        Ok(reply.at(5))
    }

    fn token_self(&self, call: &Call) -> Outcome {
        only_get(call)?;
        let who = self.enter(call, Style::TokenSelf)?;
        let (accessor, name, secret) = match &who {
            Identity::Everybody => ("acls-disabled", "ACLs disabled token", ""),
            Identity::Token(_) if call.token().is_empty() => ("anonymous", "Anonymous Token", ""),
            Identity::Token(token) => (token.accessor.as_str(), token.name.as_str(), call.token()),
        };
        let token = json!({"AccessorID": accessor, "CreateIndex": 0,
            "CreateTime": "0001-01-01T00:00:00Z", "ExpirationTTL": "", "ExpirationTime": null,
            "Global": false, "Hash": null, "ModifyIndex": 0, "Name": name, "Policies": null,
            "Roles": null, "SecretID": secret, "Type": who.kind()});
        Ok(Reply::plain(&token).at(0))
    }
}

fn health(call: &Call) -> Outcome {
    only_get(call)?;
    let ok = json!({"message": "ok", "ok": true});
    Ok(Reply::plain(&match call.param("type") {
        Some("client") => json!({"client": ok}),
        Some("server") => json!({"server": ok}),
        _ => json!({"client": ok, "server": ok}),
    }))
}

/// Endpoints that need no right.
fn public(call: &Call, value: &Value) -> Outcome {
    only_get(call)?;
    // A token is not looked at, the region is.
    if call
        .param("region")
        .is_some_and(|r| !r.is_empty() && r != REGION)
    {
        return Err(ApiError::internal("No path to region"));
    }
    Ok(Reply::plain(value))
}

fn member(version: &str) -> Value {
    json!({"Addr": "127.0.0.1", "DelegateCur": 4, "DelegateMax": 5, "DelegateMin": 2,
        "Name": format!("sim.{REGION}"), "Port": 4648, "ProtocolCur": 2, "ProtocolMax": 5,
        "ProtocolMin": 1, "Status": "alive",
        "Tags": {"bootstrap": "1", "build": version, "dc": "dc1", "expect": "1",
                 "id": SERVER_ID, "port": "4647", "raft_vsn": "3", "region": REGION,
                 "revision": "", "role": "nomad", "rpc_addr": "127.0.0.1", "vsn": "1"}})
}
