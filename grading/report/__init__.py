"""Turn a grade into what people and machines read: one model of blocks, several renderers. Pure."""
