//! How to reach an MQTT broker, on the command line.

use std::path::PathBuf;

use clap::Args;

use crate::broker::{MqttSettings, MqttUrl};

/// Beside the address.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct AccessArgs {
    /// The file with the password for the MQTT broker in its first line
    #[arg(long, value_name = "FILE")]
    broker_password_file: Option<PathBuf>,
    /// The authorities whose certificate a broker with mqtts:// has to have
    /// [default: those that this machine trusts]
    #[cfg(feature = "tls")]
    #[arg(long, value_name = "FILE")]
    broker_ca: Option<PathBuf>,
    /// Our certificate, for a broker with mqtts:// that asks for one
    #[cfg(feature = "tls")]
    #[arg(long, value_name = "FILE", requires = "broker_key")]
    broker_cert: Option<PathBuf>,
    /// The key of our certificate
    #[cfg(feature = "tls")]
    #[arg(long, value_name = "FILE", requires = "broker_cert")]
    broker_key: Option<PathBuf>,
    /// The name in the certificate of a broker with mqtts:// [default: the host
    /// of its address]
    #[cfg(feature = "tls")]
    #[arg(long, value_name = "NAME")]
    broker_tls_name: Option<String>,
}

impl AccessArgs {
    /// The settings for a broker at this address.
    pub(super) fn settings(&self, url: MqttUrl) -> MqttSettings {
        let mut settings = MqttSettings::new(url);
        settings.password_file.clone_from(&self.broker_password_file);
        #[cfg(feature = "tls")]
        {
            use crate::tls::ClientTls;
            let mut tls = self.broker_ca.as_ref().map_or_else(ClientTls::system, ClientTls::new);
            if let (Some(chain), Some(key)) = (&self.broker_cert, &self.broker_key) {
                tls = tls.identity(chain, key);
            }
            if let Some(name) = &self.broker_tls_name {
                tls = tls.name(name);
            }
            settings.tls = tls;
        }
        settings
    }
}

/// Where `watch` and `send` find the broker.
#[derive(Args, Debug)]
pub(super) struct BrokerArgs {
    /// The MQTT broker: mqtt[s]://[USER[:PASSWORD]@]HOST[:PORT][?version=3.1.1]
    #[arg(long, value_name = "URL", default_value = "mqtt://127.0.0.1:1883")]
    broker: MqttUrl,
    #[command(flatten)]
    access: AccessArgs,
}

impl BrokerArgs {
    pub(super) fn settings(&self) -> MqttSettings {
        self.access.settings(self.broker.clone())
    }
}
