//! Whether two JSON values say the same.
use serde_json::{Number, Value};

/// Whether two values are the same wherever they went: numbers by what they are worth, however they are written.
///
/// A number goes through several hands (the apiserver's Go, Ironic's Python, a database), and each writes it in its own way: `1.0` and
/// `1`, `1e3` and `1000`, `-0.0` and `0`. By their text they would differ for ever, however often they are written.
pub fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => same_number(one, other),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            let has =
                |(key, value): (&String, &Value)| other.get(key).is_some_and(|other| same(value, other));
            one.len() == other.len() && one.iter().all(has)
        }
        _ => one == other,
    }
}

fn same_number(one: &Number, other: &Number) -> bool {
    one == other || digits(one).is_some_and(|digits_of_one| digits(other) == Some(digits_of_one))
}

/// All digits of a whole number, however large; none if it is not whole.
fn digits(number: &Number) -> Option<String> {
    if !number.is_f64() {
        return Some(number.to_string());
    }
    let value = number.as_f64().filter(|value| value.fract() == 0.0)?;
    let digits = format!("{value:.0}");
    Some(if digits == "-0" { "0".to_owned() } else { digits })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn read(json: &str) -> Value {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn numbers_are_compared_by_what_they_are_worth() {
        let large = "9007199254740993";
        for (one, other, wanted) in [
            ("1", "1.0", true),
            ("1e3", "1000", true),
            ("0", "-0", true),
            ("0", "-0.0", true),
            ("18446744073709551616", "1.8446744073709552e19", true),
            ("18446744073709552000", "1.8446744073709552e19", true),
            ("18446744073709551615", "1.8446744073709552e19", false),
            ("9223372036854775808", "9223372036854775808.0", true),
            (large, "9007199254740992.0", false),
            (large, large, true),
            ("9.93000620394385e-14", "9.93000620394385e-14", true),
            ("0.1", "0.10000000000000001", true),
            ("0.1", "0.2", false),
            ("1", "\"1\"", false),
            ("1", "true", false),
            ("[1, {\"a\": 2.0}]", "[1.0, {\"a\": 2}]", true),
            ("[1]", "[1, 1]", false),
            ("{\"a\": 1}", "{\"a\": 1.0, \"b\": 1}", false),
            ("{\"a\": 1}", "{\"b\": 1}", false),
            ("null", "0", false),
        ] {
            assert_eq!(same(&read(one), &read(other)), wanted, "{one} {other}");
            assert_eq!(same(&read(other), &read(one)), wanted, "{other} {one}");
        }
    }

    /// What Go writes of a float in JSON: without an exponent while it is not far from one.
    fn as_go(value: f64) -> String {
        let size = value.abs();
        if size != 0.0 && !(1e-6..1e21).contains(&size) {
            format!("{value:e}")
        } else {
            format!("{value}")
        }
    }

    proptest! {
        /// Read from the apiserver, written to Ironic and read back: the same, whatever the number, however deep.
        #[test]
        fn no_number_is_another_one_after_its_way(value in proptest::num::f64::NORMAL | proptest::num::f64::SUBNORMAL | proptest::num::f64::ZERO, whole: i64, large: u64) {
            let spec = format!("{{\"a\": [{}, {{\"b\": [{whole}, {large}]}}]}}", as_go(value));
            let spec = read(&spec);
            let sent = read(&spec.to_string());
            prop_assert!(same(&spec, &sent), "{spec} {sent}");
            // Between these Go writes a float as a whole number that only begins with its digits, and so it is kept.
            let rounded = value.abs() > 9e15 && value.abs() < 1e21;
            prop_assert!(rounded || same(&json!(value), &read(&as_go(value))));
            // Python keeps floats and integers apart and writes both in full.
            let python = format!("{value:?}");
            prop_assert!(same(&json!(value), &read(&python)));
            if let Some(above) = whole.checked_add(1) {
                prop_assert!(!same(&json!(whole), &json!(above)));
            }
        }
    }
}
