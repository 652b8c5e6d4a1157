//! References in files that nobody meant to be read so.

use ghcr_lifecycle::{
    model::{ImageName, evidence::Referenced},
    policy::references::find,
};
use proptest::prelude::*;

fn image() -> ImageName {
    "ghcr.io/acme/shop".parse().unwrap()
}

/// Pieces that are special somewhere.
fn piece() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "ghcr.io/acme/shop",
        "acme/shop",
        ":",
        "@sha256:",
        "v1",
        "${",
        "}",
        "{{",
        "}}",
        "$(",
        ")",
        "$",
        "<",
        ">",
        "%s",
        "\n",
        "  ",
        "- ",
        "tag: ",
        "image: ",
        "repository: ",
        "registry: ",
        "{",
        ",",
        "\"",
        "'",
        "#",
        " #",
        "*a",
        "&a ",
        "<<: ",
        "FROM ",
        "ARG A=",
        "A",
        ":-",
        "é",
        "\u{202e}",
        "---",
        "\t",
        "digest: ",
        "name: ",
        "newTag: ",
    ])
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_is_too_strange(pieces in prop::collection::vec(piece(), 0..60)) {
        let found = find("any.yaml", &pieces.concat(), &image());
        prop_assert!(found.windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn a_reference_is_found_in_whatever_stands_around_it(before in "[ \"'=(,\\n]{0,5}", after in "[ \"'),\\n]{1,5}.{0,20}") {
        let text = format!("x{before} ghcr.io/acme/shop:v1.2{after}");
        let found = find("any.txt", &text, &image());
        let is_named = found.iter().any(|found| found.names == Referenced::Tag("v1.2".parse().unwrap()));
        prop_assert!(is_named || text.lines().any(|line| line.trim().starts_with('#')), "{found:?}");
    }
}

#[test]
fn a_large_file_of_openings_is_read_soon_enough() {
    let nested = "${A:-".repeat(200_000);
    for text in ["{{".repeat(500_000), nested, "$(".repeat(500_000), "- ".repeat(500_000), "a:{".repeat(300_000)] {
        assert!(find("any.yaml", &text, &image()).len() < 10_000);
    }
}
