"""The limits of gRPC calls."""

from dataclasses import dataclass

from tidemill.protoc.compiling import ProtoLimits


@dataclass(frozen=True, slots=True, kw_only=True)
class GrpcLimits:
    """Limits of gRPC calls, each with its unit."""

    timeout_us: int
    # The whole answer: each message on the wire, all of them, and what they are in JSON.
    response_bytes_max: int
    messages_max: int
    error_excerpt_bytes_max: int
    channels_max: int
    channel_idle_us: int
    # What describes services: the text of a .proto file, or what a server tells of itself.
    proto_bytes_max: int
    compile_timeout_us: int
    compiles_at_once_max: int
    descriptors_max: int
    reflection_bytes_max: int
    reflection_lifetime_us: int

    @property
    def compiling(self) -> ProtoLimits:
        """Those of compiling texts."""
        return ProtoLimits(
            bytes_max=self.proto_bytes_max,
            timeout_us=self.compile_timeout_us,
            at_once_max=self.compiles_at_once_max,
        )
