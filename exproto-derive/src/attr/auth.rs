//! `auth(..)`: how a frame logs its device in.

use proc_macro2::Ident;
use syn::LitStr;
use syn::parse::ParseStream;

use super::route::{LoginText, comma};
use super::{after_eq, in_parens};

/// `auth(client_id = "..", username = "..", password = FUNCTION)`.
#[derive(Clone)]
pub(crate) struct Auth {
    pub(crate) client_id: LoginText,
    pub(crate) username: Option<LoginText>,
    pub(crate) password: Option<LoginText>,
    /// Fields that later topics may name.
    pub(crate) keep: Vec<Ident>,
    /// All frames have it, so only the first logs in.
    pub(crate) shared: bool,
}

impl Auth {
    /// The texts that are templates.
    pub(crate) fn templates(&self) -> impl Iterator<Item = &LitStr> {
        [Some(&self.client_id), self.username.as_ref(), self.password.as_ref()]
            .into_iter()
            .flatten()
            .filter_map(|text| match text {
                LoginText::Template(literal) => Some(literal),
                LoginText::Made(_) => None,
            })
    }
}

pub(super) fn auth(at: &Ident, input: ParseStream<'_>) -> syn::Result<Auth> {
    let (mut client_id, mut username, mut password, mut keep) = (None, None, None, Vec::new());
    while !input.is_empty() {
        let key: Ident = input.parse()?;
        let slot = match key.to_string().as_str() {
            "client_id" => &mut client_id,
            "username" => &mut username,
            "password" => &mut password,
            "keep" => {
                in_parens(input, &key, "FIELD", |input| {
                    while !input.is_empty() {
                        keep.push(input.parse()?);
                        comma(input)?;
                    }
                    Ok(())
                })?;
                comma(input)?;
                continue;
            }
            _ => {
                return Err(syn::Error::new(
                    key.span(),
                    format!("`auth` has no key `{key}`; its keys are: client_id, username, password, keep"),
                ));
            }
        };
        *slot = Some(after_eq(input, &key, "\"{field}\"", |input| {
            Ok(if input.peek(LitStr) {
                LoginText::Template(input.parse()?)
            } else {
                LoginText::Made(input.parse()?)
            })
        })?);
        comma(input)?;
    }
    let client_id = client_id.ok_or_else(|| {
        syn::Error::new(at.span(), "`auth` has to say who the device is: `auth(client_id = \"{field}\")`")
    })?;
    Ok(Auth { client_id, username, password, keep, shared: false })
}
