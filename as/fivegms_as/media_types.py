"""What a path's extension says of its bytes, and for how long they may be kept (RFC 9111).

A file that is named by its SHA-256 can never change, so caches keep it for ever; everything else
is asked for again with its ETag.
"""

from pathlib import PurePosixPath

from fivegms_api.media_type import essence

OCTET_STREAM = "application/octet-stream"
IMMUTABLE = "public, max-age=31536000, immutable"
REVALIDATED = "no-cache"

_MODEL_TRACK = "application/mp4"
_BY_EXTENSION = {
    ".bin": OCTET_STREAM,
    ".html": "text/html; charset=utf-8",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".m3u8": "application/vnd.apple.mpegurl",
    ".m4a": "audio/mp4",
    ".m4s": "video/iso.segment",
    ".mjs": "text/javascript; charset=utf-8",
    ".mp4": "video/mp4",
    ".mpd": "application/dash+xml",
    ".onnx": OCTET_STREAM,
    ".png": "image/png",
    ".txt": "text/plain; charset=utf-8",
    ".vtt": "text/vtt; charset=utf-8",
    ".wasm": "application/wasm",
    ".webm": "video/webm",
    ".xml": "application/xml",
}


def media_type(path: str, declared: str | None = None) -> str:
    """The declared type, unless it says nothing; then what the extension means."""
    if declared and essence(declared) != OCTET_STREAM:
        return declared
    return _BY_EXTENSION.get(PurePosixPath(path).suffix.lower(), OCTET_STREAM)


def prepared_media_type(path: str) -> str:
    """What a prepared file is. Its MP4 tracks carry a model, neither pictures nor sound.

    So they are `application/mp4` (RFC 4337), as the MPD that names them says.
    """
    known = media_type(path)
    return _MODEL_TRACK if known in ("video/mp4", "video/iso.segment") else known


def cache_control(path: str, sha256: str) -> str:
    """The Cache-Control of a path whose bytes have that digest in hex."""
    return IMMUTABLE if PurePosixPath(path).stem == sha256 else REVALIDATED
