"""The 5GMS Application Server: content comes in at M2, is prepared, and goes out at M4.

    names, ranges, conditions, digest_fields, namespace, preparation_rules    pure rules
    store (folder_store, memory_store), documents                            what is kept
    ingest (M2), delivery (M4), configuration (M3), preparation (jobs)       shells
    server                                                                   puts them together

It knows the AF only by what the AF says over M3, and the UE only by what it asks at M4.
"""
