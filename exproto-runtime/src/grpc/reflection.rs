//! The standard reflection service: what is served, told over gRPC.

use std::io;

use tonic::service::RoutesBuilder;
use tonic_reflection::server::Builder;

/// Adds both versions of the service; tools ask for either.
pub(super) fn add(routes: &mut RoutesBuilder, descriptors: &[&'static [u8]]) -> io::Result<()> {
    let all = || {
        let builder =
            Builder::configure().register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET);
        descriptors.iter().fold(builder, |builder, set| builder.register_encoded_file_descriptor_set(set))
    };
    routes.add_service(all().build_v1().map_err(io::Error::other)?);
    routes.add_service(all().build_v1alpha().map_err(io::Error::other)?);
    Ok(())
}
