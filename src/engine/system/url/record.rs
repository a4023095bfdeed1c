//! The parts of a URL, and its text.

/// What a URL is made of. Hosts are kept as text.
#[derive(Debug, Clone, Default)]
pub(super) struct Record {
    pub(super) scheme: String,
    pub(super) username: String,
    pub(super) password: String,
    pub(super) host: Option<String>,
    pub(super) port: Option<u16>,
    pub(super) path: Path,
    pub(super) query: Option<String>,
    pub(super) fragment: Option<String>,
}

#[derive(Debug, Clone)]
pub(super) enum Path {
    Opaque(String),
    Segments(Vec<String>),
}

impl Default for Path {
    fn default() -> Self {
        Self::Segments(Vec::new())
    }
}

/// Where the parts of a URL's text end, in order: the protocol, the user name, the password, the beginning
/// of the host name, its end, the port, the beginning of the path, its end, the search.
pub(super) type Places = [usize; 9];

/// Whether a scheme is one of those whose URLs the standard knows better than others.
pub(super) fn is_special(scheme: &str) -> bool {
    scheme == "file" || default_port(scheme).is_some()
}

/// The port that a URL of this scheme has without saying it.
pub(super) fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" | "ws" => Some(80),
        "https" | "wss" => Some(443),
        "ftp" => Some(21),
        _ => None,
    }
}

impl Record {
    pub(super) fn is_special(&self) -> bool {
        is_special(&self.scheme)
    }

    pub(super) fn has_opaque_path(&self) -> bool {
        matches!(self.path, Path::Opaque(_))
    }

    pub(super) fn has_credentials(&self) -> bool {
        !self.username.is_empty() || !self.password.is_empty()
    }

    /// Whether it can have a user name, a password and a port.
    pub(super) fn can_have_port(&self) -> bool {
        self.host.as_ref().is_some_and(|host| !host.is_empty()) && self.scheme != "file"
    }

    pub(super) fn empty_path(&mut self) {
        self.path = Path::default();
    }

    pub(super) fn segments(&mut self) -> &mut Vec<String> {
        if self.has_opaque_path() {
            self.empty_path();
        }
        match &mut self.path {
            Path::Segments(segments) => segments,
            Path::Opaque(_) => unreachable!("invariant: it was made a list just now"),
        }
    }

    /// Takes the last segment off, unless it is a drive of a file's path.
    pub(super) fn shorten_path(&mut self) {
        let is_file = self.scheme == "file";
        let segments = self.segments();
        if is_file && segments.len() == 1 && is_normalized_drive(&segments[0]) {
            return;
        }
        segments.pop();
    }

    /// The text and the places of its parts. All of it is ASCII.
    pub(super) fn serialize(&self) -> (String, Places) {
        let mut text = format!("{}:", self.scheme);
        let mut places = [text.len(); 9];
        if let Some(host) = &self.host {
            text.push_str("//");
            text.push_str(&self.username);
            places[1] = text.len();
            if !self.password.is_empty() {
                text.push(':');
                text.push_str(&self.password);
            }
            places[2] = text.len();
            if self.has_credentials() {
                text.push('@');
            }
            places[3] = text.len();
            text.push_str(host);
            places[4] = text.len();
            if let Some(port) = self.port {
                text.push(':');
                text.push_str(&port.to_string());
            }
            places[5] = text.len();
        } else if let Path::Segments(segments) = &self.path
            && segments.len() > 1
            && segments[0].is_empty()
        {
            text.push_str("/.");
        }
        places[6] = text.len();
        match &self.path {
            Path::Opaque(path) => text.push_str(path),
            Path::Segments(segments) => {
                for segment in segments {
                    text.push('/');
                    text.push_str(segment);
                }
            }
        }
        places[7] = text.len();
        if let Some(query) = &self.query {
            text.push('?');
            text.push_str(query);
        }
        places[8] = text.len();
        if let Some(fragment) = &self.fragment {
            text.push('#');
            text.push_str(fragment);
        }
        (text, places)
    }
}

/// `C:` or `C|`.
pub(super) fn is_drive(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() == 2 && bytes[0].is_ascii_alphabetic() && matches!(bytes[1], b':' | b'|')
}

/// `C:`.
pub(super) fn is_normalized_drive(text: &str) -> bool {
    is_drive(text) && text.ends_with(':')
}
