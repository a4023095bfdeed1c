//! URLs as the WHATWG's standard has them (<https://url.spec.whatwg.org/>).
//!
//! A parser of our own, because none fits: of the fuzzed inputs that `whatwg-url`, the reference, and
//! `ada-url` agree on, the crate `url` parses one in twenty differently; `ada-url` needs a C++ library that
//! an addon for every system can't count on; `whatwg-url` brings large tables along. The
//! guest keeps a URL as its text and the places of its parts, so a snapshot can hold it.

mod file;
mod host;
mod parser;
pub(super) mod percent;
mod record;

use crate::engine::system::owned_text;
use crate::engine::text::{LONGEST_NAME, beginning};
use parser::{State, parse, parse_from};
use record::Record;

/// `parseUrl(input, base)`: the URL as an array, its text first and then where its parts are
/// (`Record::serialize`); undefined when it is none. `base` may be undefined.
pub(super) fn on_parse<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    arguments: v8::FunctionCallbackArguments<'s>,
    mut result: v8::ReturnValue<v8::Value>,
) {
    let Some(input) = owned_text(scope, arguments.get(0)) else { return };
    let base = if arguments.get(1).is_undefined() {
        None
    } else {
        let Some(base) = owned_text(scope, arguments.get(1)) else { return };
        let Some(base) = parse(&base, None) else { return };
        Some(base)
    };
    if let Some(record) = parse(&input, base.as_ref()) {
        give(scope, &record, &mut result);
    }
}

/// `changeUrl(href, part, value)`: the URL after one of the setters of `URL`, as from `parseUrl`.
pub(super) fn on_change<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    arguments: v8::FunctionCallbackArguments<'s>,
    mut result: v8::ReturnValue<v8::Value>,
) {
    let Some(href) = owned_text(scope, arguments.get(0)) else { return };
    let Ok(part) = v8::Local::<v8::String>::try_from(arguments.get(1)) else { return };
    let part = beginning(scope, part, LONGEST_NAME);
    let Some(value) = owned_text(scope, arguments.get(2)) else { return };
    if let Some(record) = parse(&href, None).and_then(|record| changed(record, &part, &value)) {
        give(scope, &record, &mut result);
    }
}

fn give(scope: &mut v8::PinScope, record: &Record, result: &mut v8::ReturnValue<v8::Value>) {
    let (href, places) = record.serialize();
    let Some(href) = v8::String::new_from_one_byte(scope, href.as_bytes(), v8::NewStringType::Normal) else {
        return;
    };
    let mut elements: Vec<v8::Local<v8::Value>> = vec![href.into()];
    for place in places {
        let place = u32::try_from(place).unwrap_or(u32::MAX);
        elements.push(v8::Integer::new_from_unsigned(scope, place).into());
    }
    result.set(v8::Array::new_with_elements(scope, &elements).into());
}

/// What a setter makes of a URL. `None`: only `href` refuses.
fn changed(mut record: Record, part: &str, value: &str) -> Option<Record> {
    match part {
        "href" => return parse(value, None),
        "protocol" => parse_from(&format!("{value}:"), &mut record, State::SchemeStart),
        "username" if record.can_have_port() => {
            record.username = percent::encode(value, percent::is_userinfo);
        }
        "password" if record.can_have_port() => {
            record.password = percent::encode(value, percent::is_userinfo);
        }
        "host" if !record.has_opaque_path() => parse_from(value, &mut record, State::Host),
        "hostname" if !record.has_opaque_path() => parse_from(value, &mut record, State::Hostname),
        "port" if record.can_have_port() && value.is_empty() => record.port = None,
        "port" if record.can_have_port() => parse_from(value, &mut record, State::Port),
        "pathname" if !record.has_opaque_path() => {
            record.empty_path();
            parse_from(value, &mut record, State::PathStart);
        }
        "search" if value.is_empty() => record.query = None,
        "search" => {
            record.query = Some(String::new());
            parse_from(value.strip_prefix('?').unwrap_or(value), &mut record, State::Query);
        }
        "hash" if value.is_empty() => record.fragment = None,
        "hash" => {
            record.fragment = Some(String::new());
            parse_from(value.strip_prefix('#').unwrap_or(value), &mut record, State::Fragment);
        }
        _ => {}
    }
    Some(record)
}

#[cfg(test)]
mod tests;
