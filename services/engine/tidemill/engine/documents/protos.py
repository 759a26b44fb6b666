"""The .proto files of a definition, compiled when it is published: what they are wrong in shows then."""

from collections.abc import Sequence

from tidemill import dsl
from tidemill.dsl.outside import OutsideDocument
from tidemill.engine.documents.sources import ProtoFault
from tidemill.protoc.compiling import ProtoCompiler, ProtoError, ProtoLimits


class ProtoFaults:
    """Compiles texts for nothing but what is wrong with them: a call takes the text along."""

    def __init__(self, limits: ProtoLimits) -> None:
        self._compiler = ProtoCompiler(limits)

    async def __call__(self, text: str) -> str:
        """Why protoc does not take it; empty when it does."""
        try:
            await self._compiler.compile(text)
        except ProtoError as error:
            return str(error)
        return ""


async def refuse_protos(protos: Sequence[tuple[OutsideDocument, bytes]], fault: ProtoFault) -> None:
    """Raise DocumentError for the first .proto file that cannot be compiled; all are text."""
    for named, content in protos:
        if sentence := await fault(content.decode("utf-8-sig")):
            raise dsl.DocumentError([dsl.Problem(named.pointer, f"{named.source}: {sentence}")])
