"""A provider's signature over a model, made where the provider is and nowhere else.

    keys           the provider's key pair: made, kept, read
    examination    a manifest and every segment that it names, looked at before it is signed
    release        what is signed: the next release of a model
    bundle         the signature, by OpenSSF model-signing (extra `sign`)
    publication    the signed files, beside the manifest: in its folder, or over M2

No AF and no AS ever holds the key: who could make them sign would be the provider.
"""
