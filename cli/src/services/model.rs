//! The tables of `cli/models`: operations and shapes as facts, without any code for one of them.

use std::{borrow::Cow, collections::HashMap};

/// The table of a service, parsed from the text that `generate.py` writes. The script has the
/// format.
#[derive(Debug)]
pub(super) struct Model {
    operations: Vec<Operation>,
    shapes: HashMap<&'static str, Shape>,
}

/// An operation: what it takes, what it answers, and the words of its help.
#[derive(Debug, Default)]
pub(crate) struct Operation {
    /// The name of the command, such as `get-user`.
    pub(super) command: &'static str,
    /// The name on the wire, such as `GetUser`.
    pub(super) name: &'static str,
    /// The shape of its parameters. `-` is for none.
    pub(super) input: &'static str,
    /// The shape of its answer. `-` is for none.
    pub(super) output: &'static str,
    pub(super) needs_no_credentials: bool,
    pub(super) pages: Option<Pages>,
    pub(super) about: &'static str,
    pub(super) flags: Vec<Flag>,
}

/// An option and the member that it sets.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flag {
    /// With its dashes.
    pub(super) name: &'static str,
    pub(super) member: &'static str,
    /// The shape of an option of `aws` that is no member.
    pub(super) own: Option<&'static str>,
    /// What it is for, in words. Empty if the list has none.
    pub(super) about: &'static str,
}

/// How an operation returns a list in parts.
#[derive(Debug)]
pub(super) struct Pages {
    /// The parameter that has the token of the page before.
    pub(super) input: &'static str,
    /// The member that has the token of the next page.
    pub(super) output: &'static str,
    /// The member that says whether there is a next page, if there is one.
    pub(super) more: Option<&'static str>,
    /// The parameter that limits the length of a page, if there is one.
    pub(super) limit: Option<&'static str>,
    /// The members that are merged. The first one is counted and cut.
    pub(super) keys: Vec<&'static str>,
    /// Members that the whole has from the first page.
    pub(super) others: Vec<&'static str>,
}

/// The form of a parameter or an answer.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Shape {
    Structure(Vec<Member>),
    List {
        item: &'static str,
        /// The name of the elements in XML.
        element: Option<&'static str>,
        limits: Limits,
    },
    /// A map with texts for keys.
    Map {
        value: &'static str,
    },
    Scalar(Scalar),
}

/// A member of a structure.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Member {
    pub(super) name: &'static str,
    pub(super) shape: &'static str,
    /// The name in requests.
    pub(super) in_request: &'static str,
    /// The name in answers.
    pub(super) in_answer: Cow<'static, str>,
    pub(super) is_required: bool,
    /// Whether a random token takes its place if it is missing.
    pub(super) is_token: bool,
}

/// A value without parts.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Scalar {
    pub(super) kind: Kind,
    pub(super) limits: Limits,
    /// All values at the time of the table, if there are few, for the help.
    pub(super) values: Vec<&'static str>,
    pub(super) is_secret: bool,
    /// Whether it is sent in Base64.
    pub(super) is_encoded: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Kind {
    #[default]
    Text,
    Boolean,
    Integer,
    Float,
    Timestamp,
    /// Bytes, in Base64.
    Blob,
    /// A policy document of IAM: JSON that is encoded as in a URL.
    Document,
}

/// The limits of a number, of a length or of a count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Limits {
    pub(super) min: Option<i64>,
    pub(super) max: Option<i64>,
}

/// The shapes that tables use without a line for them.
const PLAIN: [&str; 9] = [
    "string",
    "boolean",
    "integer",
    "long",
    "float",
    "double",
    "timestamp",
    "blob",
    "document",
];

static TEXT: Shape = Shape::Scalar(Scalar {
    kind: Kind::Text,
    limits: Limits {
        min: None,
        max: None,
    },
    values: Vec::new(),
    is_secret: false,
    is_encoded: false,
});

impl Model {
    pub(super) fn parse(text: &'static str) -> Self {
        let plain = PLAIN.map(|kind| (kind, Scalar::parse(kind, "").unwrap_or_default()));
        let shapes = plain.map(|(kind, scalar)| (kind, Shape::Scalar(scalar)));
        let mut model = Self {
            operations: Vec::new(),
            shapes: HashMap::from(shapes),
        };
        let mut flags = HashMap::new();
        for line in text.lines() {
            let (first, rest) = split(line);
            match (first, model.operations.last_mut()) {
                ("operation", _) => model.operations.push(Operation::parse(rest)),
                ("structure" | "list" | "map", _) => {
                    let (name, rest) = split(rest);
                    model.shapes.insert(name, Shape::parse(first, rest));
                }
                ("unsigned", Some(operation)) => operation.needs_no_credentials = true,
                ("pages", Some(operation)) => operation.pages = Some(Pages::parse(rest)),
                ("about", Some(operation)) => operation.about = rest,
                (flag, Some(operation)) if flag.starts_with("--") => {
                    // A bare name is for what the line before said about it.
                    if !rest.is_empty() {
                        flags.insert(flag, Flag::parse(flag, rest));
                    }
                    operation.flags.extend(flags.get(flag));
                }
                (kind, _) => {
                    let (name, rest) = split(rest);
                    if let Some(scalar) = Scalar::parse(kind, rest) {
                        model.shapes.insert(name, Shape::Scalar(scalar));
                    }
                }
            }
        }
        model
    }

    pub(super) fn operations(&self) -> &[Operation] {
        &self.operations
    }

    /// Returns the names of shapes that are used and not there.
    #[cfg(test)]
    pub(super) fn undefined(&self) -> Vec<&'static str> {
        let operations = self.operations.iter();
        let mut used: Vec<_> = operations
            .flat_map(|operation| [operation.input, operation.output])
            .collect();
        for shape in self.shapes.values() {
            match shape {
                Shape::Structure(members) => used.extend(members.iter().map(|member| member.shape)),
                Shape::List { item, .. } => used.push(item),
                Shape::Map { value } => used.push(value),
                Shape::Scalar(_) => {}
            }
        }
        used.retain(|name| *name != "-" && !self.shapes.contains_key(name));
        used
    }

    /// Returns the shape with this name. Without one, it is a text.
    pub(super) fn shape(&self, name: &str) -> &Shape {
        self.shapes.get(name).unwrap_or(&TEXT)
    }

    /// Returns the name of the shape that the value of an option has.
    pub(super) fn shape_name(&self, operation: &Operation, flag: &Flag) -> &'static str {
        let mut members = self.members(operation.input).iter();
        let member = members.find(|member| member.name == flag.member);
        flag.own
            .or(member.map(|member| member.shape))
            .unwrap_or("string")
    }

    /// Returns the members of the structure with this name.
    pub(super) fn members(&self, name: &str) -> &[Member] {
        match self.shape(name) {
            Shape::Structure(members) => members,
            _ => &[],
        }
    }
}

impl Operation {
    fn parse(text: &'static str) -> Self {
        let (command, rest) = split(text);
        let (name, rest) = split(rest);
        let (input, output) = split(rest);
        Self {
            command,
            name,
            input,
            output,
            ..Self::default()
        }
    }
}

impl Flag {
    fn parse(name: &'static str, rest: &'static str) -> Self {
        let (member, about) = split(rest);
        let (member, own) = cut(member, ':');
        Self {
            name,
            member,
            own,
            about,
        }
    }
}

impl Pages {
    fn parse(text: &'static str) -> Self {
        let mut fields = text.split(' ');
        let mut field = || fields.next().filter(|field| *field != "-");
        let [input, output, more, limit, keys, others] = std::array::from_fn(|_| field());
        let list = |field: Option<&'static str>| -> Vec<&'static str> {
            field.into_iter().flat_map(|text| text.split(',')).collect()
        };
        Self {
            input: input.unwrap_or_default(),
            output: output.unwrap_or_default(),
            more,
            limit,
            keys: list(keys),
            others: list(others),
        }
    }

    /// Returns true for the parameters of paging, which a program sets by itself only to get one
    /// page.
    pub(super) fn has_parameter(&self, member: &str) -> bool {
        member == self.input || Some(member) == self.limit
    }
}

impl Shape {
    fn parse(kind: &str, text: &'static str) -> Self {
        let mut words = text.split(' ').filter(|word| !word.is_empty());
        match kind {
            "structure" => Self::Structure(words.map(Member::parse).collect()),
            "map" => Self::Map {
                value: words.nth(1).unwrap_or_default(),
            },
            _ => {
                let (item, element) = cut(words.next().unwrap_or_default(), '@');
                let limits = words.next().and_then(Limits::parse);
                Self::List {
                    item,
                    element,
                    limits: limits.unwrap_or_default(),
                }
            }
        }
    }
}

impl Member {
    /// Parses `NAME!~:SHAPE@ANSWER/REQUEST`, of which all but the name may be missing.
    fn parse(text: &'static str) -> Self {
        let (text, in_request) = cut(text, '/');
        let (text, in_answer) = cut(text, '@');
        let (text, shape) = cut(text, ':');
        let name = text.trim_end_matches(['!', '~']);
        let marks = &text[name.len()..];
        Self {
            name,
            shape: match shape {
                None => "string",
                Some("") => name,
                Some(other) => other,
            },
            in_request: in_request.unwrap_or(name),
            in_answer: match in_answer {
                None => name.into(),
                Some("") => lowercase_initial(name).into(),
                Some(other) => other.into(),
            },
            is_required: marks.contains('!'),
            is_token: marks.contains('~'),
        }
    }
}

impl Scalar {
    fn parse(kind: &str, text: &'static str) -> Option<Self> {
        let mut scalar = Self {
            kind: match kind {
                "string" => Kind::Text,
                "boolean" => Kind::Boolean,
                "integer" | "long" => Kind::Integer,
                "float" | "double" => Kind::Float,
                "timestamp" => Kind::Timestamp,
                "blob" => Kind::Blob,
                "document" => Kind::Document,
                _ => return None,
            },
            ..Self::default()
        };
        for word in text.split(' ').filter(|word| !word.is_empty()) {
            match Limits::parse(word) {
                Some(limits) => scalar.limits = limits,
                None if word == "secret" => scalar.is_secret = true,
                None if word == "base64" => scalar.is_encoded = true,
                None => scalar.values = word.split('|').collect(),
            }
        }
        Some(scalar)
    }
}

impl Limits {
    /// Parses `MIN..MAX`, of which one may be missing.
    fn parse(text: &str) -> Option<Self> {
        let (min, max) = text.split_once("..")?;
        Some(Self {
            min: min.parse().ok(),
            max: max.parse().ok(),
        })
    }
}

fn split(text: &'static str) -> (&'static str, &'static str) {
    text.split_once(' ').unwrap_or((text, ""))
}

fn lowercase_initial(name: &str) -> String {
    let (initial, rest) = name.split_at_checked(1).unwrap_or_default();
    initial.to_ascii_lowercase() + rest
}

/// Splits at a mark that may be missing.
fn cut(text: &'static str, mark: char) -> (&'static str, Option<&'static str>) {
    match text.split_once(mark) {
        Some((text, rest)) => (text, Some(rest)),
        None => (text, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_read_as_its_script_describes_it() {
        let model = Model::parse(
            "# Written by …\nservice query 1 - x x\noperation list-a ListA In Out\nunsigned\n\
             pages Token Next More Max A.B,C D\nabout Do it: now\n--a-b AB What it is\n\
             operation list-c ListC In -\n--a-b\n--c C:count\n\n\
             structure In AB!~:listType/Ab C:count@c/C D EF:@\nlist listType textType@x 1..5\n\
             map dict string integer\nstring textType ..9 x|y secret base64\ninteger count -1..\n",
        );
        let operation = &model.operations()[0];
        assert_eq!((operation.command, operation.name), ("list-a", "ListA"));
        assert_eq!((operation.input, operation.output), ("In", "Out"));
        assert!(operation.needs_no_credentials && operation.about == "Do it: now");
        let pages = operation.pages.as_ref().unwrap();
        assert_eq!((pages.input, pages.output), ("Token", "Next"));
        assert_eq!((pages.more, pages.limit), (Some("More"), Some("Max")));
        assert_eq!(
            (&pages.keys[..], &pages.others[..]),
            (&["A.B", "C"][..], &["D"][..])
        );
        let option = &operation.flags[0];
        assert_eq!((option.name, option.member), ("--a-b", "AB"));
        assert_eq!(option.about, "What it is");
        let same = &model.operations()[1].flags[0];
        assert_eq!((same.member, same.about), ("AB", "What it is"));
        let own = &model.operations()[1].flags[1];
        assert_eq!((own.member, own.own), ("C", Some("count")));
        let shape = |flag| model.shape_name(operation, flag);
        assert_eq!((shape(option), shape(own)), ("listType", "count"));
        let [first, second, third, fourth] = model.members("In") else {
            panic!("four members");
        };
        assert!(first.is_required && first.is_token && !second.is_required);
        assert_eq!(
            (first.name, first.shape, first.in_request),
            ("AB", "listType", "Ab")
        );
        assert_eq!((&*second.in_answer, second.in_request), ("c", "C"));
        assert_eq!((&*fourth.in_answer, fourth.in_request), ("eF", "EF"));
        assert_eq!(fourth.shape, "EF");
        assert_eq!(
            (third.name, third.shape, &*third.in_answer),
            ("D", "string", "D")
        );
        let limits = Limits {
            min: Some(1),
            max: Some(5),
        };
        let list = Shape::List {
            item: "textType",
            element: Some("x"),
            limits,
        };
        assert_eq!(*model.shape("listType"), list);
        assert_eq!(*model.shape("dict"), Shape::Map { value: "integer" });
        let Shape::Scalar(text) = model.shape("textType") else {
            panic!("a scalar");
        };
        assert_eq!((text.limits.min, text.limits.max), (None, Some(9)));
        assert_eq!((&text.values[..], text.is_secret), (&["x", "y"][..], true));
        assert!(text.is_encoded);
        let Shape::Scalar(count) = model.shape("count") else {
            panic!("a scalar");
        };
        assert_eq!((count.kind, count.limits.min), (Kind::Integer, Some(-1)));
    }
}
