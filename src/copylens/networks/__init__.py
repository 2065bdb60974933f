"""PyTorch modules in, ONNX graphs out: backbones, GeM pooling, the SSCD network, Meta's published files."""
