"""What a request is about: keywords first, vectors where they are not sure."""
