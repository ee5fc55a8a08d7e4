"""The manifests and segments of AI models over 5G Media Streaming (M4).

    errors       every refusal, by cause
    model        a model manifest as values
    model_mpd    values <-> MPD: `write_model_mpd`, `read_model_mpd`
      mpd_writer, mpd_reader, vocabulary, elements, urls, xml_safety
    segments     samples <-> segments of a timed-metadata track
      boxes
    digests      segments named by their digest, checked while they arrive
    release      what a provider signs of a manifest: which version, and until when it counts
      json_safety
    file_names   names that others chose for files: one part of a path
    encryption   segments that only those with a key can read

Wire package: bytes in, values out, and back. It opens no file and no socket.
"""
