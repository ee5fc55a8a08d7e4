"""The shipped detector of handwritten digits: its scenes, weights, graph and figures.

Nothing here is needed to run the detector; `fivegms_testbed.assets` holds what was produced. The
modules are the record of how, and `python -m fivegms_testbed.detector` does all of it again with
the extra `train` installed (torch and scikit-learn, which no other part of the project uses).
"""
