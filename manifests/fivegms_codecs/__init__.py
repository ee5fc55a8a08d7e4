"""What the samples of a segment hold: a model's topology and its tensors, coded."""
