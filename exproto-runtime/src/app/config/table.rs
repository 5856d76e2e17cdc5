//! The table of settings: what one definition says of each.

use toml::de::DeValue;

use super::kind::Form;

/// A setting, without its value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Info {
    /// The table of the file.
    pub(super) section: &'static str,
    pub(super) key: &'static str,
    pub(super) help: &'static str,
    pub(super) value_name: &'static str,
    pub(super) form: Form,
    /// A value, as TOML, for a setting that has none by default.
    pub(super) example: &'static str,
    /// The flag, without `--`.
    pub(super) flag: &'static str,
    /// What the flag stands under in the help.
    pub(super) heading: &'static str,
    /// In the short help.
    pub(super) common: bool,
    /// What holds if nothing is set, in words.
    pub(super) otherwise: Option<&'static str>,
}

impl Info {
    pub(super) const fn new(
        [section, heading]: [&'static str; 2],
        [key, flag]: [&'static str; 2],
        help: &'static str,
        value_name: &'static str,
        form: Form,
        example: &'static str,
    ) -> Self {
        Self { section, key, help, value_name, form, example, flag, heading, common: false, otherwise: None }
    }

    /// A flag of its own instead of `--SECTION-KEY`, shown by the short help.
    pub(super) const fn flag(mut self, flag: &'static str) -> Self {
        self.flag = flag;
        self.common = true;
        self
    }

    /// What stands for the value in the help.
    pub(super) const fn value(mut self, name: &'static str) -> Self {
        self.value_name = name;
        self
    }

    /// A value, as TOML, for a setting that has none by default.
    pub(super) const fn example(mut self, value: &'static str) -> Self {
        self.example = value;
        self
    }

    /// What holds if nothing is set, in words.
    pub(super) const fn otherwise(mut self, what: &'static str) -> Self {
        self.otherwise = Some(what);
        self
    }

    /// `session.idle`, as messages have it.
    pub(super) fn path(&self) -> String {
        format!("{}.{}", self.section, self.key)
    }

    /// The variable of the environment.
    pub(super) fn variable(&self) -> String {
        format!("{}{}_{}", super::PREFIX, self.section, self.key).to_uppercase()
    }
}

/// A name with dashes where it has underscores.
pub(super) const fn dashed<const LEN: usize>(name: &str) -> [u8; LEN] {
    let (mut out, mut index) = ([b'-'; LEN], 0);
    while index < LEN {
        if name.as_bytes()[index] != b'_' {
            out[index] = name.as_bytes()[index];
        }
        index += 1;
    }
    out
}

pub(super) const fn text(bytes: &'static [u8]) -> &'static str {
    match core::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(_) => "",
    }
}

/// A value as its source has it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Given<'g> {
    /// Of the command line or the environment.
    Words(&'g [String]),
    /// Of the file.
    Toml(&'g DeValue<'g>),
}

/// What has settings.
pub(super) trait Target {
    fn infos(&self) -> &'static [Info];

    /// Sets a value; the error is a sentence. A key that there is not does nothing.
    fn set(&mut self, key: &str, given: Given<'_>) -> Result<(), String>;

    /// A value as TOML, if there is one.
    fn show(&self, key: &str) -> Option<String>;
}

/// Defines the settings of a type: `KEY: KIND = FIELD, HELP, .OPTION(..);`.
macro_rules! settings {
    ($type:ty as $section:literal {
        $($key:ident: $kind:ty = $($field:ident).+, $help:literal $(, $option:ident($($arg:expr)?))*;)*
    }) => {
        impl $crate::app::config::table::Target for $type {
            fn infos(&self) -> &'static [$crate::app::config::table::Info] {
                const ALL: &[$crate::app::config::table::Info] = &[$(
                    $crate::app::config::table::Info::new(
                        [$section, concat!("Settings of [", $section, "]")],
                        [stringify!($key), {
                            const NAME: &str = concat!($section, "-", stringify!($key));
                            const BYTES: &[u8; NAME.len()] = &$crate::app::config::table::dashed(NAME);
                            $crate::app::config::table::text(BYTES)
                        }],
                        $help,
                        <$kind as $crate::app::config::kind::Kind>::NAME,
                        <$kind as $crate::app::config::kind::Kind>::FORM,
                        <$kind as $crate::app::config::kind::Kind>::EXAMPLE,
                    )$(.$option($($arg)?))*,
                )*];
                ALL
            }

            fn set(
                &mut self,
                key: &str,
                given: $crate::app::config::table::Given<'_>,
            ) -> Result<(), String> {
                use $crate::app::config::{kind::Kind, table::Given};
                match key {
                    $(stringify!($key) => {
                        let value = match given {
                            Given::Words(words) => <$kind as Kind>::read_all(words)?,
                            Given::Toml(value) => <$kind as Kind>::read_toml(value)?,
                        };
                        <$kind as Kind>::put(&mut self.$($field).+, value);
                    })*
                    _ => {}
                }
                Ok(())
            }

            fn show(&self, key: &str) -> Option<String> {
                match key {
                    $(stringify!($key) => {
                        <$kind as $crate::app::config::kind::Kind>::show(&self.$($field).+)
                    })*
                    _ => None,
                }
            }
        }
    };
}
pub(super) use settings;
