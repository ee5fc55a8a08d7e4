"""The names of a model MPD: namespaces, scheme URNs, DASH's spellings.

Own elements and attributes are in one namespace. Each element `ai:X` sits in the DASH descriptor
whose scheme is `urn:fivegms:ai:x:2026`, because descriptors are where the schema admits foreign
elements everywhere (ISO/IEC 23009-1 5.8.2).
"""

DASH_NAMESPACE = "urn:mpeg:dash:schema:mpd:2011"
AI_NAMESPACE = "urn:fivegms:ai:2026"
XLINK_NAMESPACE = "http://www.w3.org/1999/xlink"

DASH_PROFILE = "urn:mpeg:dash:profile:full:2011"

MODEL_SCHEME = "urn:fivegms:ai:model:2026"
SUBSET_SCHEME = "urn:fivegms:ai:subset:2026"
VARIANT_SCHEME = "urn:fivegms:ai:variant:2026"
COMPOSITION_SCHEME = "urn:fivegms:ai:composition:2026"

CONTENT_TYPE = "application"
MIME_TYPE = "application/mp4"
CODECS = "urim"
ORDER = "fully-ordered"


def dash(name: str) -> str:
    """The qualified name of a DASH element."""
    return f"{{{DASH_NAMESPACE}}}{name}"


def ai(name: str) -> str:
    """The qualified name of an own element or attribute."""
    return f"{{{AI_NAMESPACE}}}{name}"


XLINK_HREF = f"{{{XLINK_NAMESPACE}}}href"
