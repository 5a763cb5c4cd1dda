"""Raw files: listing them, decoding them, and the proxy images made from them."""
