"""The mesh's certificate authority and its tokens: who may speak, and how that is proven."""
