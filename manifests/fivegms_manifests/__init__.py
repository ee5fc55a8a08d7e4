"""The manifests and segments of AI models over 5G Media Streaming (M4).

Wire package: bytes in, values out, and back. It opens no file and no socket.
"""
