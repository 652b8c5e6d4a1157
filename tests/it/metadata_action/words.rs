//! The words that cases are put together from.

#[rustfmt::skip]
pub(super) const BRANCHES: &[&str] = &[
    "master", "main", "dev", "feature/a&b=c", "日本", "x<y>'z\"`", "release/1.2", "v1.2.3", "-dash", ".dot", "a--b",
    "UPPER", "my/feature/x", "1.2.3", "refs/heads/twice", "{{sha}}", "true", "false",
    "dependabot/npm_and_yarn/@types/node-20.1.0",
];

#[rustfmt::skip]
pub(super) const TAGS: &[&str] = &[
    "v1.2.3", "1.2.3", "v1.2.3-rc.1", "v1.0.0+build.5", "1.2", "p1/v1.2.3", "20200110-RC2", "1.0.post1", "1.0-1",
    "1.0+ab.c", "v2.0.8-beta.67", "release1", "a/b", "1.0.0-0.1.2", "01.2.3", "1.2.3-01", "9007199254740991.0.0",
    "9007199254740992.0.0", "0.0.0", "1!2.0", "1.0a1", "1.0.dev4", "1.0c1", "1.0-rev3", "v1.0.0-alpha+001",
    "1.2.3+1e3", "1.0+1e3.0x10", "V1.2.3", "v1", "1.2.3.4", "1.2.3-", "1.2.3+", "1.2.3-a..b", "=1.2.3", "v 1.2.3",
    "1.0rc1.post2.dev3", "1.0.0-beta", "2.0.0-x-y-z.1", "1.0_a-1", "1.0ALPHA2", "v1.0.0-rc1", "1.2.3-rc1+b.2",
    "10.20.30", "1.0.0.0", "0.0", "1.0+Ab_C-1", "99999999999999999999.1", "v1.2.3-9007199254740993", "my-app-v3.4.5",
    "app/v3.4.5-rc.2", "nightly", "1.2.3+Infinity.0b11", "1.0.0-rc.1/x", "1,2", "\u{1f600}1.2.3",
];

#[rustfmt::skip]
pub(super) const FORMATS: &[&str] = &[
    "YYYYMMDD", "YYYY-MM-DD", "", "YYYYMMDD-HHmmss", "dddd, MMMM Do YYYY, h:mm:ss a", "[at] YYYY [x] [y", "L", "LT",
    "LTS", "LL", "LLL", "LLLL", "l", "ll", "lll", "llll", "X", "x", "Q Qo", "w wo ww W Wo WW",
    "gg gggg ggggg GG GGGG GGGGG", "d do dd ddd dddd e E", "D Do DD DDD DDDo DDDD", "M Mo MM MMM MMMM",
    "Y YY YYY YYYY YYYYY YYYYYY", "y yo yy yyy yyyy", "N NN NNN NNNN NNNNN", "H HH h hh k kk", "hmm hmmss Hmm Hmmss",
    "a A", "m mm s ss", "S SS SSS SSSS SSSSS SSSSSSSSS", "z zz", "Z ZZ", "\\\\YYYY", "[YYYY", "YYYY]", "w|",
    "hello world", "[literal] L [LT]", "YYYY.MM.DD", "ggg G g", "[[x]]", "YYYY[T]HH", "\\\\L", "日YYYY", "[a]b]c",
    "SSSSSSSSSSSS", "wow", "Wo[W]",
];

#[rustfmt::skip]
pub(super) const ZONES: &[&str] = &[
    "UTC", "Europe/Berlin", "europe/berlin", "America_New_York", "Asia/Kolkata", "Nowhere/Land", "", "EST", "GMT",
    "Etc/GMT+5", "America/St_Johns", "Asia/Kathmandu", "utc", "Europe/London", "Pacific/Apia", "CET", "US/Pacific",
    "Africa/Casablanca",
];

#[rustfmt::skip]
pub(super) const EXPRESSIONS: &[&str] = &[
    "{{branch}}", "{{tag}}", "{{sha}}", "{{base_ref}}", "{{is_default_branch}}", "{{is_not_default_branch}}",
    "{{{branch}}}", "{{&branch}}", "{{ branch }}", "{{~branch~}}", "{{unknown}}", "{{unknown 'x'}}", "{{date}}",
    "{{commit_date}}", "{{#if is_default_branch}}yes{{else}}no{{/if}}", "{{#if branch}}b{{/if}}",
    "{{#unless tag}}no-tag{{/unless}}", "{{#if tag}}t{{else if branch}}b{{else}}n{{/if}}", "{{raw}}", "{{version}}",
    "{{major}}.{{minor}}", "{{branch", "branch}}", "{{}}", "{{! comment }}x", "{{!-- a }} b --}}y", "\\{{branch}}",
    "\\\\{{branch}}", "{{#branch}}in {{.}}{{/branch}}", "{{^tag}}none{{/tag}}",
    "{{#with branch}}{{this}}-{{length}}{{/with}}", "{{branch.length}}", "{{[branch]}}", "{{\"sha\"}}",
    "{{this.branch}}", "{{this}}", "{{@root.branch}}", "{{date \"YYYY\"}}",
    "{{date 'YYYY' tz='Europe/Berlin' tz='UTC'}}", "{{date 'YYYY' zone='UTC'}}", "{{date 'YYYY' 'MM'}}", "{{date 1}}",
    "{{date 0}}", "{{date true}}", "{{date null}}", "{{date undefined}}", "{{date branch}}",
    "{{date 'YYYY' tz=branch}}", "{{date 'YYYY' tz=null}}", "{{date (branch)}}", "{{sha 'x'}}", "{{branch tz='x'}}",
    "{{if branch}}", "{{#if}}x{{/if}}", "{{#each branch}}x{{else}}e{{/each}}", "{{lookup this 'nothing'}}",
    "{{log 'x'}}", "{{> partial}}", "{{#> partial}}block{{/partial}}", "{{* deco}}",
    "{{{{raw}}}}{{branch}}{{{{/raw}}}}", "{{helperMissing}}", "{{toString}}", "{{constructor}}", "{{../branch}}",
    "{{./branch}}", "{{branch/x}}", "{{#date 'YYYY'}}x{{/date}}", "{{#unknown}}x{{/unknown}}",
    "{{#if (branch)}}s{{/if}}", "{{else}}", "{{/if}}", "{{#if branch}}open", "{{branch}", "{branch}",
    "a{{sha}}b{{sha}}c", "{{#if tag}}\n t\n{{/if}}\n", "{{branch}}}", "{{{tag}}}}",
    "{{#if sha includeZero=true}}z{{/if}}", "{{#with nothing as |x|}}{{x}}{{else}}w{{/with}}",
    "{{#with sha as |x|}}{{x}}{{/with}}", "{{'x'}}", "{{1}}", "{{true}}", "{{null}}", "{{is_default_branch.x}}",
    "{{ is_default_branch}}", "{{sha }}", "{{SHA}}", "{{else if}}", "{{^}}", "{{a b=c}}", "{{a b}}", "{{log}}",
    "{{#log}}x{{/log}}", "{{build}}", "{{prerelease}}", "{{#each prerelease}}{{@index}}{{this}}{{/each}}",
    "{{patch}}", "{{loose}}", "{{includePrerelease}}", "{{options}}", "{{build.[0]}}", "{{build.length}}",
    "{{raw 'x'}}", "{{this.raw}}", "{{~raw~}}", "{{{raw}}}", "v{{major}}", "{{#if minor}}m{{else}}zero{{/if}}",
    "{{#if prerelease}}p{{else}}r{{/if}}", "{{version}}-{{raw}}", "{{major}}{{minor}}{{patch}}", "{{@raw}}",
    "{{raw.length}}", "{{raw.[1]}}",
];

#[rustfmt::skip]
pub(super) const TEXTS: &[&str] = &[
    "latest", "edge", "nightly", "", "v", "x-", "-x", "a b", "1.2.3", "v2.3.4-rc1", "true", "false", "TRUE", "a=b",
    "=x", "日本", "a/b", "pr-", "sha-", "foo", "bar", ".", "---", "a--b", "1.0.0+b", "1.0a1", "_", " padded ", "0",
    "auto", "A",
];

#[rustfmt::skip]
pub(super) const PATTERNS: &[&str] = &[
    "\\d+", "v(.*)", "/v(.*)/i", "/\\d/g", "v(\\d+)\\.(\\d+)", "(a)|(b)", "nothing", "/x/y", "/./u", "/./su", "[",
    "/a/gg", "/a/z", "^.{3}", "(?<year>\\d{4})", "/(\\d+)/gy", "\\d{8}", ".*", "()", "/^v/", "/[A-Z]+/i",
    "(?:v)?(.+)", "/\\d+/d", "/a/uv", "(?<=v)\\d", "\\bv", "(\\w)\\1", "/\\p{L}+/u", "//", "/a", "a/b/c",
    "/(.)\\/(.)/", "(?=1)", "/$/g", "(.*)-(.*)", "rc(.*)", "\\u{1}", "/\\u{31}/u", "^(\\d+)\\.(\\d+)\\.(\\d+)$", "(",
];

#[rustfmt::skip]
pub(super) const VERSION_PATTERNS: &[&str] = &[
    "{{version}}", "{{major}}.{{minor}}", "{{major}}", "{{raw}}", "v{{version}}", "{{major}}.{{minor}}.{{patch}}",
    "{{patch}}", "{{build}}", "{{prerelease}}", "{{{raw}}}", "{{~raw}}", "{{raw 'x'}}", "x",
    "{{version}}-{{date 'YYYY'}}", "{{branch}}", "",
];

#[rustfmt::skip]
pub(super) const ENABLE: &[&str] = &[
    "true", "false", "{{is_default_branch}}", "{{is_not_default_branch}}", "true", "TRUE", "",
    "{{#if tag}}true{{else}}false{{/if}}", " true ",
];

#[rustfmt::skip]
pub(super) const PRIORITIES: &[&str] = &[
    "1", "1000", "950", "0", "", "-1", "0x3e9", "1e3", "Infinity", "x", "900", "600", "200", ".5", "-Infinity",
];

#[rustfmt::skip]
pub(super) const EVENTS: &[&str] = &[
    "create", "issues", "issue_comment", "discussion", "workflow_dispatch", "release", "delete", "schedule",
    "merge_group",
];

#[rustfmt::skip]
pub(super) const IMAGES: &[&str] = &[
    "", "ghcr.io/O/R", "a,b", "a,,b", "name=a", "name=a,enable=false", "a\nb", "A\nname=B,enable=TRUE", "x,name=y",
    "name=", "name=a\nname=b,enable=false\nname=c", "# no\na", "name=a=b", "a,enable=true", "\"a,b\"", "a\"b",
    "a,b\nc", "ÀÉ/x", "NAME=a", "name=a,what=b", "  ", "a:5000/b", ",", "name=a,enable=",
];

#[rustfmt::skip]
pub(super) const KEYS: &[&str] = &[
    "maintainer", "org.opencontainers.image.title", "a", "B", "10", "9", "01", "a.b", "a-b", "a_b", "A.b", "é", "",
    " x ", "org.opencontainers.image.version", "__proto__", "a/b", "b~c", "$x", "4294967295", "zoo", "Zoo", "Ab",
    "aB", "com.x.y",
];
