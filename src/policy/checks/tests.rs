use super::*;

fn blob(name: &str, size: u64) -> Descriptor {
    Descriptor {
        media_type: "application/vnd.oci.image.layer.v1.tar+gzip".to_owned(),
        digest: Digest::of(name.as_bytes()),
        size,
        platform: None,
        annotations: None,
        artifact_type: None,
        urls: None,
    }
}

fn content(platform: &str, layers: Vec<Descriptor>) -> PlatformContent {
    PlatformContent { platform: Some(platform.to_owned()), config: blob("config", 1_000), layers }
}

fn checks(platforms: &[&str], target: Option<u64>, max: Option<u64>) -> Checks {
    let platforms = platforms.iter().map(|platform| (*platform).to_owned()).collect();
    Checks { platforms, size_target: target, size_max: max }
}

#[test]
fn a_platform_is_met_by_its_usual_variant_and_one_without_by_any() {
    for (wanted, has, met) in [
        ("linux/arm64", "linux/arm64/v8", true),
        ("linux/arm64/v8", "linux/arm64", true),
        ("linux/arm64/v9", "linux/arm64", false),
        ("linux/amd64", "linux/amd64/v3", true),
        ("linux/amd64/v3", "linux/amd64", false),
        ("linux/arm", "linux/arm/v6", true),
        ("linux/arm/v6", "linux/arm/v7", false),
        ("linux/arm/v7", "linux/arm", true),
        ("linux/arm", "linux/arm64", false),
        ("linux/amd64", "windows/amd64", false),
    ] {
        assert_eq!(missing(&checks(&[wanted], None, None), [has]).is_empty(), met, "{wanted} by {has}");
    }
    let wanted = checks(&["linux/amd64", "linux/arm64", "linux/riscv64"], None, None);
    assert_eq!(missing(&wanted, ["linux/arm64"]), ["linux/amd64", "linux/riscv64"]);
    assert_eq!(missing(&wanted, []).len(), 3);
}

#[test]
fn sizes_are_compared_by_platform_and_limits_themselves_are_allowed() {
    let limits = checks(&[], Some(2_000), Some(3_000));
    let of = |size: u64| content("linux/amd64", vec![blob("layer", size - 1_000)]);
    let kind = |size| {
        let Findings { too_large, large, missing } = examine(&limits, ["linux/amd64"], &[of(size)]);
        assert!(missing.is_empty());
        (large.len(), too_large.len())
    };
    assert_eq!([2_000, 2_001, 3_000, 3_001].map(kind), [(0, 0), (1, 0), (1, 0), (0, 1)]);
    assert_eq!(examine(&checks(&[], None, None), [], &[of(u64::MAX)]), Findings::default());
    // Sizes that somebody made up add up to no small number.
    let made_up = content("linux/amd64", vec![blob("a", u64::MAX), blob("b", u64::MAX)]);
    assert_eq!(examine(&limits, [], &[made_up]).too_large[0].size, u64::MAX);
}

#[test]
fn what_is_listed_twice_is_transferred_once_and_foreign_layers_never() {
    let foreign = Descriptor {
        media_type: "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip".to_owned(),
        ..blob("foreign", 5_000_000)
    };
    let windows = content("windows/amd64", vec![foreign, blob("twice", 700), blob("twice", 700)]);
    let found = examine(&checks(&[], None, Some(1_000)), [], &[windows]).too_large.remove(0);
    assert_eq!((found.size, found.layers), (1_700, 3));
    assert_eq!(found.largest.iter().map(|layer| layer.number).collect::<Vec<_>>(), [2]);
}

#[test]
fn the_largest_layers_are_named() {
    let layers = vec![blob("base", 3_000_000), blob("tiny", 10), blob("model", 27_400_001), blob("tool", 900_000)];
    let found = examine(&checks(&[], None, Some(30_000_000)), [], &[content("linux/arm64", layers)]);
    insta::assert_snapshot!(
        found.too_large[0],
        @"linux/arm64 has 31.4 MB, and may have 30 MB; its largest: layer 3 of 4 (sha256:9372c470eead, 27.5 MB), layer 1 of 4 (sha256:cae662172fd4, 3 MB), layer 4 of 4 (sha256:7c9bbe5ec9b3, 900 kB)"
    );
    let artifact = PlatformContent { platform: None, config: blob("config", 2_001), layers: Vec::new() };
    let found = examine(&checks(&[], Some(2_000), None), [], &[artifact]);
    insta::assert_snapshot!(found.large[0], @"the image has 2.1 kB, and may have 2 kB");
}

#[test]
fn sizes_above_a_limit_are_shown_above_it() {
    let shown = |size| (Bytes::above(size).to_string(), Bytes::exact(size).to_string());
    let pair = |above: &str, exact: &str| (above.to_owned(), exact.to_owned());
    assert_eq!(shown(999), pair("999 bytes", "999 bytes"));
    assert_eq!(shown(30_000_000), pair("30 MB", "30 MB"));
    assert_eq!(shown(30_000_001), pair("30.1 MB", "30000001 bytes"));
    assert_eq!(shown(20 << 20), pair("21 MB", "20 MiB"));
    assert_eq!(shown(1_500_000_000), pair("1.5 GB", "1.5 GB"));
    assert_eq!(shown(999_999), pair("1000 kB", "999999 bytes"));
}
