"""Who published a model: the provider's signature over its manifest, verified on the device.

    policy         what the app trusts, and what happens when that is not met
    keys           providers' public keys, and their fingerprints
    bundle         the Sigstore bundle with its DSSE envelope
    statement      the in-toto statement inside: file names and digests
    verification   the rule: bytes, keys and the time in, a verified release or a named refusal out
    memory         the newest release of each model that this device has seen
    guard          the shell: fetches, verifies, remembers, before any segment is asked for

The bundle is that of OpenSSF model-signing 1.0, which signs it; here `cryptography` alone verifies.
"""

from fivegms_client.trust.keys import TrustedKey, trusted_key
from fivegms_client.trust.policy import TRUST_OFF, Trust, TrustMode, TrustPolicy

__all__ = ["TRUST_OFF", "Trust", "TrustMode", "TrustPolicy", "TrustedKey", "trusted_key"]
