//! Image names against the reference grammar that other OCI tools use.

use ghcr_lifecycle::model::ImageName;
use oci_distribution::Reference;
use proptest::prelude::*;

const HOST: &str =
    "(localhost|docker\\.io|index\\.docker\\.io|[a-z0-9]{1,4}(-{1,3}[a-z0-9]{1,3})?\\.[a-z]{1,3})(:[0-9]{1,5})?";
const SEGMENT: &str = "[a-z0-9]{1,4}(([.]|_|__|-{1,3})[a-z0-9]{1,3}){0,2}";

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_name_of_the_grammar_is_read_as_others_read_it(
        host in HOST,
        path in proptest::collection::vec(SEGMENT, 1..5),
    ) {
        let name = format!("{host}/{}", path.join("/"));
        let ours: ImageName = name.parse().unwrap();
        let theirs: Reference = name.parse().unwrap();
        prop_assert_eq!((ours.registry(), ours.repository()), (theirs.registry(), theirs.repository()));
    }

    #[test]
    fn nothing_is_a_name_that_others_would_not_take(name in "[a-z.]{0,4}[a-z0-9._:/@ü%-]{0,16}/[a-z0-9._:/-]{0,12}") {
        if let Ok(ours) = name.parse::<ImageName>() {
            let theirs: Reference = name.parse().unwrap();
            prop_assert_eq!((ours.registry(), ours.repository()), (theirs.registry(), theirs.repository()));
        }
    }
}

#[test]
fn what_is_wrong_with_a_name_is_said() {
    let long = format!("ghcr.io/{}", "a".repeat(256));
    for (name, said) in [
        ("acme/shop", "must begin with its registry"),
        ("ghcr.io/", "must begin with its registry"),
        ("ghcr.io/acme/shop:v1", "a tag belongs to a reference"),
        ("ghcr.io/acme:x/shop", "a tag belongs to a reference"),
        ("ghcr.io/acme/shop@sha256:0", "a digest belongs to a reference"),
        ("ghcr.io:port/acme/shop", "no host name"),
        ("user@ghcr.io/acme/shop", "no host name"),
        ("-ghcr.io/acme/shop", "no host name"),
        ("ghcr..io/acme/shop", "no host name"),
        ("ghcr.io/acme//shop", "each part of its path"),
        ("ghcr.io/acme/../shop", "each part of its path"),
        ("ghcr.io/acme/sh\u{f6}p", "each part of its path"),
        ("ghcr.io/acme/a___b", "each part of its path"),
        ("ghcr.io/acme/a%2fb", "each part of its path"),
        (long.as_str(), "longer than 255"),
    ] {
        let error = name.parse::<ImageName>().unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
    }
    assert_eq!("GHCR.io/Acme/Shop".parse::<ImageName>().unwrap().to_string(), "ghcr.io/acme/shop");
    assert_eq!("docker.io/nginx".parse::<ImageName>().unwrap().repository(), "library/nginx");
}
