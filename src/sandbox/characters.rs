//! Characters: made from an uploaded video, looked up by id, never used for anything here.

use std::collections::VecDeque;

use axum::extract::{Path, Request, State};
use axum::response::Response;
use serde::Serialize;

use super::answers::{self, ErrorAnswer};
use super::fields::Accepts;
use super::rules::RULES;
use super::{Shared, api, lock};

/// The characters kept, oldest first.
pub(super) struct Characters {
    max: usize,
    kept: VecDeque<Character>,
}

#[derive(Clone, Serialize)]
struct Character {
    id: String,
    name: String,
    created_at: u64,
}

/// `POST /v1/videos/characters`
pub(super) async fn create(State(sandbox): State<Shared>, request: Request) -> Result<Response, ErrorAnswer> {
    let fields = api::read(request, Accepts::Form).await?;
    let name = RULES.character(&fields)?;
    let character =
        Character { id: sandbox.id("char_", 32), name, created_at: sandbox.clock.now().as_secs() };
    lock(&sandbox.characters).add(character.clone());
    Ok(answers::success(character))
}

/// `GET /v1/videos/characters/{id}`
pub(super) async fn retrieve(
    State(sandbox): State<Shared>,
    Path(id): Path<String>,
) -> Result<Response, ErrorAnswer> {
    let characters = lock(&sandbox.characters);
    let found = characters.kept.iter().find(|character| character.id == id);
    found.map(answers::success).ok_or_else(|| ErrorAnswer::character_not_found(&id))
}

// === impl Characters ===

impl Characters {
    /// Keeps at most `max` characters.
    pub(super) fn new(max: usize) -> Self {
        Self { max, kept: VecDeque::new() }
    }

    fn add(&mut self, character: Character) {
        self.kept.push_back(character);
        while self.kept.len() > self.max {
            self.kept.pop_front();
        }
    }
}
