"""Weights as files of other tools: ONNX graphs, packages for darktable, Hugging Face folders."""
