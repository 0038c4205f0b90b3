"""Arrays that lie in a file as they are in memory: NumPy's and safetensors."""
