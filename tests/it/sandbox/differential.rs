//! One script of requests to the plain sandbox and to Debian's `docker-registry`, compared answer by answer.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use ghcr_lifecycle::{
    model::{Digest, manifest::MANIFEST_MEDIA_TYPES},
    sandbox::{Auth, Options, Sandbox},
};
use serde_json::{Value, json};

use super::{
    peer::{Peer, Reply, closing, descriptor, digest_of},
    support::{IMAGE, INDEX},
};
use crate::peers::{Access, DockerRegistry};

mod known;

use known::KNOWN;

const DOCKER_IMAGE: &str = "application/vnd.docker.distribution.manifest.v2+json";
const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";

/// What is compared of an answer.
type Aspects = BTreeMap<&'static str, String>;

/// Both registries, and where each has the upload under way.
struct Script {
    peers: [Peer; 2],
    locations: [String; 2],
    names: BTreeSet<String>,
    /// Request and difference.
    differences: BTreeSet<(String, String)>,
}

impl Script {
    /// Sends one request to both. A path that begins with `@` goes to the upload under way.
    async fn step(&mut self, name: &str, method: &str, path: &str, headers: &[(&str, &str)], body: impl Into<Bytes>) {
        assert!(self.names.insert(name.to_owned()), "two requests are called `{name}`");
        let body = body.into();
        let mut answers = Vec::new();
        for (peer, location) in self.peers.iter().zip(&mut self.locations) {
            let target = match path.strip_prefix('@') {
                None => path.to_owned(),
                Some("") => location.clone(),
                Some(digest) => closing(location, digest),
            };
            let reply = peer.send(method, &target, headers, body.clone()).await;
            if matches!(reply.status, 202 | 204) && !reply.header("location").is_empty() {
                *location = reply.location();
            }
            answers.push(aspects(method, &reply));
        }
        let (ours, theirs) = (&answers[0], &answers[1]);
        let difference = if ours["status"] == theirs["status"] {
            let aspects: BTreeSet<_> = ours.keys().chain(theirs.keys()).copied().collect();
            let differ = |aspect: &&str| ours.get(aspect) != theirs.get(aspect);
            aspects.into_iter().filter(differ).collect::<Vec<_>>().join(" ")
        } else {
            format!("{}, not {}", ours["status"], theirs["status"])
        };
        if !difference.is_empty() {
            println!("{name}: {ours:?}, docker-registry {theirs:?}");
            self.differences.insert((name.to_owned(), difference));
        }
    }

    async fn get(&mut self, name: &str, path: &str) {
        let accept = MANIFEST_MEDIA_TYPES.join(", ");
        self.step(name, "GET", path, &[("accept", &accept)], "").await;
    }

    async fn head(&mut self, name: &str, path: &str) {
        let accept = MANIFEST_MEDIA_TYPES.join(", ");
        self.step(name, "HEAD", path, &[("accept", &accept)], "").await;
    }

    async fn begin(&mut self, name: &str) {
        self.step(name, "POST", "blobs/uploads/", &[], "").await;
    }

    async fn put(&mut self, name: &str, reference: &str, media_type: &str, manifest: &str) {
        let headers = [("content-type", media_type)];
        self.step(name, "PUT", &format!("manifests/{reference}"), &headers, manifest.to_owned()).await;
    }

    async fn chunk(&mut self, name: &str, range: &str, bytes: &'static str) {
        self.step(name, "PATCH", "@", &[("content-range", range)], bytes).await;
    }

    async fn blob(&mut self, bytes: &str) {
        for peer in &self.peers {
            peer.blob(bytes.to_owned()).await;
        }
    }
}

/// Takes out of an answer what a client goes by, without what is random: ids, hosts and queries of locations.
fn aspects(method: &str, reply: &Reply) -> Aspects {
    let mut aspects = BTreeMap::from([("status", reply.status.to_string())]);
    for name in [
        "docker-content-digest",
        "content-range",
        "range",
        "link",
        "etag",
        "docker-distribution-api-version",
        "www-authenticate",
    ] {
        aspects.insert(name, reply.header(name).to_owned());
    }
    let id = reply.header("docker-upload-uuid");
    aspects.insert("docker-upload-uuid", if id.is_empty() { String::new() } else { "ID".to_owned() });
    if !reply.header("location").is_empty() {
        let location = reply.location();
        let path = location.splitn(4, '/').nth(3).unwrap().split('?').next().unwrap();
        aspects.insert("location", if id.is_empty() { path.to_owned() } else { path.replace(id, "ID") });
    }
    let media_type = reply.header("content-type").split(';').next().unwrap();
    aspects.insert("content-type", media_type.to_owned());
    let is_json = media_type == "application/json";
    if (200..300).contains(&reply.status) && !is_json {
        aspects.insert("content-length", reply.header("content-length").to_owned());
        aspects.insert("body", Digest::of(&reply.body).to_string());
    } else if method != "HEAD" {
        let mut body: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
        if let Some(tags) = body.get_mut("tags").and_then(Value::as_array_mut) {
            // docker-registry lists them as the file system does.
            tags.sort_by_key(ToString::to_string);
        }
        let codes: Option<BTreeSet<_>> =
            body["errors"].as_array().map(|errors| errors.iter().map(|error| error["code"].to_string()).collect());
        match codes {
            Some(codes) => aspects.insert("code", Vec::from_iter(codes).join(" ")),
            None => aspects.insert("body", body.to_string()),
        };
    }
    aspects
}

async fn names_and_paths(script: &mut Script) {
    script.get("the base", "/v2/").await;
    script.head("head of the base", "/v2/").await;
    script.step("post to the base", "POST", "/v2/", &[], "").await;
    script.get("no endpoint", "/v2/acme/shop").await;
    script.get("no endpoint of a repository", "/v2/acme/shop/nothing/v1").await;
    script.get("the catalogue", "/v2/_catalog").await;
    for path in ["manifests/v1", "tags/list", &format!("blobs/{}", Digest::of(b"absent"))] {
        script.get(&format!("absent repository, {path}"), path).await;
        script.head(&format!("head of an absent repository, {path}"), path).await;
    }
    for name in ["Acme/shop", "acme//shop", "acme/shop-", "acme/-shop", "acme/sh..op", "acme/sh___op", "ac me/shop"] {
        script.get(&format!("name `{name}`"), &format!("/v2/{name}/tags/list")).await;
    }
}

async fn uploads(script: &mut Script) {
    let digest = Digest::of(b"0123456789").to_string();
    let bytes = [("content-type", "application/octet-stream")];
    script.begin("begin").await;
    script.get("status of a fresh upload", "@").await;
    script.head("head of an upload", "@").await;
    script.step("stream", "PATCH", "@", &bytes, "0123").await;
    script.get("status after a stream", "@").await;
    script.step("stream on", "PATCH", "@", &bytes, "4567").await;
    script.step("finish with the rest", "PUT", &format!("@{digest}"), &bytes, "89").await;
    script.get("status of a finished upload", "@").await;

    for (name, digest) in [
        ("finish with another digest", Digest::of(b"promised").to_string()),
        ("finish with a short digest", "sha256:12".to_owned()),
        ("finish with an unknown algorithm", "md5:d41d8cd98f00b204e9800998ecf8427e".to_owned()),
        ("finish with an upper-case digest", digest.to_uppercase().replace("SHA", "sha")),
    ] {
        script.begin(&format!("begin, to {name}")).await;
        script.step(name, "PUT", &format!("@{digest}"), &bytes, "0123456789").await;
        script.get(&format!("status after {name}"), "@").await;
    }
    script.begin("begin, to finish without a digest").await;
    script.step("finish without a digest", "PUT", "@", &bytes, "0123456789").await;

    script.begin("begin chunks").await;
    script.chunk("first chunk", "0-3", "0123").await;
    script.chunk("second chunk", "4-7", "4567").await;
    script.get("status after chunks", "@").await;
    let range = [("content-range", "8-9"), bytes[0]];
    script.step("last chunk in the closing put", "PUT", &format!("@{digest}"), &range, "89").await;
    for (name, range) in [("a chunk that leaves a hole", "4-7"), ("a chunk with a malformed range", "nonsense")] {
        script.begin(&format!("begin, for {name}")).await;
        script.chunk(name, range, "4567").await;
        script.get(&format!("status after {name}"), "@").await;
    }
    script.begin("begin, for a chunk of another length").await;
    script.chunk("a chunk of another length", "0-9", "0123").await;

    script.step("single post", "POST", &format!("blobs/uploads/?digest={digest}"), &bytes, "0123456789").await;
    script.begin("begin, to cancel").await;
    script.step("cancel", "DELETE", "@", &[], "").await;
    script.step("cancel again", "DELETE", "@", &[], "").await;
    script.step("stream after cancelling", "PATCH", "@", &bytes, "0123").await;
    script.step("finish after cancelling", "PUT", &format!("@{digest}"), &bytes, "0123").await;
    let absent = "blobs/uploads/00000000-0000-0000-0000-000000000000";
    script.get("status of an absent upload", absent).await;

    let absent = Digest::of(b"absent");
    for (name, query) in [
        ("mount", format!("mount={digest}&from=acme/shop")),
        ("mount of an absent blob", format!("mount={absent}&from=acme/shop")),
        ("mount from an absent repository", format!("mount={digest}&from=acme/absent")),
        ("mount from nowhere", format!("mount={digest}")),
        ("mount of a malformed digest", "mount=sha256:12&from=acme/shop".to_owned()),
        ("mount from a malformed name", format!("mount={digest}&from=ACME")),
    ] {
        script.step(name, "POST", &format!("/v2/acme/mounted/blobs/uploads/?{query}"), &[], "").await;
    }
    script.head("head of a mounted blob", &format!("/v2/acme/mounted/blobs/{digest}")).await;
}

async fn blobs(script: &mut Script) {
    let (digest, absent) = (Digest::of(b"0123456789"), Digest::of(b"absent"));
    let path = format!("blobs/{digest}");
    script.get("a blob", &path).await;
    script.head("head of a blob", &path).await;
    for range in ["bytes=2-4", "bytes=7-", "bytes=-2", "bytes=0-99"] {
        script.step(&format!("range {range}"), "GET", &path, &[("range", range)], "").await;
    }
    script.get("an absent blob", &format!("blobs/{absent}")).await;
    script.head("head of an absent blob", &format!("blobs/{absent}")).await;
    script.get("a malformed digest of a blob", "blobs/sha256:12").await;
    script.get("an escaped digest of a blob", &path.replace(':', "%3A")).await;
    script.step("put of a blob", "PUT", &path, &[], "x").await;
}

async fn manifests(script: &mut Script) {
    let (config, layer) = ("{}", "layer");
    script.blob(config).await;
    script.blob(layer).await;
    let image = |media_type: &str, config_type: &str, layer_type: &str| {
        json!({
            "schemaVersion": 2,
            "mediaType": media_type,
            "config": descriptor(config_type, config),
            "layers": [descriptor(layer_type, layer)],
        })
    };
    let (config_type, layer_type) =
        ("application/vnd.oci.image.config.v1+json", "application/vnd.oci.image.layer.v1.tar");
    let oci = image(IMAGE, config_type, layer_type);
    let docker = image(
        DOCKER_IMAGE,
        "application/vnd.docker.container.image.v1+json",
        "application/vnd.docker.image.rootfs.diff.tar.gzip",
    );
    let platform = |media_type: &str, manifest: &Value| {
        let mut descriptor = descriptor(media_type, &manifest.to_string());
        descriptor["platform"] = json!({"os": "linux", "architecture": "amd64"});
        descriptor
    };
    let index =
        |media_type: &str, child: Value| json!({"schemaVersion": 2, "mediaType": media_type, "manifests": [child]});
    let oci_index = index(INDEX, platform(IMAGE, &oci));
    let docker_list = index(DOCKER_LIST, platform(DOCKER_IMAGE, &docker));
    let nested = index(INDEX, platform(INDEX, &oci_index));
    let with = |changes: &[(&str, Value)]| {
        let mut manifest = oci.clone();
        for (pointer, value) in changes {
            manifest[*pointer] = value.clone();
        }
        manifest
    };
    let empty = descriptor("application/vnd.oci.empty.v1+json", "{}");
    let artifact = with(&[
        ("artifactType", json!("application/vnd.example")),
        ("config", empty.clone()),
        ("layers", json!([empty])),
    ]);
    let subject = with(&[("subject", descriptor(IMAGE, "absent"))]);
    let no_layers = with(&[("layers", json!([]))]);
    for (name, media_type, manifest) in [
        ("image", IMAGE, &oci),
        ("docker-image", DOCKER_IMAGE, &docker),
        ("index", INDEX, &oci_index),
        ("docker-list", DOCKER_LIST, &docker_list),
        ("nested", INDEX, &nested),
        ("artifact", IMAGE, &artifact),
        ("subject", IMAGE, &subject),
        ("no-layers", IMAGE, &no_layers),
    ] {
        let digest = digest_of(manifest);
        script.put(&format!("put {name} by tag"), name, media_type, &manifest.to_string()).await;
        script.put(&format!("put {name} by digest"), &digest.to_string(), media_type, &manifest.to_string()).await;
        for reference in [name.to_owned(), digest.to_string()] {
            script.get(&format!("get {name} as {reference}"), &format!("manifests/{reference}")).await;
            script.head(&format!("head of {name} as {reference}"), &format!("manifests/{reference}")).await;
        }
    }
    let spaced = format!("{oci:#}\n");
    script.put("put with white space", "spaced", IMAGE, &spaced).await;
    script.get("get with white space", "manifests/spaced").await;
    script.put("move a tag", "spaced", IMAGE, &oci.to_string()).await;
    script.get("get a moved tag", "manifests/spaced").await;

    let absent = descriptor(layer_type, "absent");
    let mut wrong_size = oci.clone();
    wrong_size["layers"][0]["size"] = json!(1);
    let other_type = with(&[("mediaType", json!(DOCKER_IMAGE))]);
    let no_type = {
        let mut manifest = oci.clone();
        manifest.as_object_mut().unwrap().remove("mediaType");
        manifest
    };
    for (name, media_type, manifest) in [
        ("nonsense", IMAGE, "nonsense".to_owned()),
        ("nothing", IMAGE, String::new()),
        ("an empty object", IMAGE, "{}".to_owned()),
        ("a list", IMAGE, "[]".to_owned()),
        ("an image with an absent layer", IMAGE, with(&[("layers", json!([absent]))]).to_string()),
        ("an image with an absent configuration", IMAGE, with(&[("config", absent)]).to_string()),
        ("an image that tells wrong sizes", IMAGE, wrong_size.to_string()),
        ("an index with an absent child", INDEX, index(INDEX, descriptor(IMAGE, "absent")).to_string()),
        ("an image as an index", INDEX, oci.to_string()),
        ("an index as an image", IMAGE, oci_index.to_string()),
        ("an image of another type", IMAGE, other_type.to_string()),
        ("an image that tells no type", IMAGE, no_type.to_string()),
        ("an image as text", "text/plain", oci.to_string()),
        ("an image as json", "application/json", oci.to_string()),
        ("an image with a parameter", "application/vnd.oci.image.manifest.v1+json; charset=utf-8", oci.to_string()),
    ] {
        script.put(&format!("put {name}"), "odd", media_type, &manifest).await;
    }
    script.put("put by a wrong digest", &Digest::of(b"wrong").to_string(), IMAGE, &oci.to_string()).await;
    script.put("put by a malformed digest", "sha256:12", IMAGE, &oci.to_string()).await;
    script.put("put by a malformed tag", ".tag", IMAGE, &oci.to_string()).await;
    script.put("put by a long tag", &"t".repeat(129), IMAGE, &oci.to_string()).await;
    for reference in ["absent", ".tag", "sha256:12", &Digest::of(b"absent").to_string()] {
        script.get(&format!("absent manifest {reference}"), &format!("manifests/{reference}")).await;
        script.head(&format!("head of absent manifest {reference}"), &format!("manifests/{reference}")).await;
    }
    script.step("get without Accept", "GET", "manifests/image", &[], "").await;
    script.step("get with another Accept", "GET", "manifests/index", &[("accept", IMAGE)], "").await;
    script.step("post of a manifest", "POST", "manifests/image", &[], "").await;
    script.get("referrers", &format!("referrers/{}", digest_of(&oci))).await;

    script.get("tags", "tags/list").await;
    script.get("tags, 100 at most", "tags/list?n=100").await;
    script.get("tags, 2 at most", "tags/list?n=2").await;
    script.get("tags, none", "tags/list?n=0").await;
    script.get("tags, not a number", "tags/list?n=x").await;
    script.step("put of tags", "PUT", "tags/list", &[], "").await;

    script.step("delete a tag", "DELETE", "manifests/spaced", &[], "").await;
    script.step("delete a manifest", "DELETE", &format!("manifests/{}", digest_of(&artifact)), &[], "").await;
    script.step("delete it again", "DELETE", &format!("manifests/{}", digest_of(&artifact)), &[], "").await;
    script.get("a tag of a deleted manifest", "manifests/artifact").await;
    script.get("a deleted manifest", &format!("manifests/{}", digest_of(&artifact))).await;
    let layer = format!("blobs/{}", Digest::of(layer.as_bytes()));
    script.step("delete a blob", "DELETE", &layer, &[], "").await;
    script.step("delete a blob again", "DELETE", &layer, &[], "").await;
    script.get("a deleted blob", &layer).await;
    script.step("delete a malformed digest", "DELETE", "manifests/sha256:12", &[], "").await;
    script.step("delete in an absent repository", "DELETE", &format!("/v2/acme/absent/{layer}"), &[], "").await;
}

#[tokio::test]
async fn the_plain_sandbox_answers_as_docker_registry_does() {
    let sandbox = Sandbox::start(Options { delete: true, ..Options::plain(Auth::None) }).await.unwrap();
    let registry = DockerRegistry::start(Access::Open).await;
    let peers = [Peer::new(&sandbox.host(), None), Peer::new(registry.host(), None)];
    let mut script =
        Script { peers, locations: Default::default(), names: BTreeSet::new(), differences: BTreeSet::new() };
    names_and_paths(&mut script).await;
    uploads(&mut script).await;
    blobs(&mut script).await;
    manifests(&mut script).await;

    let rows = KNOWN.iter().flat_map(|(_, rows)| rows.iter());
    let known: BTreeSet<_> =
        rows.map(|(request, difference)| ((*request).to_owned(), (*difference).to_owned())).collect();
    assert_eq!(known.len(), KNOWN.iter().map(|(_, rows)| rows.len()).sum::<usize>(), "a difference is listed twice");
    let nothing = [] as [&(String, String); 0];
    assert_eq!(script.differences.difference(&known).collect::<Vec<_>>(), nothing, "differences that are not listed");
    assert_eq!(known.difference(&script.differences).collect::<Vec<_>>(), nothing, "listed differences that are gone");
    assert!(script.names.len() > 150, "{} requests", script.names.len());
}
