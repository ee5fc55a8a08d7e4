"""The manifests and segments of AI models over 5G Media Streaming (M4).

    errors       every refusal, by cause
    model        a model manifest as values
    model_mpd    values <-> MPD: `write_model_mpd`, `read_model_mpd`
      mpd_writer, mpd_reader, vocabulary, elements, urls, xml_safety
    segments     samples <-> segments of a timed-metadata track
      boxes
    digests      segments named by their digest, checked while they arrive

Wire package: bytes in, values out, and back. It opens no file and no socket.
"""
