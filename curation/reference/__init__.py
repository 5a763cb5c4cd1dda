"""The texts made from the code: the comments of `params.yaml`, its JSON schema, the pages of docs/reference."""
