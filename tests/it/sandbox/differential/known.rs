//! Where the plain sandbox and docker-registry 2.8.2 differ.

/// Where the two differ, and why: the requests, each with both statuses, or what else of the answers differs.
pub(super) const KNOWN: &[(&str, &[(&str, &str)])] = &[
    (
        "the spec has chunks out of order refused with 416; version 2.8.2 does not read Content-Range",
        &[
            ("a chunk that leaves a hole", "416, not 202"),
            ("status after a chunk that leaves a hole", "range"),
            ("a chunk with a malformed range", "416, not 202"),
            ("status after a chunk with a malformed range", "range"),
            ("a chunk of another length", "400, not 202"),
        ],
    ),
    ("GHCR takes a blob in one POST, which the spec leaves open", &[("single post", "201, not 202")]),
    (
        "docker-registry keeps the state of an upload in its location and trusts no other",
        &[("status after finish with another digest", "code"), ("status of an absent upload", "code")],
    ),
    (
        "docker-registry's router knows no path for a malformed name or tag; the spec has codes for them",
        &[
            ("name `Acme/shop`", "400, not 404"),
            ("name `ac me/shop`", "400, not 404"),
            ("name `acme/-shop`", "400, not 404"),
            ("name `acme//shop`", "400, not 404"),
            ("name `acme/sh..op`", "400, not 404"),
            ("name `acme/sh___op`", "400, not 404"),
            ("name `acme/shop-`", "400, not 404"),
            ("absent manifest .tag", "body code content-type"),
            ("head of absent manifest .tag", "content-type"),
            ("put by a long tag", "400, not 404"),
            ("put by a malformed tag", "400, not 404"),
        ],
    ),
    (
        "docker-registry answers in plain text where it has no endpoint or method, the sandbox with a code",
        &[
            ("no endpoint", "body code content-type"),
            ("no endpoint of a repository", "body code content-type"),
            ("post of a manifest", "body code content-type"),
            ("put of a blob", "body code content-type"),
            ("put of tags", "body code content-type"),
            ("referrers", "body code content-type"),
        ],
    ),
    (
        "docker-registry ignores the method at the base, and does not answer HEAD for tags",
        &[("post to the base", "405, not 200"), ("head of an absent repository, tags/list", "404, not 405")],
    ),
    (
        "docker-registry fails on malformed input; it is the client's mistake",
        &[
            ("absent manifest sha256:12", "400, not 500"),
            ("head of absent manifest sha256:12", "400, not 500"),
            ("put an empty object", "400, not 500"),
            ("put by a malformed digest", "400, not 500"),
        ],
    ),
    (
        "docker-registry looks for the manifest, and not for the repository first",
        &[("absent repository, manifests/v1", "code")],
    ),
    (
        "the plain sandbox serves a manifest to whoever asks, as the spec has it",
        &[("get with another Accept", "200, not 404"), ("get without Accept", "200, not 404")],
    ),
    (
        "the sandbox compares the sizes in descriptors with the blobs",
        &[("put an image that tells wrong sizes", "400, not 201")],
    ),
    (
        "GHCR takes an index before its children, which the spec leaves open",
        &[("put an index with an absent child", "201, not 400")],
    ),
    (
        "docker-registry 2.8.2 lists all tags at once",
        &[("tags, 2 at most", "body link"), ("tags, none", "body"), ("tags, not a number", "400, not 200")],
    ),
    ("docker-registry 2.8.2 deletes no tags", &[("delete a tag", "202, not 400")]),
    ("GHCR has no catalogue", &[("the catalogue", "404, not 200")]),
];
