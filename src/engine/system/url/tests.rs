//! What `whatwg-url`, the reference implementation, makes of these.

use super::*;

/// The input, its base or nothing, and the text; nothing when it is no URL.
const PARSED: &[(&str, &str, &str)] = &[
    ("http://example.com", "", "http://example.com/"),
    ("HTTP://EXAMPLE.com:80/../a/./b?x y#z `", "", "http://example.com/a/b?x%20y#z%20%60"),
    ("https://u:p@h:443/", "", "https://u:p@h/"),
    ("http://u@:80/", "", ""),
    ("http://@/x", "", ""),
    ("http://a b/", "", ""),
    ("http://ex%61mple.com", "", "http://example.com/"),
    ("http://%00/", "", ""),
    ("http://fa\u{df}.de/", "", "http://xn--fa-hia.de/"),
    ("http://xn--a/", "", "http://xn--a/"),
    ("http://\u{2603}.net/", "", "http://xn--n3h.net/"),
    ("http://\u{ad}/", "", ""),
    ("http://a..b/", "", "http://a..b/"),
    ("http://1.2.3/", "", "http://1.2.0.3/"),
    ("http://0x7f.1/", "", "http://127.0.0.1/"),
    ("http://256.1.1.1/", "", ""),
    ("http://1.2.3.4.5/", "", ""),
    ("http://09/", "", ""),
    ("http://4294967295/", "", "http://255.255.255.255/"),
    ("http://4294967296/", "", ""),
    ("http://1./", "", "http://0.0.0.1/"),
    ("http://[::1]/", "", "http://[::1]/"),
    ("http://[1::2::3]/", "", ""),
    ("http://[::1.2.3.4]/", "", "http://[::102:304]/"),
    ("http://[::1.2.3.04]/", "", ""),
    ("http://[1:0:0:2:0:0:0:3]/", "", "http://[1:0:0:2::3]/"),
    ("http://[1:2:3:4:5:6:7:8]/", "", "http://[1:2:3:4:5:6:7:8]/"),
    ("http://[1:2:3:4:5:6:7::]/", "", "http://[1:2:3:4:5:6:7:0]/"),
    ("http://[1:2]/", "", ""),
    ("http://h:65536/", "", ""),
    ("http://h:00080/", "", "http://h/"),
    ("http://h:a/", "", ""),
    ("file:///C|/a/..", "", "file:///C:/"),
    ("file:c:\\x", "", "file:///c:/x"),
    ("file://localhost/x", "", "file:///x"),
    ("file://h/C:/x", "", "file://h/C:/x"),
    ("..", "file:///C:/a/b", "file:///C:/"),
    ("/x", "file:///C:/a/b", "file:///C:/x"),
    ("D:/x", "file:///C:/a/b", "d:/x"),
    ("/C:/x", "file://host/y", "file://host/C:/x"),
    ("file:////a", "", "file:////a"),
    ("foo:bar baz ?q", "", "foo:bar baz%20?q"),
    ("foo:/a/../..", "", "foo:/"),
    ("foo://h/..", "", "foo://h/"),
    ("foo:/.//p", "", "foo:/.//p"),
    ("foo:a b", "", "foo:a b"),
    ("#f", "foo:bar", "foo:bar#f"),
    ("?q", "foo:bar", ""),
    ("x", "foo://h", "foo://h/x"),
    ("//x", "http://a/b", "http://x/"),
    ("?q", "http://a/b?r#s", "http://a/b?q"),
    ("", "http://a/b?r#s", "http://a/b?r"),
    ("a/./b/%2e%2E/c", "http://h/x/y", "http://h/x/a/c"),
    ("\\\\h\\p", "http://a", "http://h/p"),
    ("http:x", "http://h/a/", "http://h/a/x"),
    ("http:x", "", "http://x/"),
    ("http:/x", "", "http://x/"),
    ("javascript:alert(1)", "", "javascript:alert(1)"),
    ("a:\u{9}\u{a}b", "", "a:b"),
    ("http://h/^|{}\"<>", "", "http://h/%5E|%7B%7D%22%3C%3E"),
    ("http://h/?'\"<>", "", "http://h/?%27%22%3C%3E"),
    ("foo://h/?'", "", "foo://h/?'"),
    ("data:text/plain,%zz", "", "data:text/plain,%zz"),
    ("blob:https://h/x", "", "blob:https://h/x"),
    ("http://u:p:q@h@x/", "", "http://u:p%3Aq%40h@x/"),
    ("ws://h/\u{e4}?\u{f6}#\u{fc}", "", "ws://h/%C3%A4?%C3%B6#%C3%BC"),
    ("1a:b", "", ""),
    ("", "", ""),
    ("foo://h x/", "", ""),
    ("foo://H\u{e4}/", "", "foo://H%C3%A4/"),
    ("http://h\u{0}/", "", ""),
];

/// A URL, a setter, its value, and the text afterwards.
const CHANGED: &[(&str, &str, &str, &str)] = &[
    ("http://h/", "protocol", "https", "https://h/"),
    ("https://h:443/", "protocol", "http:x", "http://h/"),
    ("http://h/", "protocol", "foo", "http://h/"),
    ("http://u@h/", "protocol", "file", "http://u@h/"),
    ("file:///x", "protocol", "http", "file:///x"),
    ("http://h:81/", "host", "x", "http://x:81/"),
    ("http://h:81/", "host", "x:82", "http://x:82/"),
    ("http://h:81/", "host", "x:8a", "http://x:8/"),
    ("http://h/", "host", "", "http://h/"),
    ("foo://u@h/", "host", "", "foo://u@h/"),
    ("foo://h/", "host", "", "foo:///"),
    ("http://h:81/", "hostname", "x:82", "http://h:81/"),
    ("http://h/", "hostname", "x/y", "http://x/"),
    ("mailto:a", "host", "x", "mailto:a"),
    ("http://h/", "port", "8080", "http://h:8080/"),
    ("http://h:81/", "port", "80", "http://h/"),
    ("http://h:81/", "port", "", "http://h/"),
    ("http://h/", "port", "65536", "http://h/"),
    ("http://h/", "port", "9x", "http://h:9/"),
    ("http://h/", "port", "x", "http://h/"),
    ("file:///x", "port", "80", "file:///x"),
    ("http://h/", "username", "a:b@", "http://a%3Ab%40@h/"),
    ("foo:/x", "username", "a", "foo:/x"),
    ("http://h/", "password", "p", "http://:p@h/"),
    ("http://u:p@h/", "password", "", "http://u@h/"),
    ("http://h/a", "pathname", "b?c#d", "http://h/b%3Fc%23d"),
    ("foo:/a", "pathname", "//b", "foo:/.//b"),
    ("foo://h/a", "pathname", "", "foo://h"),
    ("foo:a", "pathname", "b", "foo:a"),
    ("http://h/?a", "search", "", "http://h/"),
    ("http://h/", "search", "?x#y", "http://h/?x%23y"),
    ("http://h/", "search", "'", "http://h/?%27"),
    ("http://h/#a", "hash", "", "http://h/"),
    ("http://h/", "hash", "#a b", "http://h/#a%20b"),
    ("foo:a #b", "hash", "", "foo:a%20"),
    ("http://h/", "href", "//x", "http://h/"),
    ("file:///C:/a", "host", "x", "file://x/C:/a"),
    ("file://h/x", "host", "localhost", "file:///x"),
    ("file://h/x", "hostname", "", "file:///x"),
    ("http://h/\\", "pathname", "\\a\\..\\b", "http://h/b"),
    ("http://h/", "search", "a\u{9}b", "http://h/?ab"),
];

#[test]
fn texts_are_parsed_as_the_reference_does() {
    for (input, base, expected) in PARSED {
        let base = (!base.is_empty()).then(|| parse(base, None).expect("the base is a URL"));
        let text = parse(input, base.as_ref()).map(|record| record.serialize().0).unwrap_or_default();
        assert_eq!(text, *expected, "{input}");
    }
}

#[test]
fn a_text_that_was_serialized_is_parsed_to_itself() {
    for (_, _, text) in PARSED.iter().filter(|(_, _, text)| !text.is_empty()) {
        assert_eq!(parse(text, None).expect("it is a URL").serialize().0, *text);
    }
}

#[test]
fn setters_change_what_the_reference_changes() {
    for (href, part, value, expected) in CHANGED {
        let record = parse(href, None).expect("it is a URL");
        let kept = record.clone();
        let text = changed(record, part, value).unwrap_or(kept).serialize().0;
        assert_eq!(text, *expected, "{href} {part} = {value}");
    }
}

#[test]
fn places_tell_the_parts_of_a_text() {
    let record = parse("https://user:secret@host:8080/a/b?c#d", None).expect("it is a URL");
    let (text, places) = record.serialize();
    let between = |from: usize, to: usize| &text[places[from]..places[to]];
    assert_eq!(&text[..places[0]], "https:");
    assert_eq!(
        [between(0, 1), between(1, 2), between(3, 4), between(4, 5), between(6, 7), between(7, 8)],
        ["//user", ":secret", "host", ":8080", "/a/b", "?c"]
    );
    assert_eq!(&text[places[8]..], "#d");
}
