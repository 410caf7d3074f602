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
}

impl Question {
    /// A question as the client asked it. Without a path it takes the repository of the image that is being
    /// scanned, if that image is on the same registry.
    pub fn new(registry: Registry, settings: &Settings) -> Question {
        let mut path = registry.path();
        if path.is_empty() {
            let image = settings.images.iter().filter_map(|image| Registry::of_image(image));
            path = image
                .filter(|image| image.same_registry(&registry))
                .map(|image| image.path())
                .next()
                .unwrap_or_default();
        }
        Question { registry, path }
    }
}
