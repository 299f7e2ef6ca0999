"""Where weights come from: a seed, a folder, a GGUF file, the Hub, or what is kept on this machine."""
