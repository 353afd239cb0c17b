//! Bodies that nobody should give: emptied, mutated, cut, arbitrary.

use proptest::prelude::*;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::tests::{
    ALLOCATION, ALLOCATIONS, DEPLOYMENT, EVALUATIONS, JOB, JOBS, STOP, VERSIONS, recorded,
};
use super::*;

#[test]
fn null_is_as_good_as_nothing() {
    // N12
    /// Every value of an object, except its id, becomes `null`.
    fn emptied(mut value: Value) -> Value {
        if let Value::Object(fields) = &mut value {
            for (name, field) in fields {
                if name != "ID" {
                    *field = Value::Null;
                }
            }
        }
        value
    }
    fn check<T: DeserializeOwned + PartialEq + std::fmt::Debug>(file: &str) {
        for recorded in recorded(file) {
            let value: Value = serde_json::from_str(&recorded.body).unwrap();
            let values = match value {
                Value::Array(values) => values,
                value => vec![value],
            };
            for value in values.into_iter().filter(Value::is_object) {
                let bare = serde_json::json!({ "ID": value.get("ID").unwrap_or(&"".into()) });
                let bare: T = serde_json::from_value(bare).unwrap();
                assert_eq!(serde_json::from_value::<T>(emptied(value)).unwrap(), bare);
            }
        }
    }
    check::<JobStub>(JOBS);
    check::<Job>(JOB);
    check::<JobVersions>(VERSIONS);
    check::<Allocation>(ALLOCATIONS);
    check::<Allocation>(ALLOCATION);
    check::<Deployment>(DEPLOYMENT);
    check::<Evaluation>(EVALUATIONS);
    check::<StopAnswer>(STOP);
}

/// Any JSON.
fn anything() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((".{0,6}", inner), 0..4)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

/// Replaces the `number`th value below `value`, counted in depth.
fn replace(value: &mut Value, number: &mut usize, with: &Value) {
    if *number == 0 {
        *value = with.clone();
    }
    // The count goes on below what it passed, and wraps when it is over: every later value is out of reach then.
    *number = number.wrapping_sub(1);
    match value {
        Value::Array(values) => values.iter_mut().for_each(|one| replace(one, number, with)),
        Value::Object(fields) => fields
            .iter_mut()
            .for_each(|(_, one)| replace(one, number, with)),
        _ => {}
    }
}

fn read_as_everything(text: &str) {
    let _ = serde_json::from_str::<Vec<JobStub>>(text);
    let _ = serde_json::from_str::<Job>(text);
    let _ = serde_json::from_str::<JobVersions>(text);
    let _ = serde_json::from_str::<Vec<Allocation>>(text);
    let _ = serde_json::from_str::<Allocation>(text);
    let _ = serde_json::from_str::<Option<Deployment>>(text);
    let _ = serde_json::from_str::<Vec<Evaluation>>(text);
    let _ = serde_json::from_str::<StopAnswer>(text);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    // N12: whatever comes, it is read or refused.
    #[test]
    fn mutated_bodies_do_not_panic(pick in any::<prop::sample::Index>(), number in 0_usize..400, with in anything(), cut in any::<prop::sample::Index>()) {
        // D22
        let files = [JOBS, JOB, VERSIONS, ALLOCATION, DEPLOYMENT, EVALUATIONS];
        let bodies: Vec<&str> = files.iter().flat_map(|file| file.lines()).collect();
        let mut line: Value = serde_json::from_str(bodies[pick.index(bodies.len())]).unwrap();
        let body = &mut line["body"];
        replace(body, &mut number.clone(), &with);
        let text = body.to_string();
        read_as_everything(&text);
        let end = (0..=cut.index(text.len() + 1)).rev().find(|end| text.is_char_boundary(*end));
        read_as_everything(&text[..end.unwrap_or(0)]);
    }

    #[test]
    fn arbitrary_json_does_not_panic(value in anything()) {
        // D22
        read_as_everything(&value.to_string());
    }
}
