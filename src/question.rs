//! What is asked: a registry, and the repository where it is known.

use crate::registry::Registry;
use crate::settings::Settings;

/// What is asked: a registry, and the repository if it is known.
#[derive(Debug, Clone)]
pub struct Question {
    /// The registry, with the path that the client sent.
    pub registry: Registry,
    /// The repository to match keys with: the client's own, else the scanned image's; empty if neither.
    pub path: String,
    /// Docker Hub's `library/` in that path was left out where it came from: `alpine` means `library/alpine`.
    pub library_implied: bool,
}

impl Question {
    /// A question as the client asked it. Without a path it takes the repository of the image that is being
    /// scanned, if that image is on the same registry.
    pub fn new(registry: Registry, settings: &Settings) -> Question {
        let question = Question::of(registry);
        if !question.path.is_empty() {
            return question;
        }
        let mut images = settings.images.iter().filter_map(|image| Registry::of_image(image));
        match images.find(|image| image.same_registry(&question.registry)) {
            Some(image) => Question { registry: question.registry, ..Question::of(image) },
            None => question,
        }
    }

    /// A question for a registry, and the path that stands in it.
    pub fn of(registry: Registry) -> Question {
        Question { path: registry.path(), library_implied: registry.implies_library(), registry }
    }
}
