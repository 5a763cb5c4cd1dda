"""Pictures: decoding them completely, their figures, and the proxies made of them."""
