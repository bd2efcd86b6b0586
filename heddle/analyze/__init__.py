"""`heddle analyze`: what is wrong with files, with a cluster, or with files laid over a cluster."""
