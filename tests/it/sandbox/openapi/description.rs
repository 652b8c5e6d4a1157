//! GitHub's description of its REST API, and whether an answer is as it says.

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    path::Path,
};

use jsonschema::{Draft, Validator};
use serde_json::{Map, Value, json};

/// What is null though the description does not allow for it: where a pull request came from, once that fork is deleted
/// (section E of the field guide to GHCR; the description of the webhook has it).
const NULL_WITHOUT_FORK: [&str; 2] = ["/head/repo", "/head/user"];

/// The description (OpenAPI 3.0), and the schemas that were needed so far.
pub(super) struct Description {
    document: Value,
    validators: BTreeMap<String, Validator>,
}

/// What the description says of a status.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// It is documented, and the body is as its schema asks.
    Fits,
    /// It is documented, without saying what the body is.
    WithoutBody,
    /// The operation has no such status.
    Undocumented,
}

impl Description {
    /// Reads what `tests/openapi` fetched.
    pub(super) fn read() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let folder = env::var_os("GHCR_LIFECYCLE_OPENAPI")
            .map_or_else(|| root.join("target/openapi"), |folder| root.join(folder));
        let file = folder.join("api.github.com.json");
        let text = fs::read(&file)
            .unwrap_or_else(|error| panic!("{}: {error}\nhint: run `tests/openapi`, which fetches it", file.display()));
        Self { document: serde_json::from_slice(&text).unwrap(), validators: BTreeMap::new() }
    }

    fn resolve<'a>(&'a self, mut value: &'a Value) -> &'a Value {
        while let Some(reference) = value["$ref"].as_str() {
            value = self.document.pointer(reference.trim_start_matches('#')).unwrap();
        }
        value
    }

    /// Tells whether there is such an operation.
    pub(super) fn has(&self, method: &str, template: &str) -> bool {
        self.document["paths"][template].get(method.to_lowercase()).is_some()
    }

    /// Compares an answer with what its operation says of its status.
    pub(super) fn compare(&mut self, method: &str, template: &str, status: u16, body: &Value) -> Result<Said, String> {
        let operation = &self.document["paths"][template][method.to_lowercase()];
        let Some(response) = operation["responses"].get(status.to_string()) else { return Ok(Said::Undocumented) };
        let Some(schema) = self.resolve(response).pointer("/content/application~1json/schema").cloned() else {
            return Ok(Said::WithoutBody);
        };
        self.check(&schema, body).map(|()| Said::Fits)
    }

    /// Compares a body with the schema that most refusals have.
    pub(super) fn compare_refusal(&mut self, body: &Value) -> Result<(), String> {
        self.check(&json!({"$ref": "#/components/schemas/basic-error"}), body)
    }

    fn check(&mut self, schema: &Value, body: &Value) -> Result<(), String> {
        let key = schema.to_string();
        if !self.validators.contains_key(&key) {
            let validator = self.validator(schema);
            self.validators.insert(key.clone(), validator);
        }
        let errors: Vec<String> = self.validators[&key]
            .iter_errors(body)
            .filter(|error| {
                let place = error.instance_path().to_string();
                !(error.instance().is_null() && NULL_WITHOUT_FORK.iter().any(|end| place.ends_with(end)))
            })
            .map(|error| format!("at {:?}: {error}", error.instance_path().to_string()))
            .collect();
        if errors.is_empty() { Ok(()) } else { Err(errors.join("; ")) }
    }

    /// Compiles a schema with all that it refers to. OpenAPI 3.0 builds on an early draft of JSON Schema.
    fn validator(&self, schema: &Value) -> Validator {
        let mut schemas = Map::new();
        let mut open = references(schema);
        while let Some(reference) = open.pop_first() {
            let name = reference.trim_start_matches("#/components/schemas/");
            if !schemas.contains_key(name) {
                let found = &self.document["components"]["schemas"][name];
                open.extend(references(found));
                schemas.insert(name.to_owned(), with_null(found));
            }
        }
        // What stands beside a reference does not count.
        let document = json!({"allOf": [with_null(schema)], "components": {"schemas": schemas}});
        jsonschema::options().with_draft(Draft::Draft4).should_validate_formats(true).build(&document).unwrap()
    }
}

/// Lists what a schema refers to.
fn references(value: &Value) -> BTreeSet<String> {
    match value {
        Value::Object(object) => match object.get("$ref") {
            Some(Value::String(reference)) => BTreeSet::from([reference.clone()]),
            _ => object.values().flat_map(references).collect(),
        },
        Value::Array(list) => list.iter().flat_map(references).collect(),
        _ => BTreeSet::new(),
    }
}

/// Says in JSON Schema's own words what OpenAPI calls `nullable`.
fn with_null(schema: &Value) -> Value {
    match schema {
        Value::Object(object) => {
            let mut plain: Map<String, Value> = object
                .iter()
                .filter(|(key, value)| !(*key == "nullable" && value.is_boolean()))
                .map(|(key, value)| (key.clone(), with_null(value)))
                .collect();
            if object.get("nullable") != Some(&Value::Bool(true)) {
                return Value::Object(plain);
            }
            plain.remove("example");
            json!({"anyOf": [plain, {"type": "null"}]})
        }
        Value::Array(list) => list.iter().map(with_null).collect(),
        other => other.clone(),
    }
}
