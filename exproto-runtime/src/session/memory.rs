//! What a session must know to go on in another process.

use super::flight::Login;
use super::gateway::Gateway;
use super::machine::Session;

/// What is left of a session when its process ends and its connection does
/// not. The user's own state is not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Memory {
    /// Empty if the device was not logged in.
    pub(crate) client_id: String,
    /// What `auth` has kept of the login, by name.
    pub(crate) kept: Vec<(String, String)>,
    /// The next serial number.
    pub(crate) serial: u64,
}

impl<G: Gateway> Session<G> {
    /// What another session needs to go on.
    pub(crate) fn memory(&self) -> Memory {
        let (login, serial) = self.standing();
        let kept = login.map_or(&[][..], |login| &login.kept);
        Memory {
            client_id: login.map_or_else(String::new, |login| login.client_id.to_string()),
            kept: kept.iter().map(|(name, value)| ((*name).to_owned(), value.to_string())).collect(),
            serial,
        }
    }

    /// Goes on where another session has left off. What that has kept under
    /// names that this gateway does not have is not taken over.
    pub(crate) fn resume(&mut self, memory: &Memory) {
        let names = || G::KEEPS.iter().flat_map(|names| names.iter().copied());
        let kept = memory.kept.iter().filter_map(|(name, value)| {
            let name = names().find(|known| known == name)?;
            Some((name, Box::from(value.as_str())))
        });
        let login = Login { client_id: memory.client_id.as_str().into(), kept: kept.collect() };
        let login = (!memory.client_id.is_empty()).then(|| Box::new(login));
        self.stand(login, memory.serial);
    }
}
