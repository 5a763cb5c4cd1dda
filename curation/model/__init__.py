"""The self-supervised model: training, checkpoints, embedding."""
