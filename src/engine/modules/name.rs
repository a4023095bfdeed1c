//! What an import means: the name of the module, from the specifier and the name of who asks.
//!
//! Plain text in, plain text out: no file system, no percent-encoding, no search for extensions. The
//! same in `lib/module-name.ts`; both are tested with `__test__/support/module-names.json`.

/// The module that `specifier` means to the source named `referrer`. What begins with `./`, `../` or
/// `/` is relative to the referrer; a URL is only freed of its `.` and `..`; anything else is taken as
/// it is.
pub(super) fn resolve(specifier: &str, referrer: &str) -> String {
    if specifier.starts_with("./") || specifier.starts_with("../") {
        let base = Base::of(referrer);
        let folder = base.path.rfind('/').map_or("", |slash| &base.path[..=slash]);
        let (path, rest) = base.split(specifier);
        return format!("{}{}{rest}", base.root, base.without_dots(&format!("{folder}{path}")));
    }
    if specifier.starts_with('/') {
        let base = Base::of(referrer);
        if let Some(scheme) = base.scheme_of_authority().filter(|_| specifier.starts_with("//")) {
            return absolute(&format!("{scheme}{specifier}"));
        }
        let (path, rest) = base.split(specifier);
        return format!("{}{}{rest}", base.root, base.without_dots(path));
    }
    absolute(specifier)
}

/// The name by which a source is found, whatever it is called.
pub(super) fn key(name: &str) -> String {
    resolve(name, "")
}

fn absolute(specifier: &str) -> String {
    let base = Base::of(specifier);
    if base.scheme_of_authority().is_none() {
        return specifier.to_owned();
    }
    let rest = &specifier[base.root.len() + base.path.len()..];
    format!("{}{}{rest}", base.root, base.without_dots(base.path))
}

/// A name, taken apart.
struct Base<'a> {
    /// What no path leads out of: `https://host`, `pkg:`, or nothing.
    root: &'a str,
    /// What follows, without query and fragment if it is a URL's.
    path: &'a str,
}

impl<'a> Base<'a> {
    fn of(name: &'a str) -> Self {
        let Some(scheme) = scheme(name) else { return Self { root: "", path: name } };
        if !name[scheme..].starts_with("//") {
            return Self { root: &name[..scheme], path: &name[scheme..] };
        }
        let host = scheme + 2;
        let end = name[host..].find(['/', '?', '#']).map_or(name.len(), |at| host + at);
        Self { root: &name[..end], path: cut(&name[end..]).0 }
    }

    /// `https:` of a name with a host.
    fn scheme_of_authority(&self) -> Option<&'a str> {
        let (scheme, _) = self.root.split_once("//")?;
        Some(scheme)
    }

    /// The specifier's path, and what must stay as it is.
    fn split<'b>(&self, specifier: &'b str) -> (&'b str, &'b str) {
        if self.scheme_of_authority().is_some() { cut(specifier) } else { (specifier, "") }
    }

    fn without_dots(&self, path: &str) -> String {
        let has_host = self.scheme_of_authority().is_some();
        if path.is_empty() {
            return String::new();
        }
        let is_rooted = has_host || path.starts_with('/');
        let path = path.strip_prefix('/').unwrap_or(path);
        let mut names: Vec<&str> = Vec::new();
        let mut parts = path.split('/').peekable();
        while let Some(part) = parts.next() {
            let is_last = parts.peek().is_none();
            match part {
                "." => {}
                ".." => {
                    let may_climb = !is_rooted && self.root.is_empty();
                    if may_climb && names.last().is_none_or(|last| *last == "..") {
                        names.push("..");
                    } else {
                        names.pop();
                    }
                }
                name => {
                    names.push(name);
                    continue;
                }
            }
            if is_last && !names.is_empty() {
                names.push("");
            }
        }
        let slash = if is_rooted { "/" } else { "" };
        format!("{slash}{}", names.join("/"))
    }
}

/// A URL's path, and its query and fragment.
fn cut(text: &str) -> (&str, &str) {
    text.split_at(text.find(['?', '#']).unwrap_or(text.len()))
}

/// The length of `https:`, if the name begins with a scheme.
fn scheme(name: &str) -> Option<usize> {
    let (scheme, _) = name.split_once(':')?;
    let is_scheme = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.chars().all(|letter| letter.is_ascii_alphanumeric() || "+.-".contains(letter));
    is_scheme.then_some(scheme.len() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn specifiers_mean_what_the_table_says() {
        let table = include_str!("../../../__test__/support/module-names.json");
        let table: Vec<[String; 3]> = serde_json::from_str(table).expect("triples");
        assert!(table.len() > 40);
        for [specifier, referrer, expected] in table {
            assert_eq!(resolve(&specifier, &referrer), expected, "{specifier:?} from {referrer:?}");
        }
    }

    #[test]
    fn what_is_resolved_stays_as_it_is() {
        let table = include_str!("../../../__test__/support/module-names.json");
        let table: Vec<[String; 3]> = serde_json::from_str(table).expect("triples");
        for [specifier, referrer, _] in table {
            let once = resolve(&specifier, &referrer);
            assert_eq!(key(&once), once, "{specifier:?} from {referrer:?}");
        }
    }
}
