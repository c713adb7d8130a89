"""The pages of the plugin: rendered on the server from the lake's tables, read with PyIceberg."""
