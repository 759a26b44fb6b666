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
    """Raise DocumentError for the first .proto file that cannot be compiled."""
    for named, content in protos:
        if sentence := await _fault(content, fault):
            raise dsl.DocumentError([dsl.Problem(named.pointer, f"{named.source}: {sentence}")])


async def _fault(content: bytes, fault: ProtoFault) -> str:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # The plan has not looked at it: it belongs to a function that is called nowhere.
        return f"it is not UTF-8 (byte {error.start})"
    return await fault(text)
