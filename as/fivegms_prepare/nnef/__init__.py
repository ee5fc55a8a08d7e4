"""NNEF packages to ONNX models and back (TR 26.927 6.5.6, docs/nnef.md)."""
