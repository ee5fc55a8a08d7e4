"""The resources of M1, M3 and M5 as values, validated on the way in, 3GPP-spelled on the way out.

No I/O: the AF, the AS and the client each bring their own transport.
"""
