//! `/v1/namespaces` and `/v1/namespace/:name`. Namespaces live beside the simulated cluster's tables:
//! creating one is no transaction of its own there.

use std::collections::{BTreeMap, BTreeSet};

use http::Method;
use serde_json::{Value, json};

use super::acl::Style;
use super::call::Call;
use super::query::Rendered;
use super::reply::{Outcome, Reply};
use super::{Api, invalid_method, lock, only_get, writes};
use crate::cluster::State;
use crate::model::ApiError;

/// The namespaces of a cluster; `default` is always there.
#[derive(Debug)]
pub(crate) struct Namespaces {
    by_name: BTreeMap<String, Namespace>,
    index: u64,
}

#[derive(Clone, Debug)]
struct Namespace {
    description: String,
    create_index: u64,
    modify_index: u64,
}

impl Default for Namespaces {
    fn default() -> Self {
        let default = Namespace {
            description: "Default shared namespace".to_owned(),
            create_index: 1,
            modify_index: 1,
        };
        Self {
            by_name: BTreeMap::from([("default".to_owned(), default)]),
            index: 1,
        }
    }
}

fn element(name: &str, namespace: &Namespace) -> Value {
    json!({"Capabilities": null, "ConsulConfiguration": null,
        "CreateIndex": namespace.create_index, "Description": namespace.description,
        "Hash": hash(name, &namespace.description), "Meta": null, "ModifyIndex": namespace.modify_index, "Name": name,
        "NodePoolConfiguration": null, "OptionalExtraClaims": null, "Quota": "",
        "RequiredExtraClaims": null, "VaultConfiguration": null})
}

/// Stands for the hash of a namespace's content: 32 bytes in base64, the same for the same content.
fn hash(name: &str, description: &str) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let content = name.bytes().chain([0]).chain(description.bytes());
    let mut state = content.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let mut text: String = (0..42)
        .map(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            char::from(DIGITS[usize::try_from(state >> 58).unwrap_or(0)])
        })
        .collect();
    // The last digit holds four bits only.
    text.push_str("w=");
    text
}

impl Namespaces {
    /// All names.
    pub(super) fn names(&self) -> BTreeSet<String> {
        self.by_name.keys().cloned().collect()
    }
}

impl Api {
    /// May jobs be registered in this namespace?
    pub(super) fn has_namespace(&self, name: &str) -> bool {
        lock(&self.namespaces).by_name.contains_key(name)
    }

    /// The names of all namespaces.
    pub(super) fn namespace_names(&self) -> Vec<String> {
        lock(&self.namespaces).by_name.keys().cloned().collect()
    }

    /// Creates a namespace, or changes its description.
    pub(crate) fn create_namespace(&self, name: &str, description: &str) -> u64 {
        let index = self.cluster.read(State::latest_index);
        let mut namespaces = lock(&self.namespaces);
        namespaces.index = index;
        let entry = namespaces.by_name.entry(name.to_owned());
        let namespace = entry.or_insert(Namespace {
            description: String::new(),
            create_index: index,
            modify_index: index,
        });
        description.clone_into(&mut namespace.description);
        namespace.modify_index = index;
        index
    }

    pub(super) async fn namespace_list(&self, call: &Call) -> Outcome {
        only_get(call)?;
        let options = call.options()?;
        let who = self.enter(call, Style::Ordinary)?;
        let (index, list) = {
            let namespaces = lock(&self.namespaces);
            let visible = namespaces.by_name.iter().filter(|(name, _)| {
                name.starts_with(&options.prefix)
                    && ["list-jobs", "read-job", "submit-job", "alloc-lifecycle"]
                        .iter()
                        .any(|capability| who.can(name, capability))
            });
            let list: Vec<Value> = visible.map(|(name, ns)| element(name, ns)).collect();
            (namespaces.index, list)
        };
        self.query(
            &options,
            &[],
            |_| (index, ()),
            |()| Ok(Rendered::json(&list)),
        )
        .await
    }

    pub(super) async fn namespace(&self, call: &Call, name: &str) -> Outcome {
        match call.method {
            Method::GET => {
                let options = call.options()?;
                self.enter(call, Style::Ordinary)?;
                let (index, found) = {
                    let namespaces = lock(&self.namespaces);
                    let found = namespaces.by_name.get(name).map(|ns| element(name, ns));
                    (namespaces.index, found)
                };
                self.query(
                    &options,
                    &[],
                    |_| (index, ()),
                    |()| {
                        Ok(match &found {
                            Some(element) => Rendered::json(element),
                            None => Rendered::Missing("Namespace not found"),
                        })
                    },
                )
                .await
            }
            Method::PUT | Method::POST => {
                let body = writes::body(call, 400)?;
                let given = body["Name"].as_str().unwrap_or_default();
                let name = if name.is_empty() { given } else { name };
                if !given.is_empty() && given != name {
                    return Err(ApiError::new(
                        400,
                        "Namespace name does not match request path",
                    ));
                }
                if name.is_empty() {
                    return Err(ApiError::new(400, "Missing Namespace Name"));
                }
                self.enter(call, Style::Ordinary)?.need_management()?;
                let description = body["Description"].as_str().unwrap_or_default();
                Ok(Reply::written_empty(
                    self.create_namespace(name, description),
                ))
            }
            _ => Err(invalid_method()),
        }
    }
}
