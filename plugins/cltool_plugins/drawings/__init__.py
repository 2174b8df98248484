"""Pictures that the project draws itself: characters of fonts, strokes, shapes and textures."""
