"""The program that compiles one .proto file, in a folder, within limits of its own.

It imports nothing of ours. Called with the folder and its seconds of CPU time; its end is protoc's.
"""

import os
import resource
import sys
from typing import Final

SOURCE: Final = "service.proto"
RESULT: Final = "service.binpb"
ERRORS: Final = "errors.txt"
_MEMORY_BYTES_MAX: Final = 1_073_741_824
_FILE_BYTES_MAX: Final = 8_388_608


def main(folder: str, cpu_seconds: int) -> int:
    """Compile; returns protoc's code."""
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds))
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES_MAX, _MEMORY_BYTES_MAX))
    resource.setrlimit(resource.RLIMIT_FSIZE, (_FILE_BYTES_MAX, _FILE_BYTES_MAX))
    os.chdir(folder)
    # protoc writes its errors to the descriptor, past what Python calls standard error.
    errors = os.open(ERRORS, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(errors, 2)
    from grpc_tools import protoc  # type: ignore[import-untyped]

    known = os.path.join(os.path.dirname(protoc.__file__), "_proto")
    return int(
        protoc.main(
            [
                "protoc",
                f"--proto_path={folder}",
                f"--proto_path={known}",
                "--include_imports",
                f"--descriptor_set_out={RESULT}",
                SOURCE,
            ]
        )
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2])))
