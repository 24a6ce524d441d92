//! What may be repeated of a decoder's complaint.

/// The complaint without what was found: a decoder quotes it, and it can be a password. What stands before the first quote and what
/// was expected instead are the decoder's own words; what is between them is not, whatever it looks like.
pub fn without_values(text: &str) -> String {
    const EXPECTED: &str = ", expected ";
    // Names of our own fields.
    if text.starts_with("missing field `") || text.starts_with("duplicate field `") {
        return text.to_owned();
    }
    // Numbers and truth values are quoted by backticks, and so are names that are not known; texts by double quotes.
    let Some(quote) = text.find(['"', '`']) else {
        return text.to_owned();
    };
    let head = text.get(..quote).unwrap_or_default();
    let tail = text.rfind(EXPECTED).filter(|&tail| tail > quote);
    let tail = tail.and_then(|tail| text.get(tail..)).unwrap_or_default();
    format!("{head}…{tail}")
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::{Value, json};

    use super::without_values;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Spec {
        #[serde(rename = "count")]
        _count: u8,
        #[serde(default, rename = "state")]
        _state: Option<State>,
    }

    #[derive(Debug, Deserialize)]
    enum State {
        On,
        Off,
    }

    fn told(value: Value) -> String {
        without_values(&serde_json::from_value::<Spec>(value).unwrap_err().to_string())
    }

    #[test]
    fn no_value_is_repeated_whatever_is_in_it() {
        let hidden = [
            "hunter2",
            "a\"hunter2\"b",
            "\\\"hunter2",
            "`hunter2`",
            "x\", expected hunter2",
            "x`, expected `hunter2",
            "\nhunter2",
        ];
        for secret in hidden {
            for value in [
                json!({"count": secret}),
                json!({"count": 1, "state": secret}),
                json!({"count": 1, secret: 1}),
                json!(secret),
            ] {
                let words = told(value.clone());
                assert!(!words.contains("hunter2"), "{value}: {words}");
            }
        }
        assert!(!told(json!({"count": 4711})).contains("4711"));
        assert_eq!(State::On as u8 + State::Off as u8, 1);
    }

    #[test]
    fn what_is_wrong_is_told() {
        assert_eq!(told(json!({"count": "x"})), "invalid type: string …, expected u8");
        assert_eq!(told(json!({})), "missing field `count`");
        assert_eq!(
            told(json!({"count": 1, "state": "Half"})),
            "unknown variant …, expected `On` or `Off`"
        );
        assert_eq!(
            without_values("EOF while parsing a value"),
            "EOF while parsing a value"
        );
    }
}
