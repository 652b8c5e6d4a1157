//! `WWW-Authenticate`: how a registry wants to be asked
//! ([RFC 9110, section 11.6.1](https://www.rfc-editor.org/rfc/rfc9110#section-11.6.1)).

use reqwest::header::{HeaderMap, WWW_AUTHENTICATE};

/// What a registry asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Challenge {
    /// User name and password with each request.
    Basic,
    /// A token of this realm.
    Bearer {
        /// The address of the token endpoint.
        realm: String,
        /// What the token endpoint calls the registry.
        service: Option<String>,
    },
}

impl Challenge {
    /// Finds the challenge to answer: a token rather than a password. The scope in it is not read, since GHCR's is a
    /// placeholder; ours says what is needed.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let challenges: Vec<(String, Vec<(String, String)>)> =
            headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok()).flat_map(parse).collect();
        let bearer = challenges.iter().filter(|(scheme, _)| scheme == "bearer").find_map(|(_, parameters)| {
            let value = |name: &str| parameters.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
            Some(Self::Bearer { realm: value("realm")?, service: value("service") })
        });
        bearer.or_else(|| challenges.iter().any(|(scheme, _)| scheme == "basic").then_some(Self::Basic))
    }
}

/// Reads a list of challenges, each a scheme and its parameters with lower-case names. What cannot be read ends the list.
fn parse(text: &str) -> Vec<(String, Vec<(String, String)>)> {
    let mut challenges: Vec<(String, Vec<(String, String)>)> = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let Some((word, after)) = token(rest) else {
            return challenges;
        };
        let after = after.trim_start();
        match (after.strip_prefix('='), challenges.last_mut()) {
            (Some(value), Some((_, parameters))) => {
                let Some((value, after)) = parameter_value(value.trim_start()) else {
                    return challenges;
                };
                parameters.push((word, value));
                rest = after;
            }
            (Some(_), None) => return challenges,
            (None, _) => {
                challenges.push((word, Vec::new()));
                rest = after;
            }
        }
    }
}

fn token(text: &str) -> Option<(String, &str)> {
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c))).unwrap_or(text.len());
    (end > 0).then(|| (text[..end].to_ascii_lowercase(), &text[end..]))
}

fn parameter_value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([',', ' ', '\t']).unwrap_or(text.len());
        return Some((text[..end].to_owned(), &text[end..]));
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, &quoted[at + 1..])),
            '\\' => value.push(characters.next()?.1),
            _ => value.push(character),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[&str]) -> Option<Challenge> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(WWW_AUTHENTICATE, value.parse().unwrap());
        }
        Challenge::of(&headers)
    }

    fn bearer(realm: &str, service: Option<&str>) -> Option<Challenge> {
        Some(Challenge::Bearer { realm: realm.to_owned(), service: service.map(str::to_owned) })
    }

    #[test]
    fn quoted_commas_belong_to_their_value() {
        let ghcr = r#"Bearer realm="https://ghcr.io/token",service="ghcr.io",scope="repository:a/b:pull,push""#;
        assert_eq!(of(&[ghcr]), bearer("https://ghcr.io/token", Some("ghcr.io")));
        assert_eq!(parse(ghcr)[0].1[2].1, "repository:a/b:pull,push");
        let hub = r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull",error="invalid_token""#;
        assert_eq!(of(&[hub]), bearer("https://auth.docker.io/token", Some("registry.docker.io")));
    }

    #[test]
    fn spelling_is_free_where_the_rfc_says_so() {
        assert_eq!(of(&[r#"bEaReR  Service=x , REALM = "https://a/\"q\"""#]), bearer("https://a/\"q\"", Some("x")));
        assert_eq!(of(&["Basic realm=\"x\", Bearer realm=\"https://t\""]), bearer("https://t", None));
        assert_eq!(of(&["Basic realm=\"x\"", "Bearer realm=\"https://t\""]), bearer("https://t", None));
    }

    #[test]
    fn basic_and_nonsense() {
        assert_eq!(of(&["Basic realm=\"basic-realm\""]), Some(Challenge::Basic));
        assert_eq!(of(&["basic"]), Some(Challenge::Basic));
        for nonsense in ["", "=", "Bearer", "Bearer realm=\"open", "Negotiate abc==", ",,,", "Bearer service=x"] {
            assert_eq!(of(&[nonsense]), None, "{nonsense}");
        }
    }
}
