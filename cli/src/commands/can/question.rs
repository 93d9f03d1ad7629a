use keyfob_chain::Variables;
use serde_json::{Map, Value};

use super::context_entry::ContextEntry;
use crate::{args::CanArgs, failure::Failure};

/// What is asked of each principal.
#[derive(Debug)]
pub(super) struct Question {
    actions: Vec<String>,
    resources: Vec<String>,
    context: Vec<ContextEntry>,
}

impl Question {
    /// Tells actions from resources: what has `arn:` in front is a resource. What is given twice is
    /// asked once.
    ///
    /// # Errors
    ///
    /// If a word is neither, if there is no action, or if a value of the context has no key.
    pub(super) fn new(args: &CanArgs, variables: &Variables) -> Result<Self, Failure> {
        let mut question = Self {
            actions: Vec::new(),
            resources: Vec::new(),
            context: Vec::new(),
        };
        for (index, word) in args.words.iter().enumerate() {
            let number = index + 1;
            if word.starts_with("arn:") {
                add(&mut question.resources, word, |known| known == word);
            } else if is_action(word) {
                let is_same = |known: &str| known.eq_ignore_ascii_case(word);
                add(&mut question.actions, word, is_same);
            } else {
                let cure = if word.contains(['*', '?']) {
                    "IAM simulates no wildcards: name each action, such as s3:GetObject"
                } else {
                    "it is neither an action, such as s3:GetObject, nor the ARN of a resource"
                };
                return Err(Failure::usage(format!("word {number}: {cure}")));
            }
        }
        if question.actions.is_empty() {
            let text = "no action is given: name one, such as s3:GetObject";
            return Err(Failure::usage(text));
        }
        question.context = ContextEntry::read_all(&args.context, variables)?;
        Ok(question)
    }

    /// Returns the parameters of `SimulatePrincipalPolicy`.
    pub(super) fn parameters(&self, principal: &str) -> Map<String, Value> {
        let mut parameters = Map::new();
        parameters.insert("PolicySourceArn".to_owned(), principal.into());
        parameters.insert("ActionNames".to_owned(), self.actions.clone().into());
        if !self.resources.is_empty() {
            parameters.insert("ResourceArns".to_owned(), self.resources.clone().into());
        }
        if !self.context.is_empty() {
            let entries = self.context.iter().map(ContextEntry::parameter);
            parameters.insert("ContextEntries".to_owned(), entries.collect());
        }
        parameters
    }

    /// Returns each action, and how many results it must have: one for each resource.
    pub(super) fn expected(&self) -> impl Iterator<Item = (&str, usize)> {
        let count = self.resources.len().max(1);
        self.actions.iter().map(move |action| (&**action, count))
    }
}

fn add(words: &mut Vec<String>, word: &str, is_same: impl Fn(&str) -> bool) {
    if !words.iter().any(|known| is_same(known)) {
        words.push(word.to_owned());
    }
}

/// Returns true for `service:Action`. Wildcards are none.
///
/// Source: IAM API reference, `SimulatePrincipalPolicy`.
fn is_action(word: &str) -> bool {
    let is_plain = |text: &str| {
        let mut bytes = text.bytes();
        !text.is_empty() && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    word.split_once(':')
        .is_some_and(|(service, action)| is_plain(service) && is_plain(action))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_has_a_service_and_a_name() {
        for word in ["s3:GetObject", "execute-api:Invoke", "sso:x"] {
            assert!(is_action(word), "{word}");
        }
        for word in [
            "s3",
            "s3:",
            ":Get",
            "*",
            "ec2:*",
            "iam:Get*User",
            "s3:?",
            "s3:Get Object",
            "s3:a:b",
            "bucket/key",
        ] {
            assert!(!is_action(word), "{word}");
        }
    }
}
